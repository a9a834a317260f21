"""Past runs: how they ended, what they did not finish, which folders stay."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.cli.app import main
from orchestrator.report.outcome import RunOutcome
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.paths import new_run
from orchestrator.run.history.prune import RUNS_TO_KEEP, remove_old
from orchestrator.run.history.reports import RUN_ID
from orchestrator.run.history.runs import past_runs, read_run
from orchestrator.run.history.start import earlier_runs
from tests.support.journals import APPROVED, END, PLANNED, STARTED, ended, make_run, planned


@pytest.mark.parametrize(
    ("events", "outcome", "done"),
    [
        ((), RunOutcome.CUT_OFF, 0),
        ((*PLANNED, APPROVED, STARTED), RunOutcome.CUT_OFF, 0),
        ((*PLANNED, APPROVED, ended("prod/a", "applied")), RunOutcome.CUT_OFF, 1),
        ((*PLANNED, ended("prod/a", "applied"), ended("prod/b", "unchanged"), END), RunOutcome.DONE, 2),
        ((*PLANNED, ended("prod/a", "failed"), ended("prod/b", "skipped"), END), RunOutcome.FAILED, 0),
        ((planned("prod/a", "blocked"), planned("prod/b", "skipped"), END), RunOutcome.BLOCKED, 0),
        ((*PLANNED, ended("prod/a", "applied"), ended("prod/b", "no longer as approved"), END), RunOutcome.STALE, 1),
        ((*PLANNED, ("declined", {}), END), RunOutcome.DECLINED, 0),
        ((("interrupted", {"level": 1}), END), RunOutcome.INTERRUPTED, 0),
        ((("interrupted", {"level": 1}), STARTED), RunOutcome.CUT_OFF, 0),
        ((("run-ended", {"error": "UsageError"}),), RunOutcome.FAILED, 0),
        ((*PLANNED, ended("prod/a", "unknown"), ended("prod/b", "skipped"), END), RunOutcome.UNKNOWN, 0),
        ((*PLANNED, ended("prod/a", "applied"), ("scheduler-lost", {}), END), RunOutcome.INTERRUPTED, 1),
        ((*PLANNED, ("run-ended", {"outcome": "nothing to do"})), RunOutcome.UNCHANGED, 0),
        ((*PLANNED, ("run-ended", {"outcome": "a word of a later orch"})), RunOutcome.PLANNED, 0),
    ],
)
def test_how_a_run_ended(tmp_path: Path, events: tuple[tuple[str, dict[str, object]], ...], outcome: RunOutcome, done: int) -> None:  # fmt: skip
    past = read_run(make_run(tmp_path, "20261126-000000-aaaa", *events))
    assert past.outcome is outcome
    assert len(past.done) == done


def test_a_plan_is_done_when_every_unit_was_planned(tmp_path: Path) -> None:
    events = (planned("prod/a", "after its upstreams"), planned("prod/b"), END)
    past = read_run(make_run(tmp_path, "20261126-000000-aaaa", *events, verb="plan"))
    assert past.outcome is RunOutcome.PLANNED
    assert past.done == ("prod/a", "prod/b")


@pytest.mark.parametrize(
    ("events", "done"),
    [
        ((planned("prod/a"), planned("prod/b", "unchanged"), END), 2),  # written into live/; the next apply imports
        ((ended("prod/a", "adopted"), ended("prod/b", "unchanged"), END), 2),
        ((planned("prod/a"), ended("prod/a", "blocked"), END), 0),
        ((planned("prod/a"), planned("prod/b")), 0),  # cut off, perhaps before the file was written
    ],
)
def test_an_adopted_unit_leaves_nothing_to_do(tmp_path: Path, events: tuple[tuple[str, dict[str, object]], ...], done: int) -> None:  # fmt: skip
    past = read_run(make_run(tmp_path, "20261126-000000-aaaa", *events, verb="adopt"))
    assert len(past.done) == done


def test_a_running_run_is_not_taken_for_one_that_was_cut_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "20261126-000000-aaaa" / "journal.jsonl")
    journal.write("run-started", verb="apply", targets=[], units=["prod/a"], pid=2**22 + 1)
    assert next(past_runs(tmp_path)).outcome is RunOutcome.RUNNING
    journal.close()
    assert next(past_runs(tmp_path)).outcome is RunOutcome.CUT_OFF


def test_the_next_runs_report_a_cut_off_apply_until_it_is_done(tmp_path: Path) -> None:
    runs = tmp_path / ".orch" / "runs"
    make_run(runs, "20261126-000000-aaaa", *PLANNED, APPROVED, STARTED)
    make_run(runs, "20261126-000001-aaaa", *PLANNED, END, verb="plan")
    told = list(earlier_runs(tmp_path))
    assert len(told) == 1
    assert "Run 20261126-000000-aaaa was cut off while it applied prod/a (since" in told[0]
    assert "orch apply --resume 20261126-000000-aaaa" in told[0]
    make_run(runs, "20261126-000002-aaaa", ended("prod/a", "applied"), END)
    assert not list(earlier_runs(tmp_path))


def test_an_unsaved_state_is_reported_at_every_start(tmp_path: Path) -> None:
    runs = tmp_path / ".orch" / "runs"
    folder = make_run(runs, "20261126-000000-aaaa", END)
    (folder / "units/prod/a/eu-west-1").mkdir(parents=True)
    (folder / "units/prod/a/eu-west-1/errored.tfstate").write_text("{}")
    (told,) = earlier_runs(tmp_path)
    assert ".orch/runs/20261126-000000-aaaa/units/prod/a/eu-west-1/errored.tfstate" in told
    assert "orch apply --resume 20261126-000000-aaaa" in told


def test_a_rehearsal_that_was_killed_concerns_nobody(tmp_path: Path) -> None:
    runs = tmp_path / ".orch" / "runs"
    folder = make_run(runs, "20261126-000000-aaaa", *PLANNED, APPROVED, STARTED, verb="rehearse")
    (folder / "units/prod/a/eu-west-1").mkdir(parents=True)
    (folder / "units/prod/a/eu-west-1/errored.tfstate").write_text("{}")
    assert not list(earlier_runs(tmp_path))
    assert not next(past_runs(runs)).resumable


def test_old_runs_are_removed_unless_they_are_needed(tmp_path: Path) -> None:
    names = [f"20200101-0000{number:02d}-aaaa" for number in range(RUNS_TO_KEEP + 9)]
    for name in names:
        (tmp_path / name).mkdir()
    half = (*PLANNED, APPROVED, ended("prod/a", "applied"))
    make_run(tmp_path, names[0], *half)
    make_run(tmp_path, names[1], *half, continues=names[0])
    make_run(tmp_path, names[2], *PLANNED, APPROVED, ended("prod/a", "applied"), ended("prod/b", "applied"), END)
    make_run(tmp_path, names[3], *PLANNED)  # Nothing was approved, so it cannot be resumed.
    (tmp_path / names[4] / "units/prod/a/eu-west-1").mkdir(parents=True)
    (tmp_path / names[4] / "units/prod/a/eu-west-1/errored.tfstate").write_text("{}")
    going = Journal(tmp_path / names[5] / "journal.jsonl")
    now = datetime.now(UTC)
    remove_old(tmp_path, now=now)
    expected = {*names[-RUNS_TO_KEEP:], names[0], names[1], names[4], names[5]}
    assert {path.name for path in tmp_path.iterdir()} == expected
    going.close()
    remove_old(tmp_path, now=now + timedelta(hours=25))
    assert {path.name for path in tmp_path.iterdir()} == {*names[-RUNS_TO_KEEP:], names[4]}


def test_runs_are_listed_newest_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "orch.yaml").write_text("format: 1\n")
    runs = tmp_path / ".orch" / "runs"
    make_run(runs, "20261126-000000-aaaa", *PLANNED, APPROVED, ended("prod/a", "applied"))
    make_run(runs, "20261126-000001-aaaa", *PLANNED, END, verb="plan")
    make_run(runs, "20261126-000002-aaaa", END, continues="20261126-000000-aaaa")
    with (runs / "20261126-000001-aaaa" / "journal.jsonl").open("ab") as file:
        file.write(b"garbage\n")
    with ExitStack() as stack:
        stack.callback(os.chdir, Path.cwd())
        with pytest.raises(SystemExit, match="0"):
            main(["-C", str(tmp_path), "--json", "runs", "--limit", "2"])
        document = json.loads(capsys.readouterr().out)
        assert (document["format"], document["kind"]) == (1, "runs")
        assert [row["run"] for row in document["rows"]] == ["20261126-000002-aaaa", "20261126-000001-aaaa"]
        assert document["rows"][1]["note"] == "1 line of its journal cannot be read"
        with pytest.raises(SystemExit, match="0"):
            main(["-C", str(tmp_path), "runs", "--no-color"])
        shown = capsys.readouterr().out.splitlines()
    assert shown[3].split() == [
        "20261126-000000-aaaa",
        *["apply", "prod", "cut", "off", "1", "1", "continued", "by", "20261126-000002-aaaa"],
    ]


def test_runs_of_another_version_are_listed_as_unreadable(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "20261126-000000-aaaa", END)
    journal = folder / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"format": 1', '"format": 9'))
    assert next(past_runs(tmp_path)).outcome is RunOutcome.UNREADABLE


def test_runs_that_start_in_the_same_second_sort_by_time(tmp_path: Path) -> None:
    made = [new_run(tmp_path).run for _ in range(200)]
    assert sorted(set(made)) == made
    assert all(RUN_ID.fullmatch(run) for run in made)
