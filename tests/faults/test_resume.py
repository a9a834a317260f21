"""``orch apply --resume``: what it goes on with, and when it says that it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.faults import HOLD, Disturbed, Running

pytestmark = pytest.mark.integration


def cut_between(stage: Disturbed) -> Running:
    """orch is killed when ``first`` is applied and ``second`` is about to be planned for real."""
    stage.inject(stage.state_fault("HeadObject", "prod/second", delay=HOLD))
    running = stage.start()
    running.wait_for("prod/first applied")
    running.wait_for("prod/second: planning")
    running.kill_all()
    stage.inject()
    return running


def test_what_is_left_is_applied_and_what_is_done_is_left_alone(stage: Disturbed, undisturbed: dict[str, Any]) -> None:
    cut_between(stage)
    cut = stage.runs()[0]
    assert cut.outcome == "cut off"
    rows = stage.project.orch("runs", "--json").json["rows"]
    assert (rows[0]["outcome"], rows[0]["verb"], rows[0]["done"], rows[0]["left"]) == ("cut off", "apply", 2, 1)

    units = stage.resume().units()
    assert {name: unit["status"] for name, unit in units.items()} == {
        "prod/alone": "unchanged",
        "prod/first": "unchanged",
        "prod/second": "applied",
    }
    assert units["prod/first"]["cause"] == f"done in run {cut.run}"
    assert stage.final() == undisturbed
    assert not stage.locks()

    done, before = stage.runs()[:2]
    assert (done.outcome, done.continues, before.run) == ("done", cut.run, cut.run)
    nothing = stage.project.orch("apply", "--resume", code=2)
    assert "no apply on this machine was interrupted or cut off" in nothing.err
    # It is gone on with, so naming it means the newest of its kind, and there is nothing left to do.
    again = stage.project.orch("apply", "--resume", cut.run, "--json").units()
    assert {unit["status"] for unit in again.values()} == {"unchanged"}
