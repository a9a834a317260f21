"""Terragrunt and Terramate on the same roots, where they are on PATH. Nothing installs them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.roots import APPLY, INIT, PLAN, Roots
from benchmarks.tree import Usage, usage_of

SLOTS = 2
NAMES = ("terragrunt", "terramate")
# Outside a git repository, the required version is what makes a folder the root of a project.
_TERRAMATE_PROJECT = """\
terramate {
  required_version = ">= 0.1"
  config {
    telemetry {
      enabled = false
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Rival:
    """A tool beside orch.

    Attributes:
        name: with its version and how many roots it works on at once.
        plan: plans every root, in order.
        apply: initializes and applies every root, in order.
    """

    name: str
    plan: Callable[[], Usage]
    apply: Callable[[], Usage]


def absent() -> tuple[str, ...]:
    """Return a note for each rival that is not on PATH."""
    return tuple(f"{name.capitalize()} is not on PATH: not measured." for name in NAMES if shutil.which(name) is None)


def rivals(roots: Roots, env: Mapping[str, str]) -> list[Rival]:
    """Return those that are on PATH, with their files written beside each root.

    Args:
        roots: initialized roots. Their upstreams' values are in them, so the tools need only keep the order.
        env: Terraform's environment; read again whenever something runs, because its credentials are renewed.
    """
    found = []
    if shutil.which("terragrunt"):
        _write_terragrunt(roots)
        found.append(_terragrunt(roots, env))
    if shutil.which("terramate"):
        _write_terramate(roots)
        found.append(_terramate(roots, env))
    return found


def _terragrunt(roots: Roots, env: Mapping[str, str]) -> Rival:
    def run(*command: str) -> Usage:
        own = {"TG_TF_PATH": "terraform", "TG_NON_INTERACTIVE": "true", "TG_NO_COLOR": "true"}
        start = ["terragrunt", "run", "--all", "--parallelism", str(SLOTS), "--", *command]
        return usage_of(start, cwd=roots.folder, env={**env, **own})

    name = f"Terragrunt {_version('terragrunt')} --parallelism {SLOTS}"
    return Rival(name, lambda: run(*PLAN.split()[1:]), lambda: run(*APPLY.split()[1:]))


def _terramate(roots: Roots, env: Mapping[str, str]) -> Rival:
    def run(*lines: str) -> Usage:
        start = ["terramate", "run", "--disable-safeguards=all", "--parallel", str(SLOTS), "--"]
        return usage_of([*start, "sh", "-ec", "\n".join(lines)], cwd=roots.folder, env=env)

    name = f"Terramate {_version('terramate')} --parallel {SLOTS}"
    return Rival(name, lambda: run(PLAN), lambda: run(INIT, APPLY))


def _write_terragrunt(roots: Roots) -> None:
    for root, above in roots.upstreams.items():
        (root / "terragrunt.hcl").write_text(terragrunt_file([os.path.relpath(each, root) for each in above]))


def _write_terramate(roots: Roots) -> None:
    (roots.folder / "terramate.tm.hcl").write_text(_TERRAMATE_PROJECT)
    for root, above in roots.upstreams.items():
        paths = [f"/{each.relative_to(roots.folder).as_posix()}" for each in above]
        (root / "stack.tm.hcl").write_text(terramate_file(paths))


def terragrunt_file(above: list[str]) -> str:
    """Return the text of a ``terragrunt.hcl``: only the order, which is what costs Terragrunt least."""
    return f"dependencies {{\n  paths = {_list(above)}\n}}\n" if above else "# No upstreams.\n"


def terramate_file(above: list[str]) -> str:
    """Return the text of a ``stack.tm.hcl``: the stacks that come before this one."""
    return f"stack {{\n  after = {_list(above)}\n}}\n"


def _list(texts: list[str]) -> str:
    return f"[{', '.join(f'{chr(34)}{text}{chr(34)}' for text in texts)}]"


def _version(tool: str) -> str:
    printed = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout
    return (printed.split() or ["?"])[-1].lstrip("v")
