"""A past run and a past finding as people read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.guard.model import Severity
from orchestrator.guard.receipt.receipt import Receipt, RecordedFinding, StateWrites
from orchestrator.report.final.past import (
    ShownRun,
    finding_shown_form,
    render_finding,
    render_run,
    run_shown_form,
)
from orchestrator.report.json import run_form, run_json
from orchestrator.report.model import Status
from orchestrator.report.saved import parse_report
from orchestrator.report.tables import dump
from orchestrator.report.text import cell_width
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.reports import past_run, save_report
from tests.support.reports import finding, run, unit
from tests.support.samples import tagged

Golden = Callable[[str, str], None]

RUN = "20260301-101500-7f3a"


def a_receipt(unit_id: str, **more: object) -> Receipt:
    """The receipt of a plan that passed."""
    receipt = Receipt(
        run=RUN,
        unit=unit_id,
        verb="apply",
        account_id="111111111111",
        region="eu-west-1",
        state=f"s3://ams-111111111111-tfstate/{unit_id}/eu-west-1/terraform.tfstate",
        lineage="662730bc-dc40-f66d-b115-c358a3185284",
        serial=4,
        digest="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        plan_sha256="6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
        json_sha256="d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35",
        policies="4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce",
        versions={
            "orch": "0.1.0",
            "registry.terraform.io/hashicorp/aws": "5.100.0",
            "terraform": "1.11.4",
        },
        checks=("ORCH_HIDDEN_REPLACE", "ORCH_PROTECTED", "ORCH_WEAKENED"),
        blocked=False,
        findings=(),
        time="2026-03-01T10:15:09+00:00",
        commit="4b227777d4dd1fc61c6f884f48641d02b4d121d3-dirty",
        files={},
    )
    return replace(receipt, **more)  # type: ignore[arg-type]


def shown() -> ShownRun:
    """A run in which most things happened."""
    pool = replace(finding("prod/identity"), id="3a9c01ffee", inside="3 users")
    waived = replace(pool, id="77ab01ffee", severity=Severity.WAIVED, waiver="w-1 by anna: moved (until 2026-03-12)")
    report = run(
        unit("prod/data", Status.APPLIED, findings=(waived,)),
        unit("prod/api", Status.FAILED, cause="a provider said no"),
        unit("prod/identity", Status.BLOCKED, findings=(pool,)),
        unit("prod/web", Status.UNCHANGED),
        run=RUN,
    )
    events = [("run-started", {}), *(("planned", {"unit": f"prod/{u}"}) for u in ("data", "api", "identity", "web"))]
    events += [
        ("approved", {}),
        ("apply-started", {"unit": "prod/data", "role": "break-glass", "owner": "anna", "reason": "CI is down"}),
        ("apply-ended", {"unit": "prod/data"}),
        ("apply-started", {"unit": "prod/api"}),
        ("apply-ended", {"unit": "prod/api", "cause": "a provider said no"}),
        ("ended", {"unit": "prod/data", "status": "applied"}),
        ("run-ended", {}),
    ]
    lineage = "662730bc-dc40-f66d-b115-c358a3185284"
    return ShownRun(
        run=RUN,
        verb="apply",
        targets=("prod",),
        outcome="blocked by policy",
        report=run_form(report),
        ends={each.unit: each.status.value for each in report.units},
        receipts={
            "prod/data": a_receipt(
                "prod/data",
                findings=(RecordedFinding("77ab01ffee", "ORCH_PROTECTED", "waived", "w-1"),),
                wrote=StateWrites(ok=True, lineage=lineage, first=5, last=6, versions={"v2": 6, "v1": 5}),
            ),
            "prod/api": a_receipt(
                "prod/api",
                lineage="",
                serial=0,
                wrote=StateWrites(ok=False, lineage=lineage, first=1, last=1, versions={"v1": 1}),
            ),
            "prod/identity": a_receipt(
                "prod/identity", blocked=True, findings=(RecordedFinding("3a9c01ffee", "ORCH_PROTECTED", "block"),)
            ),
        },
        copies=(
            {
                "unit": "prod/data",
                "address": "aws_dynamodb_table.this",
                "type": "aws_dynamodb_table",
                "action": "update",
                "what": "an on-demand backup",
                "where": ["arn:aws:dynamodb:eu-west-1:111111111111:table/ams-prod-data/backup/01"],
                "at": "2026-03-01T10:15:10+00:00",
            },
            {"unit": "prod/api", "address": "aws_kms_key.this", "what": "nothing: a key cannot be copied", "where": []},
        ),
        events=tuple(
            {"time": f"2026-03-01T10:15:{second:02}.123456+00:00", "event": event, **fields}
            for second, (event, fields) in enumerate(events)
        ),
    )


def test_a_run_with_its_receipts(golden: Golden) -> None:
    golden("report/show-run.txt", render_run(shown(), width=140) + "\n")


def test_a_run_on_a_narrow_terminal(golden: Golden) -> None:
    golden("report/show-run-80.txt", render_run(shown(), width=80) + "\n")


@pytest.mark.parametrize("width", [60, 80])
def test_no_word_of_a_table_is_broken_on_a_narrow_terminal(width: int) -> None:
    """A line is only wider than the terminal if it is one word, which goes below its title."""
    for line in render_run(shown(), width=width, stack=True).splitlines():
        assert cell_width(line) <= width or len(line.split()) == 1, line


def test_a_run_as_json_has_the_receipts_whole(golden: Golden) -> None:
    golden("report/show-run.json", dump({**run_shown_form(shown()), "report": "as orch apply --json"}) + "\n")
    assert run_shown_form(shown())["refresh"] is True
    assert run_shown_form(shown())["receipts"][0]["plan_sha256"] == a_receipt("x").plan_sha256


def test_a_block_explained(golden: Golden) -> None:
    pool = replace(finding("prod/identity"), id="3a9c01ffee", inside="3 users")
    golden("report/show-finding.txt", render_finding(RUN, pool, width=80) + "\n")
    golden("report/show-finding.json", dump(finding_shown_form(RUN, pool)) + "\n")


def test_what_a_waiver_allows_already_needs_no_other() -> None:
    waived = replace(finding("prod/identity"), severity=Severity.WAIVED, waiver="w-1 by anna: moved")
    assert "orch waive" not in render_finding(RUN, waived)
    assert "w-1 by anna: moved" in render_finding(RUN, waived)
    assert finding_shown_form(RUN, waived)["waive"] is None


def test_what_no_waiver_reaches_is_not_offered_one() -> None:
    canary = replace(finding("prod/identity"), rule="ORCH_CANARY")
    assert "orch waive" not in (text := render_finding(RUN, canary))
    assert "No waiver can allow this" in text
    assert finding_shown_form(RUN, canary)["waive"] is None


def test_color_changes_no_letter() -> None:
    import re  # noqa: PLC0415 - of this test alone

    plain = re.sub(r"\x1b\[[0-9;]*m", "", render_run(shown(), color=True, width=100))
    assert plain == render_run(shown(), width=100)


@pytest.fixture
def folders(tmp_path: Path) -> RunPaths:
    found = RunPaths(root=tmp_path, run=RUN)
    journal = Journal(found.journal)
    journal.write("run-started", verb="apply", targets=["prod"], units=["prod/data", "prod/api"], pid=1)
    journal.write("planned", unit="prod/data", status="planned")
    journal.write("apply-started", unit="prod/data", plan="0")
    journal.close()
    return found


def test_a_run_that_was_killed_is_told_from_its_journal(folders: RunPaths) -> None:
    a_receipt("prod/data").write(folders.of_run / "receipts/prod/data/eu-west-1.json")
    (folders.of_run / "receipts/prod/data/eu-west-2.json").write_text("{}")
    found = past_run(folders.root, RUN)
    assert (found.report, found.verb, found.targets, found.outcome) == (None, "apply", ("prod",), "cut off")
    assert found.ends == {"prod/data": "planned", "prod/api": "not begun"}
    assert list(found.receipts) == ["prod/data"]
    text = render_run(found)
    assert "cut off" in text
    assert "no receipt" in text
    assert "apply-started prod/data" in text


def test_a_run_without_refresh_says_so_with_a_report_and_without(tmp_path: Path) -> None:
    folders = RunPaths(root=tmp_path, run=RUN)
    journal = Journal(folders.journal)
    journal.write("run-started", verb="plan", targets=["prod"], units=["prod/data"], refresh=False)
    journal.close()
    for report in (None, run(unit("prod/data", Status.UNCHANGED), run=RUN, verb="plan", refresh=False)):
        if report is not None:
            save_report(folders, report)
        found = past_run(tmp_path, RUN)
        assert run_shown_form(found)["refresh"] is False
        text = " ".join(render_run(found).split())
        assert "orch plan --no-refresh prod" in text
        assert "are not seen, and these plans are never applied" in text


def test_report_journal_and_copies_come_together(folders: RunPaths) -> None:
    report = run(unit("prod/data", Status.APPLIED), unit("prod/api", Status.FAILED), run=RUN)
    save_report(folders, report)
    folders.copies.write_text(json.dumps({"format": 1, "copies": [{"unit": "prod/data", "where": ["a.json"]}]}))
    found = past_run(folders.root, RUN)
    assert found.report == json.loads(run_json(report))
    assert found.outcome == "cut off", "as `orch runs` says: its end was never recorded"
    assert found.copies == ({"unit": "prod/data", "where": ["a.json"]},)
    folders.copies.write_text(json.dumps({"format": 2, "copies": []}))
    with pytest.raises(UsageError, match="has format 2"):
        past_run(folders.root, RUN)


def test_a_past_run_says_what_it_changed_resource_by_resource(folders: RunPaths) -> None:
    report = run(tagged("prod/data"), tagged("prod/api", Status.FAILED), run=RUN)
    save_report(folders, report)
    found = past_run(folders.root, RUN)
    assert parse_report(json.loads(run_json(report)), source="report.json") == report
    text = render_run(found)
    assert "resources   done ~1, attempted ~1" in text
    assert text.index("Changes by unit") < text.index("prod/api  failed") < text.index("Applied")
    assert text.count("  ~ aws_sqs_queue.this") == 2
    assert '"a" → "b"' not in text
    assert '"a" → "b"' in render_run(found, verbose=True)
    save_report(folders, run(*(replace(each, status=Status.APPLIED) for each in report.units), run=RUN))
    assert render_run(past_run(folders.root, RUN)).count("  ~ aws_sqs_queue.this") == 1, "folded"
    document = json.loads(folders.report.read_text())
    document["units"][0]["status"] = "a word of a later orch"
    folders.report.write_text(json.dumps(document))
    assert "aws_sqs_queue" not in render_run(past_run(folders.root, RUN)), "the rest is shown"


def test_a_run_that_left_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no run"):
        past_run(tmp_path, RUN)
    RunPaths(root=tmp_path, run=RUN).of_run.mkdir(parents=True)
    with pytest.raises(UsageError, match="neither a report nor a journal"):
        past_run(tmp_path, RUN)
