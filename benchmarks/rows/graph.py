"""A graph of 12 AWS units: planned with nothing changed (wall and CPU time), and applied from nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable

from benchmarks.figures import Compared, Measured, Row, Side, Unit
from benchmarks.projects import COLD, Bench, bench, groups
from benchmarks.rivals import SLOTS, Rival, absent, rivals
from benchmarks.roots import APPLY, INIT, PLAN, Roots, copy_roots, terraform_environment
from benchmarks.tree import Usage
from benchmarks.turns import Effort, cpu, in_turns, wall

PLAN_ROW = Row(
    "plan-12",
    "12-unit AWS graph, nothing changed: `orch plan` with judging / a loop of `terraform plan`",
    *(Unit.SECONDS, Compared.RATIO),
    bar=0.14,
    aim=0.10,
)
CPU_ROW = Row(
    "plan-12-cpu",
    "CPU time of the same, all child processes included",
    *(Unit.CPU_SECONDS, Compared.RATIO),
    bar=0.25,
    aim=0.15,
)
APPLY_ROW = Row(
    "apply-12",
    "12-unit AWS graph, first apply from nothing: `orch apply` / a loop of `init` and `apply`",
    *(Unit.SECONDS, Compared.RATIO),
    bar=0.16,
    aim=0.12,
)
ROWS = (PLAN_ROW, CPU_ROW, APPLY_ROW)

_PLAN, _APPLY = "orch plan", "orch apply"
_PLAN_LOOP, _APPLY_LOOP = "loop of terraform plan", "loop of init and apply"
_XARGS = f"xargs -P{SLOTS}"


def measure(effort: Effort, wanted: frozenset[str]) -> Iterable[Measured]:
    """Apply the graph once, then measure its plan and, from nothing, its apply."""
    with bench() as project:
        groups(project, effort.size(12, 3))
        project.orch("bootstrap", "main", "--yes")
        project.orch("apply", "prod", "--yes")
        env, roots = terraform_environment(project), copy_roots(project)
        others = rivals(roots, env)
        if wanted & {PLAN_ROW.id, CPU_ROW.id}:
            for measured in _plan(project, roots, env, others, effort):
                if measured.row in wanted:
                    yield measured
        if APPLY_ROW.id in wanted:
            yield _apply(project, roots, env, others, effort)


def _plan(project: Bench, roots: Roots, env: dict[str, str], others: list[Rival], effort: Effort) -> Iterable[Measured]:
    contenders: dict[str, Callable[[], Usage]] = {
        _PLAN: lambda: project.measure("plan", "prod"),
        _PLAN_LOOP: lambda: roots.in_a_loop(env, PLAN),
        _XARGS: lambda: roots.under_xargs(env, SLOTS, PLAN),
        **{each.name: each.plan for each in others},
    }
    if project.cold:
        contenders[f"{_PLAN} {COLD}"] = lambda: project.measure("plan", "prod", COLD)
    found = in_turns(contenders, rounds=effort.rounds)
    yield _measured(PLAN_ROW, [wall(name, usages) for name, usages in found.items()])
    yield _measured(CPU_ROW, [cpu(name, usages) for name, usages in found.items()])


def _apply(project: Bench, roots: Roots, env: dict[str, str], others: list[Rival], effort: Effort) -> Measured:
    contenders: dict[str, Callable[[], Usage]] = {
        _APPLY: lambda: project.measure("apply", "prod", "--yes"),
        _APPLY_LOOP: lambda: roots.in_a_loop(env, INIT, APPLY),
        **{each.name: each.apply for each in others},
    }
    if project.cold:
        contenders[f"{_APPLY} {COLD}"] = lambda: project.measure("apply", "prod", "--yes", COLD)
    found = in_turns(contenders, rounds=effort.rounds, before=lambda: _from_nothing(project, roots, env))
    return _measured(APPLY_ROW, [wall(name, usages) for name, usages in found.items()])


def _from_nothing(project: Bench, roots: Roots, env: dict[str, str]) -> None:
    """An empty AWS with a state bucket, and no initialized root; the copies keep the values of their upstreams."""
    project.orch("emulator", "reset")
    project.orch("bootstrap", "main", "--yes")
    shutil.rmtree(project.root / ".orch" / "units", ignore_errors=True)
    roots.forget_init()
    env.update(terraform_environment(project))


def _measured(row: Row, sides: list[Side]) -> Measured:
    ours, theirs, *beside = sides
    return Measured(row.id, ours, theirs, tuple(beside), absent())
