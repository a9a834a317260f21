"""Many slots where the API is what is waited for: 40 independent units behind 100 ms of latency."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.figures import Compared, Measured, Row, Unit
from benchmarks.latency_proxy import delayed
from benchmarks.projects import COLD, bench, groups
from benchmarks.tree import Usage
from benchmarks.turns import Effort, in_turns, wall

ROW = Row(
    "latency",
    "100 ms in front of the emulator, 40 independent AWS units, nothing changed: `orch plan -j8` against `-j2`",
    *(Unit.SECONDS, Compared.SPEEDUP),
    bar=2.5,
    aim=3.5,
)
ROWS = (ROW,)

_SECONDS = 0.1


def measure(effort: Effort, _wanted: frozenset[str]) -> Iterable[Measured]:
    """Apply without latency, then plan with it."""
    with bench() as project:
        groups(project, effort.size(40, 4), independent=True)
        project.orch("bootstrap", "main", "--yes")
        project.orch("apply", "prod", "--yes", "-j", "4")

        def plan(slots: int, *more: str) -> Callable[[], Usage]:
            return lambda: project.measure("plan", "prod", "-j", str(slots), *more)

        contenders = {"orch plan -j8": plan(8), "orch plan -j2": plan(2)}
        if project.cold:
            contenders |= {f"orch plan {COLD} -j8": plan(8, COLD), f"orch plan {COLD} -j2": plan(2, COLD)}
        with delayed(project.root, _SECONDS):
            found = in_turns(contenders, rounds=effort.rounds)
        ours, theirs, *beside = (wall(name, usages) for name, usages in found.items())
        yield Measured(ROW.id, ours, theirs, tuple(beside))
