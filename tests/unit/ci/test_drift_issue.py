"""One issue for each stage that drifted, updated in place and closed when it is clean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.ci.drift_issue import DriftIssue, IssueOutcome, drift_issue, update_drift_issue
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.comment.stage import stage_plans
from orchestrator.report.model import RunReport, Status, UnitReport
from tests.support.comments import CONTEXT, attribute, unit, update
from tests.support.fake_host import FakeHost

CHANGE = update("aws_sqs_queue.this", attribute("max_message_size", "1024", "2048"))
DRIFTED = unit("prod/tasks", CHANGE, status=Status.DRIFTED)
CLEAN = unit("prod/data", status=Status.UNCHANGED)


def issue(*units: UnitReport, error: str = "", interrupted: bool = False) -> DriftIssue:
    report = RunReport("20261124-030207-7f3a", "drift", ("*",), units, 1, error=error, interrupted=interrupted)
    (plan,) = stage_plans([RunRecord(report)])
    return drift_issue(plan, CONTEXT)


def test_the_issue_says_what_differs_and_what_to_do() -> None:
    made = issue(DRIFTED, CLEAN)
    assert made.title == "Drift in prod: 1 unit"
    first, _, text = made.body.partition("\n")
    assert first == made.marker == "<!-- orch:v1 drift stage=prod -->"
    assert "`prod/tasks`" in text
    assert "max_message_size" in text
    assert "`orch apply prod` sets what `live/` says again" in text
    assert "after the merge" not in text
    assert "<!--" not in text


def test_a_stage_has_one_issue_from_the_first_difference_until_it_is_clean() -> None:
    host = FakeHost()
    assert update_drift_issue(host, issue(CLEAN)) == (IssueOutcome.NONE, None)
    outcome, opened = update_drift_issue(host, issue(DRIFTED, CLEAN))
    assert (outcome, opened and opened.title) == (IssueOutcome.OPENED, "Drift in prod: 1 unit")
    outcome, updated = update_drift_issue(host, issue(DRIFTED, replace(DRIFTED, unit="prod/api")))
    assert (outcome, updated and updated.title) == (IssueOutcome.UPDATED, "Drift in prod: 2 units")
    outcome, closed = update_drift_issue(host, issue(CLEAN))
    assert (outcome, closed and closed.is_open) == (IssueOutcome.CLOSED, False)
    assert closed is not None
    assert closed.title == "No drift in prod"
    assert update_drift_issue(host, issue(CLEAN)) == (IssueOutcome.NONE, closed)
    outcome, again = update_drift_issue(host, issue(DRIFTED))
    assert (outcome, again and again.is_open) == (IssueOutcome.REOPENED, True)
    assert len(host.issues) == 1


@pytest.mark.parametrize("status", [Status.FAILED, Status.SKIPPED, Status.INTERRUPTED, Status.UNKNOWN])
def test_what_could_not_be_compared_closes_nothing(status: Status) -> None:
    host = FakeHost()
    update_drift_issue(host, issue(DRIFTED))
    for made in (
        issue(CLEAN, unit("prod/tasks", status=status, cause="denied")),
        issue(CLEAN, error="the session ended"),
        issue(CLEAN, interrupted=True),
    ):
        assert not made.complete
        outcome, found = update_drift_issue(host, made)
        assert (outcome, found and found.is_open) == (IssueOutcome.UPDATED, True)
        assert found is not None
        assert found.title == "Drift in prod: 1 unit"


def test_a_protected_resource_that_differs_counts_as_drift() -> None:
    assert issue(replace(DRIFTED, status=Status.BLOCKED)).drifted == 1


def test_each_stage_has_its_own_marker() -> None:
    names = ("prod", "pro", "p--d", "a-->b")
    made = {issue(replace(DRIFTED, unit=f"{name}/tasks")).marker for name in names}
    assert len(made) == len(names)
    assert all(marker.count("-->") == 1 for marker in made)
