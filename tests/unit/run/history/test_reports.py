"""The report that a run saves, and how it is found again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.report.json import finding_form, finding_of, run_json
from orchestrator.report.model import Notice, Status, UnitDone
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.reports import Recorder, find_finding, find_report, save_report
from tests.support.reports import finding, run, unit

OLD, NEW = "20260301-101500-7f3a", "20260302-101500-7f3a"


def saved(root: Path, id_: str, *units: object) -> RunPaths:
    """A run that ended with these units."""
    folders = RunPaths(root=root, run=id_)
    save_report(folders, run(*units, run=id_))  # type: ignore[arg-type]
    return folders


def test_a_report_is_saved_as_json_prints_it_and_is_private(tmp_path: Path) -> None:
    report = run(unit("prod/identity", Status.BLOCKED, findings=(finding("prod/identity"),)))
    folders = RunPaths(root=tmp_path, run=report.run)
    save_report(folders, report)
    assert folders.report.read_text() == run_json(report) + "\n"
    assert folders.report.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folders.of_run.iterdir()] == ["report.json"]
    assert find_report(tmp_path, report.run) == json.loads(run_json(report))


def test_a_finding_is_read_back_with_the_address_that_a_waiver_names(tmp_path: Path) -> None:
    before = finding("prod/identity")
    assert finding_of(json.loads(json.dumps(finding_form(before)))) == before
    assert finding_form(before)["address"] == "aws_cognito_user_pool.this"
    assert finding_form(before)["resource"] == before.address == "module.this.aws_cognito_user_pool.this"
    without = replace(before, where=None)
    assert finding_of({**finding_form(without), "of_a_newer_orch": 1}) == without


def test_the_newest_run_that_has_a_finding_is_taken(tmp_path: Path) -> None:
    pool = finding("prod/identity")
    saved(tmp_path, OLD, unit("prod/identity", findings=(replace(pool, cause="then"),)))
    saved(tmp_path, NEW, unit("prod/identity", findings=(replace(pool, cause="now"),)))
    saved(tmp_path, "20260303-101500-7f3a", unit("prod/data"))
    found = find_finding(tmp_path, pool.id)
    assert (found.run, found.finding.cause, found.unit["unit"]) == (NEW, "now", "prod/identity")


def test_a_missing_or_unreadable_report_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run on this machine has a finding 'f-0' — plan the unit again"):
        find_finding(tmp_path, "f-0")
    with pytest.raises(UsageError, match=r"no run .* — newest runs: none"):
        find_report(tmp_path, OLD)
    folders = saved(tmp_path, OLD, unit("prod/data"))
    for id_ in (NEW, "../..", ""):
        with pytest.raises(UsageError, match=f"newest runs: {OLD}"):
            find_report(tmp_path, id_)
    whole = folders.report.read_text()
    folders.report.write_text(whole.replace('"format": 1', '"format": 2', 1))
    with pytest.raises(UsageError, match="has format 2; this version of orch reads 1"):
        find_report(tmp_path, OLD)
    folders.report.write_text(whole[:100])
    with pytest.raises(UsageError, match=r"has no readable report.*journal.jsonl"):
        find_report(tmp_path, OLD)
    with pytest.raises(UsageError, match="no run"):
        find_finding(tmp_path, "f-3a9c01")


def test_the_recorder_knows_how_units_ended_while_the_run_runs() -> None:
    kept = Recorder()
    for event in (
        UnitDone(unit("b", Status.PLANNED)),
        Notice(text="x"),
        UnitDone(unit("a", Status.PLANNED)),
        UnitDone(unit("b", Status.APPLIED)),
    ):
        kept(event)
    assert [(each.unit, each.status) for each in kept.units(["a", "b", "c"])] == [
        ("a", Status.PLANNED),
        ("b", Status.APPLIED),
    ]


def test_a_run_that_an_error_ended_is_not_done() -> None:
    report = json.loads(run_json(run(unit("prod/data", Status.APPLIED), error="no disk")))
    assert (report["outcome"], report["error"]) == ("failed", "no disk")
