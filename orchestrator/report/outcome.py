"""How a run ended: its outcome in words, its units by status, its resources by action."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.report.text import COUNTED
from orchestrator.terraform.model import Action

DONE = frozenset({Status.APPLIED, Status.DESTROYED})
"""Units whose changes were made."""

ATTEMPTED = frozenset({Status.FAILED, Status.UNKNOWN, Status.INTERRUPTED})
"""Units of which nobody knows from their status alone which changes were made."""


class RunOutcome(StrEnum):
    """How a run ended: the words of its report, of ``orch runs`` and of ``orch show RUN``."""

    RUNNING = "still running"
    CUT_OFF = "cut off"
    """The run never recorded its end: orch was killed, or the machine went down."""
    UNREADABLE = "unreadable"
    """Another version of orch wrote its journal."""
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked by policy"
    STALE = "stopped: no longer as approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    """The end of an apply is unknown, because its worker was lost."""
    FAILED = "failed"
    PLANNED = "changes planned"
    DRIFTED = "changed outside"
    DONE = "done"
    UNCHANGED = "nothing to do"


OUTCOMES: Mapping[Status, RunOutcome] = {
    Status.INTERRUPTED: RunOutcome.INTERRUPTED,
    Status.BLOCKED: RunOutcome.BLOCKED,
    Status.STALE: RunOutcome.STALE,
    Status.DECLINED: RunOutcome.DECLINED,
    Status.UNKNOWN: RunOutcome.UNKNOWN,
    Status.FAILED: RunOutcome.FAILED,
    Status.SKIPPED: RunOutcome.FAILED,
}
"""Outcome of a run by the worst status of a unit, the worst first; in the order of the exit codes."""

_PENDING = frozenset({RunOutcome.PLANNED, RunOutcome.DRIFTED})
_READING_VERBS = frozenset({"show", "terraform"})
"""Commands that prepare the root of a unit and end none."""

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


def outcome(report: RunReport) -> RunOutcome:
    """Return how a run ended."""
    return outcome_of(
        {unit.status for unit in report.units},
        verb=report.verb,
        dry_run=report.dry_run,
        interrupted=report.interrupted,
        failed=bool(report.error),
    )


def outcome_of(
    ends: Collection[Status], *, verb: str, dry_run: bool = False, interrupted: bool = False, failed: bool = False
) -> RunOutcome:
    """Return how a run ended.

    Args:
        ends: the statuses of its units.
        verb: its command.
        dry_run: it was to change nothing.
        interrupted: Ctrl-C or SIGTERM was received.
        failed: the run as a whole ended early.
    """
    if interrupted:
        return RunOutcome.INTERRUPTED
    bad = next((words for status, words in OUTCOMES.items() if status in ends), None)
    if bad is not None or failed:
        return bad or RunOutcome.FAILED
    if dry_run or {Status.PLANNED, Status.AFTER_UPSTREAMS} & set(ends):
        return RunOutcome.PLANNED
    if Status.DRIFTED in ends and not DONE & set(ends):
        return RunOutcome.DRIFTED
    done = verb in _READING_VERBS or {*DONE, Status.MOVED, Status.ADOPTED} & set(ends)
    return RunOutcome.DONE if done else RunOutcome.UNCHANGED


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
    if report.verb in {"plan", "drift"} or outcome(report) in _PENDING:
        planned = _signs(report.units)
        return planned if outcome(report) in _PENDING or not planned else f"planned {planned}"
    words = {"done": DONE, "attempted": ATTEMPTED}
    groups = {word: [unit for unit in report.units if unit.status in found] for word, found in words.items()}
    groups["not done"] = [unit for unit in report.units if unit.status not in DONE | ATTEMPTED]
    texts = {word: text for word, units in groups.items() if (text := _signs(units))}
    if outcome(report) is RunOutcome.DONE and list(texts) == ["done"]:
        return texts["done"]
    return ", ".join(f"{word} {text}" for word, text in texts.items())


def _signs(units: Sequence[UnitReport]) -> str:
    return " ".join(f"{action.sign}{number}" for action, number in sums(units).items() if number)
