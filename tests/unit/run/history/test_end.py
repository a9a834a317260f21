"""The end of a run is recorded in the words of its report, so that every reader says the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.model import Status
from orchestrator.report.outcome import RunOutcome, outcome
from orchestrator.run.history.end import record_end
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.runs import read_run
from tests.support.reports import run, unit

VERBS = ["plan", "apply", "destroy", "drift", "bootstrap", "move", "adopt", "show", "terraform"]


@given(
    statuses=st.lists(st.sampled_from(list(Status)), max_size=4),
    verb=st.sampled_from(VERBS),
    interrupted=st.booleans(),
    dry_run=st.booleans(),
    error=st.sampled_from(["", "it failed"]),
)
def test_a_journal_says_what_the_report_says(
    tmp_path_factory: pytest.TempPathFactory,
    statuses: list[Status],
    verb: str,
    *,
    interrupted: bool,
    dry_run: bool,
    error: str,
) -> None:
    folder = tmp_path_factory.mktemp("run")
    units = [unit(f"prod/u{number}", status) for number, status in enumerate(statuses)]
    journal = Journal(folder / "journal.jsonl")
    names = [each.unit for each in units]
    journal.write("run-started", verb=verb, targets=["prod"], units=names, dry_run=dry_run)
    for name in names[:2]:
        journal.write("planned", unit=name, status="planned")
    report = run(*units, verb=verb, interrupted=interrupted, dry_run=dry_run, error=error)
    record_end(journal, report, error="UnitError" if error else "")
    journal.close()
    past = read_run(folder)
    assert past.outcome is outcome(report)
    assert past.ends() == {each.unit: each.status.value for each in units}


def test_a_status_is_recorded_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("planned", unit="prod/a", status="unchanged")
    journal.write("planned", unit="prod/b", status="planned")
    record_end(journal, run(unit("prod/a", Status.UNCHANGED), unit("prod/b", Status.DECLINED)))
    journal.close()
    events = [(each["event"], each.get("unit"), each.get("status")) for each in read_run(tmp_path).records.records]
    assert events[2:] == [("ended", "prod/b", "declined"), ("run-ended", None, None)]
    assert read_run(tmp_path).outcome is RunOutcome.DECLINED
