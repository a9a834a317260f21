"""Overhead: 60 units without a provider, init done. ``orch plan -j2`` against plan and show under ``xargs -P2``."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.loops import child_environment, ordered_roots, under_xargs
from benchmarks.measure import Pair, side_by_side
from benchmarks.projects import bench, boxes

UNITS = 60


@dataclass(frozen=True, slots=True)
class Overhead:
    """Pairs for units that do not change and for units that all change."""

    unchanged: Pair
    changed: Pair


def measure() -> Overhead:
    """Unchanged units, and units that all change."""
    with bench() as project:
        boxes(project, UNITS)
        project.orch("bootstrap", "main", "--yes")
        project.orch("apply", "prod", "--yes", "-j", "2")
        env, roots = child_environment(project), ordered_roots(project)
        unchanged = side_by_side(
            lambda: project.orch("plan", "prod", "-j", "2"), lambda: under_xargs(roots, env, 2, "plan", "show")
        )
        for root in roots:  # each root on its own again, so that the loop plans what orch plans
            (root / "p.tfplan").unlink(missing_ok=True)
        module = project.root / "modules" / "box" / "main.tf"
        module.write_text(module.read_text().replace("input = var.value", 'input = "changed"'))
        for root in roots:
            copy = root / "modules" / "box" / "main.tf"
            copy.write_text(module.read_text())
        changed = side_by_side(
            lambda: project.orch("plan", "prod", "-j", "2"), lambda: under_xargs(roots, env, 2, "plan", "show")
        )
    return Overhead(unchanged, changed)
