"""A long run must not become slower: time per unit in the last hundred of 1,000 units against the first hundred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from benchmarks.figures import Compared, Measured, Row, Side, Unit
from benchmarks.projects import Bench, bench, spokes
from benchmarks.turns import Effort, say

_WORK = "1,000 units of `terraform_data`, `orch {} -j2`: time per unit in the last hundred / in the first hundred"
APPLY = Row("thousand-apply", _WORK.format("apply"), *(Unit.MILLISECONDS, Compared.RATIO), bar=1.1, aim=1.0)
PLAN = Row("thousand-plan", _WORK.format("plan"), *(Unit.MILLISECONDS, Compared.RATIO), bar=1.1, aim=1.0)
ROWS = (APPLY, PLAN)

_SLOTS = "2"
_SKIPPED = 5
"""Units at the start that do not count: all others wait for the first, the next ones for the import of the checks."""


def measure(effort: Effort, wanted: frozenset[str]) -> Iterable[Measured]:
    """Apply the units once, and plan them in each round; the journal of each run says when each unit ended."""
    count, part = effort.size(1000, 40), effort.size(100, 10)
    with bench() as project:
        spokes(project, count)
        project.orch("bootstrap", "main", "--yes")
        applied = _hundreds(project, ("apply", "prod", "--yes"), "apply-ended", part)
        if APPLY.id in wanted:
            yield _measured(APPLY, [applied])
        if PLAN.id in wanted:
            rounds = [_hundreds(project, ("plan", "prod"), "planned", part) for _ in range(effort.rounds)]
            yield _measured(PLAN, rounds)


def _hundreds(project: Bench, command: tuple[str, ...], event: str, part: int) -> tuple[float, float]:
    usage = project.measure(*command, "-j", _SLOTS)
    first, last = per_unit(ends(project.journal(), event), part)
    say(f"  orch {command[0]}: {usage.seconds:.1f} s; {first * 1000:.0f} ms, then {last * 1000:.0f} ms for each unit")
    return first * 1000, last * 1000


def ends(journal: Sequence[Mapping[str, str]], event: str) -> list[datetime]:
    """Return when each unit ended, in order: the times of an event of a journal."""
    return sorted(datetime.fromisoformat(record["time"]) for record in journal if record["event"] == event)


def per_unit(times: Sequence[datetime], part: int) -> tuple[float, float]:
    """Return seconds per unit among the first and among the last.

    Args:
        times: when each unit ended, in order; more than twice ``part`` of them.
        part: how many units the first and the last are.
    """
    start = _SKIPPED - 1
    first = (times[start + part] - times[start]).total_seconds() / part
    last = (times[-1] - times[-1 - part]).total_seconds() / part
    return first, last


def _measured(row: Row, rounds: Sequence[tuple[float, float]]) -> Measured:
    return Measured(
        row.id,
        Side("last hundred", tuple(last for _, last in rounds)),
        Side("first hundred", tuple(first for first, _ in rounds)),
    )
