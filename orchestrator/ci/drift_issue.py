"""One issue for each stage that was changed outside of orch: opened, updated in place, closed when clean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.ci.host import CodeHost, HostIssue
from orchestrator.report.comment.body import stage_comment
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.marker import marked
from orchestrator.report.comment.stage import StagePlan
from orchestrator.report.model import Status
from orchestrator.util.plural import plural

_DRIFTED = frozenset({Status.DRIFTED, Status.BLOCKED})
"""A blocked unit of ``orch drift`` is one whose protected resources differ."""
_COMPARED = _DRIFTED | {Status.UNCHANGED}


class IssueOutcome(StrEnum):
    """What was done with the issue of a stage."""

    OPENED = "opened"
    UPDATED = "updated"
    REOPENED = "reopened"
    CLOSED = "closed"
    NONE = "none"
    """Nothing drifted, and no issue is open; or the stage could not be compared, and no issue is open."""


@dataclass(frozen=True, slots=True)
class DriftIssue:
    """The issue of a stage.

    Attributes:
        stage: the stage.
        marker: the first line of the text, by which the issue is found again.
        title: one line.
        body: the Markdown, the marker included.
        drifted: how many units differ.
        complete: every unit of the run was compared.
    """

    stage: str
    marker: str
    title: str
    body: str
    drifted: int
    complete: bool


def drift_issue(plan: StagePlan, context: CommentContext) -> DriftIssue:
    """Return the issue of a stage.

    Args:
        plan: the records of ``orch drift`` for the stage.
        context: the run of the CI.
    """
    statuses = [unit.status for unit in plan.report.units]
    drifted = sum(status in _DRIFTED for status in statuses)
    ended = not plan.report.error and not plan.report.interrupted
    title = f"Drift in {plan.stage}: {plural(drifted, 'unit')}" if drifted else f"No drift in {plan.stage}"
    marker = f"<!-- orch:v1 drift stage={marked(plan.stage)} -->"
    text = stage_comment(plan, context).text.partition("\n")[2]
    complete = ended and bool(statuses) and set(statuses) <= _COMPARED
    return DriftIssue(plan.stage, marker, title, f"{marker}\n{text}", drifted, complete)


def update_drift_issue(host: CodeHost, issue: DriftIssue) -> tuple[IssueOutcome, HostIssue | None]:
    """Open, update or close the issue of a stage on a code host.

    An issue is closed only if every unit was compared and none differs. One that somebody closed by hand is opened
    again if the stage still differs.

    Raises:
        HostError: the code host does not do it.
    """
    found = host.find_issue(issue.marker)
    if issue.drifted and found is None:
        return IssueOutcome.OPENED, host.create_issue(issue.title, issue.body)
    if found is None or (not issue.drifted and not found.is_open):
        return IssueOutcome.NONE, found
    if issue.drifted:
        outcome = IssueOutcome.UPDATED if found.is_open else IssueOutcome.REOPENED
        return outcome, host.update_issue(found.number, title=issue.title, body=issue.body, is_open=True)
    if issue.complete:
        return IssueOutcome.CLOSED, host.update_issue(found.number, title=issue.title, body=issue.body, is_open=False)
    return IssueOutcome.UPDATED, host.update_issue(found.number, title=found.title, body=issue.body, is_open=True)
