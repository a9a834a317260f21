"""Many slots where the API is what is waited for: 40 independent units behind 100 ms of latency."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.figures import Compared, Measured, Row, Unit
from benchmarks.latency_proxy import delayed
from benchmarks.projects import bench, groups
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
_MANY, _FEW = "orch plan -j8", "orch plan -j2"


def measure(effort: Effort, _wanted: frozenset[str]) -> Iterable[Measured]:
    """Apply without latency, then plan with it."""
    with bench() as project:
        groups(project, effort.size(40, 4), independent=True)
        project.orch("bootstrap", "main", "--yes")
        project.orch("apply", "prod", "--yes", "-j", "4")

        def plan(slots: int) -> Callable[[], Usage]:
            return lambda: project.measure("plan", "prod", "-j", str(slots))

        with delayed(project.root, _SECONDS):
            found = in_turns({_MANY: plan(8), _FEW: plan(2)}, rounds=effort.rounds)
        yield Measured(ROW.id, wall(_MANY, found[_MANY]), wall(_FEW, found[_FEW]))
