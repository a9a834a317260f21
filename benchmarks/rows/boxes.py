"""Overhead: 60 units without a provider process, against plan and show under ``xargs -P2``."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.figures import Compared, Measured, Row, Unit
from benchmarks.projects import Bench, bench, boxes
from benchmarks.roots import SAVED_PLAN, SHOW, Roots, copy_roots, terraform_environment
from benchmarks.turns import Effort, in_turns, wall

_WORK = "60 units of `terraform_data`, {}: `orch plan -j2` / plan and show under `xargs -P2`"
UNCHANGED = Row("boxes", _WORK.format("unchanged"), Unit.SECONDS, Compared.RATIO, bar=1.15)
CHANGED = Row("boxes-changed", _WORK.format("all changed"), Unit.SECONDS, Compared.RATIO, bar=1.15)
ROWS = (UNCHANGED, CHANGED)

_SLOTS = 2
_OURS, _THEIRS = "orch plan -j2", "xargs -P2"


def measure(effort: Effort, wanted: frozenset[str]) -> Iterable[Measured]:
    """Measure units that do not change, then the same units with another input."""
    with bench() as project:
        boxes(project, effort.size(60, 6))
        project.orch("bootstrap", "main", "--yes")
        project.orch("apply", "prod", "--yes", "-j", str(_SLOTS))
        if UNCHANGED.id in wanted:
            yield _against_xargs(project, copy_roots(project), UNCHANGED, effort)
        if CHANGED.id in wanted:
            module = project.root / "modules" / "box" / "main.tf"
            module.write_text(module.read_text().replace("input = var.value", 'input = "changed"'))
            project.orch("plan", "prod", "-j", str(_SLOTS))  # renders the roots that are copied
            yield _against_xargs(project, copy_roots(project), CHANGED, effort)


def _against_xargs(project: Bench, roots: Roots, row: Row, effort: Effort) -> Measured:
    env = terraform_environment(project)
    found = in_turns(
        {
            _OURS: lambda: project.measure("plan", "prod", "-j", str(_SLOTS)),
            _THEIRS: lambda: roots.under_xargs(env, _SLOTS, SAVED_PLAN, SHOW),
        },
        rounds=effort.rounds,
    )
    return Measured(row.id, wall(_OURS, found[_OURS]), wall(_THEIRS, found[_THEIRS]))
