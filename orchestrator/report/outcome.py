"""How a run ended: its outcome in words, its units by status, its resources by action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.report.text import COUNTED
from orchestrator.terraform.model import Action

DONE = frozenset({Status.APPLIED, Status.DESTROYED})
"""Units whose changes were made."""

ATTEMPTED = frozenset({Status.FAILED, Status.UNKNOWN, Status.INTERRUPTED})
"""Units of which nobody knows from their status alone which changes were made."""

OUTCOMES: Mapping[Status, str] = {
    Status.INTERRUPTED: "interrupted",
    Status.BLOCKED: "blocked by policy",
    Status.STALE: "stopped: no longer as approved",
    Status.DECLINED: "declined",
    Status.UNKNOWN: "failed",
    Status.FAILED: "failed",
    Status.SKIPPED: "failed",
}
"""Outcome of a run by the worst status of a unit, the worst first; in the order of the exit codes."""

_ORDER = (
    Status.APPLIED,
    Status.DESTROYED,
    Status.MOVED,
    Status.ADOPTED,
    Status.PLANNED,
    Status.AFTER_UPSTREAMS,
    Status.DRIFTED,
    *reversed(tuple(OUTCOMES)),
)


def outcome(report: RunReport) -> str:
    """Return how a run ended, such as ``changes planned`` or ``blocked by policy``."""
    statuses = {unit.status for unit in report.units}
    if report.interrupted:
        return OUTCOMES[Status.INTERRUPTED]
    bad = next((words for status, words in OUTCOMES.items() if status in statuses), None)
    if bad is not None or report.error:
        return bad or OUTCOMES[Status.FAILED]
    if statuses & {Status.PLANNED, Status.AFTER_UPSTREAMS}:
        return "changes planned"
    if Status.DRIFTED in statuses:
        return "changed outside"
    return "done" if statuses & {*DONE, Status.MOVED, Status.ADOPTED} else "nothing to do"


def sums(units: Sequence[UnitReport]) -> dict[Action, int]:
    """Return the number of resources by action over several units, with every counted action as a key."""
    return {action: sum(unit.count(action) for unit in units) for action in COUNTED}


def statuses(report: RunReport) -> str:
    """Return the number of units by status, such as ``3 applied, 1 blocked``, without the unchanged ones."""
    numbers = {status: sum(1 for unit in report.units if unit.status is status) for status in _ORDER}
    return ", ".join(f"{number} {status}" for status, number in numbers.items() if number)


def done(report: RunReport) -> bool:
    """Return whether the changes of any unit were made."""
    return any(unit.status in DONE for unit in report.units)


def totals(report: RunReport) -> str:
    """Return the resources by action: what was done, attempted, and not done.

    A unit whose apply failed or was interrupted may have made some of its changes: they count as attempted.
    """
    if report.verb in {"plan", "drift"} or outcome(report) in {"changes planned", "changed outside"}:
        planned = _signs(report.units)
        return (
            planned
            if outcome(report) in {"changes planned", "changed outside"} or not planned
            else f"planned {planned}"
        )
    words = {"done": DONE, "attempted": ATTEMPTED}
    groups = {word: [unit for unit in report.units if unit.status in found] for word, found in words.items()}
    groups["not done"] = [unit for unit in report.units if unit.status not in DONE | ATTEMPTED]
    return ", ".join(f"{word} {text}" for word, units in groups.items() if (text := _signs(units)))


def _signs(units: Sequence[UnitReport]) -> str:
    return " ".join(f"{action.sign}{number}" for action, number in sums(units).items() if number)
