"""The real provider: a 12-unit graph on the emulator, unchanged and applied for the first time."""

from __future__ import annotations

import shutil

from benchmarks.loops import child_environment, in_a_loop, ordered_roots
from benchmarks.measure import Pair, side_by_side
from benchmarks.projects import Bench, bench, groups


def measure() -> dict[str, Pair]:
    """``orch plan`` against plan and show; the first ``orch apply`` against init, plan, show and apply, in a loop."""
    with bench() as project:
        groups(project)
        project.orch("bootstrap", "main", "--yes")
        project.orch("apply", "prod", "--yes")
        env, roots = child_environment(project), ordered_roots(project)
        unchanged = side_by_side(lambda: project.orch("plan", "prod"), lambda: in_a_loop(roots, env, "plan", "show"))
        first = side_by_side(
            lambda: project.orch("apply", "prod", "--yes"),
            lambda: in_a_loop(roots, env, "init", "plan", "show", "apply"),
            before=lambda: _from_nothing(project, env),
        )
    return {"unchanged": unchanged, "first": first}


def _from_nothing(project: Bench, env: dict[str, str]) -> None:
    """An empty AWS and no initialised root; the rendered roots stay for the loop, with the values of upstreams."""
    project.orch("emulator", "reset")
    project.orch("bootstrap", "main", "--yes")
    for root in ordered_roots(project):
        shutil.rmtree(root / ".terraform", ignore_errors=True)
        for name in ("p.tfplan", "p.json"):
            (root / name).unlink(missing_ok=True)
    env.update(child_environment(project))
