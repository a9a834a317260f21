"""The exit code of a command, from how its units ended."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.errors import detailed_code
from orchestrator.report.model import Status, UnitReport

INTERRUPTED = 130
"""The exit code of an interrupted run, however its units ended."""

_CODES = {
    Status.INTERRUPTED: INTERRUPTED,
    Status.BLOCKED: 3,
    Status.STALE: 4,
    Status.DECLINED: 4,
    Status.UNKNOWN: 1,
    Status.FAILED: 1,
    Status.SKIPPED: 1,
}
"""Exit codes by status; the first one that applies wins."""


def exit_code(reports: Iterable[UnitReport]) -> int:
    """Return the exit code of a finished run: 0, or the code of the most important unit that did not succeed."""
    statuses = {report.status for report in reports}
    return next((code for status, code in _CODES.items() if status in statuses), 0)


def detailed_exit_code(reports: Iterable[UnitReport]) -> int:
    """Return the exit code of ``--detailed-exitcode``.

    0 nothing to do, 2 changes, 3 blocked, 1 any error, 130 interrupted. Drift counts as a change.
    """
    every = tuple(reports)
    code = exit_code(every)
    if code:
        return detailed_code(code)
    pending = {Status.PLANNED, Status.AFTER_UPSTREAMS, Status.DRIFTED}
    return 2 if any(report.status in pending for report in every) else 0
