"""One AWS unit: what a person waits for who works on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.figures import Compared, Measured, Row, Unit
from benchmarks.projects import COLD, Bench, bench, groups, write_group
from benchmarks.roots import PLAN, SAVED_PLAN, SHOW, copy_roots, terraform_environment
from benchmarks.tree import Usage
from benchmarks.turns import Effort, in_turns, wall

UNCHANGED = Row(
    "plan-1",
    "one unit, nothing changed, a fresh process: `orch plan` / `terraform plan`",
    *(Unit.SECONDS, Compared.RATIO),
    bar=0.90,
    aim=0.50,
)
CHANGED = Row(
    "change-1",
    "one unit, one change: `orch plan` with judging and checkov / `terraform plan` and `show -json`",
    *(Unit.SECONDS, Compared.RATIO),
    bar=1.00,
    aim=0.60,
)
ROWS = (UNCHANGED, CHANGED)

_UNIT = "prod/unit-00"
_OURS = "orch plan"


def measure(effort: Effort, wanted: frozenset[str]) -> Iterable[Measured]:
    """Apply one unit, and plan it unchanged and with another input."""
    with bench() as project:
        groups(project, 1)
        project.orch("bootstrap", "main", "--yes")
        project.orch("apply", _UNIT, "--yes")
        if UNCHANGED.id in wanted:
            yield _against_terraform(project, UNCHANGED, effort, PLAN)
        if CHANGED.id in wanted:
            write_group(project, "unit-00", "changed")
            project.orch("plan", _UNIT)  # renders the root that is copied
            yield _against_terraform(project, CHANGED, effort, SAVED_PLAN, SHOW)


def _against_terraform(project: Bench, row: Row, effort: Effort, *commands: str) -> Measured:
    env, roots = terraform_environment(project), copy_roots(project)
    theirs = " and ".join("terraform " + command.split()[1] for command in commands)
    contenders: dict[str, Callable[[], Usage]] = {
        _OURS: lambda: project.measure("plan", _UNIT),
        theirs: lambda: roots.in_a_loop(env, *commands),
    }
    if project.cold:
        contenders[f"{_OURS} {COLD}"] = lambda: project.measure("plan", _UNIT, COLD)
    found = in_turns(contenders, rounds=effort.rounds)
    ours, other, *beside = (wall(name, usages) for name, usages in found.items())
    return Measured(row.id, ours, other, tuple(beside))
