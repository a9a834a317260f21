"""Memory of orch, its Terraform processes and its providers, at parallelism 2. The emulator is not among them."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.figures import Compared, Measured, Row, Unit
from benchmarks.projects import bench, groups
from benchmarks.turns import Effort, in_turns, memory

APPLY = Row(
    "memory-60-apply",
    "60 AWS units, memory of `orch apply -j2` with its providers, from nothing",
    *(Unit.GIGABYTES, Compared.VALUE),
    bar=2.5,
    aim=1.5,
)
PLAN = Row(
    "memory-60-plan",
    "60 AWS units, memory of `orch plan -j2` with its providers, nothing changed",
    *(Unit.GIGABYTES, Compared.VALUE),
    bar=2.5,
    aim=1.5,
)
ROWS = (APPLY, PLAN)

_SLOTS = "2"
_NOTE = "Proportional set size of the whole process tree at its highest, sampled four times a second."


def measure(effort: Effort, _wanted: frozenset[str]) -> Iterable[Measured]:
    """Apply 60 units once, then plan them in each round. Both are measured, as the plan needs the apply anyway."""
    with bench() as project:
        groups(project, effort.size(60, 4))
        project.orch("bootstrap", "main", "--yes")
        applied = [project.measure("apply", "prod", "--yes", "-j", _SLOTS, memory=True)]
        yield Measured(APPLY.id, memory("orch apply", applied), notes=(_NOTE,))
        found = in_turns(
            {"orch plan": lambda: project.measure("plan", "prod", "-j", _SLOTS, memory=True)}, rounds=effort.rounds
        )
        yield Measured(PLAN.id, memory("orch plan", found["orch plan"]), notes=(_NOTE,))
