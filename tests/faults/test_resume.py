"""``orch apply --resume``: what it goes on with, and when it says that it cannot."""

from __future__ import annotations

import json
import stat
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


def test_only_what_was_approved_is_applied_and_a_lock_is_never_stepped_over(stage: Disturbed) -> None:
    stage.inject(stage.state_fault("PutObject", "prod/first", delay=HOLD))
    running = stage.start()
    running.wait_for("prod/first: terraform_data.this: Creation complete")
    running.kill_all()
    stage.inject()
    cut = stage.runs()[0].run
    stage.project.write("live/stacks/first.yaml", "module: crate\ninputs: {value: something else}\n")

    locked = stage.resume(code=1)
    assert locked.units()["prod/first"]["status"] == "failed"
    assert f"its process has ended, of run {cut}" in locked.units()["prod/first"]["cause"]
    assert "orch unlock prod/first" in locked.units()["prod/first"]["cause"]
    assert locked.units()["prod/second"]["status"] == "skipped"
    # The other one had not begun: it was applied from the plan that was approved, not from a new one.
    assert locked.units()["prod/alone"]["status"] == "applied"
    (log,) = (stage.root / ".orch" / "runs" / stage.runs()[0].run / "logs" / "prod" / "alone").iterdir()
    commands = [line for line in log.read_text().splitlines() if line.startswith("$ ")]
    assert not [line for line in commands if " plan " in line]
    assert [line for line in commands if " apply " in line]

    stage.project.orch("unlock", "prod/first", "--yes")
    differs = stage.resume(cut, code=4)
    assert differs.units()["prod/first"]["status"] == "no longer as approved"
    assert "input is not what the preview announced" in differs.units()["prod/first"]["cause"]
    final = stage.final()
    assert final["prod/first"] is None
    assert final["prod/alone"]["outputs"]["value"]["value"] == "alone"
    assert stage.locks() == []


def test_a_state_that_could_not_be_saved_is_kept_told_of_and_saved(
    stage: Disturbed, undisturbed: dict[str, Any]
) -> None:
    with stage.faults(stage.state_fault("PutObject", status=400, code="KMS.DisabledException")):
        failed = stage.apply(code=1)
    run = stage.runs()[0].run
    (file,) = stage.root.glob(".orch/runs/*/units/prod/first/*/errored.tfstate")
    shown = file.relative_to(stage.root).as_posix()
    assert shown in failed.units()["prod/first"]["cause"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    refused = stage.project.orch("plan", "prod/first", code=1)
    assert f"Run {run} could not save a state: {shown}" in refused.err
    assert f"prod/first has a state that run {run} could not save" in refused.text
    rows = stage.project.orch("runs", "--json").json["rows"]
    noted = next(row for row in rows if row["run"] == run)
    assert noted["note"] == "has an unsaved state of prod/first/eu-west-1"

    # Somebody else's state took the place meanwhile: it is not overwritten.
    key = "prod/first/eu-west-1/terraform.tfstate"
    other = json.dumps({"version": 4, "lineage": "other", "serial": 9, "outputs": {}, "resources": []})
    stage.s3().put_object(Bucket=stage.bucket, Key=key, Body=other.encode())
    kept = stage.resume(code=1)  # the default, although the run had failed: its state is what matters most
    assert "the state of prod/first has another lineage" in kept.units()["prod/first"]["cause"]
    assert file.is_file()
    stage.s3().delete_object(Bucket=stage.bucket, Key=key)

    # As Terraform leaves it when AWS was gone before it could ask whether there is a state: without a lineage.
    file.write_text(json.dumps({**json.loads(file.read_text()), "lineage": ""}))
    saved = stage.resume(run)
    assert saved.units()["prod/first"]["status"] == "unchanged", "what was made is not made again"
    assert not file.exists()
    assert list((stage.root / ".orch" / "runs" / run / "pushed").rglob("*.tfstate"))
    assert stage.final() == undisturbed
    assert stage.locks() == []


def test_a_run_that_still_goes_on_is_left_alone(stage: Disturbed) -> None:
    stage.inject(stage.state_fault("PutObject", delay=HOLD))
    running = stage.start()
    running.wait_for("prod/first: terraform_data.this: Creation complete")
    assert "still running" in stage.resume(stage.runs()[0].run, code=2).err
    stage.inject()
    assert running.end().code == 0
