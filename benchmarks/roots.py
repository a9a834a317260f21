"""The same work without orch: Terraform in copies of the roots that orch rendered, in a loop or under ``xargs``."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.projects import Bench
from benchmarks.tree import Usage, usage_of

INIT = "terraform init -input=false -no-color"
PLAN = "terraform plan -input=false -no-color -lock=false"
"""Without the state's lock, as orch plans: the role that plans may not write one."""
SAVED_PLAN = f"{PLAN} -out=p.tfplan"
SHOW = "terraform show -json -no-color p.tfplan > p.json"
APPLY = "terraform apply -input=false -no-color -auto-approve"


@dataclass(frozen=True, slots=True)
class Roots:
    """Copies of the rendered roots, which orch does not touch.

    Attributes:
        folder: the folder that holds all of them.
        upstreams: each root, in the order of the graph -> the roots that it reads, whose values are in it already.
    """

    folder: Path
    upstreams: Mapping[Path, tuple[Path, ...]]

    @property
    def ordered(self) -> list[Path]:
        """The roots, upstreams first."""
        return list(self.upstreams)

    def in_a_loop(self, env: Mapping[str, str], *commands: str) -> Usage:
        """Run commands in one root after the other."""
        script = f'for root in "$@"; do cd "$root"\n{_script(commands)}\ndone'
        return usage_of(["sh", "-ec", script, "sh", *self.ordered], cwd=self.folder, env=env)

    def under_xargs(self, env: Mapping[str, str], slots: int, *commands: str) -> Usage:
        """Run commands in several roots at once, as ``xargs -P`` does: in no order, so never apply."""
        each = shlex.quote(f'cd "$0"\n{_script(commands)}')
        script = f"printf '%s\\n' \"$@\" | xargs -P {slots} -n 1 sh -ec {each}"
        return usage_of(["sh", "-ec", script, "sh", *self.ordered], cwd=self.folder, env=env)

    def forget_init(self) -> None:
        """Bring every root back to where init has not run."""
        for root in self.ordered:
            shutil.rmtree(root / ".terraform", ignore_errors=True)


def copy_roots(project: Bench, *targets: str) -> Roots:
    """Copy the roots of units that were applied, and initialize the copies.

    Args:
        project: the catalogue.
        targets: units; none: all of them.
    """
    units = json.loads(project.orch("--json", "graph", *targets))["units"]
    folder = project.root.parent / "roots"
    shutil.rmtree(folder, ignore_errors=True)
    paths = {each["unit"]: folder / each["unit"] / each["region"] for each in units}
    for each in units:
        shown = project.root / ".orch" / "units" / each["unit"] / each["region"]
        shutil.copytree(shown, paths[each["unit"]], symlinks=True, ignore=shutil.ignore_patterns(".terraform"))
    upstreams = {
        paths[each["unit"]]: tuple(paths[above] for above in each["upstreams"] if above in paths) for each in units
    }
    roots = Roots(folder, upstreams)
    roots.in_a_loop(terraform_environment(project), INIT)
    return roots


def terraform_environment(project: Bench) -> dict[str, str]:
    """What ``orch credentials`` gives a person, and the CLI configuration with the provider mirror that orch uses."""
    printed = project.orch("credentials", "main", "--role", "apply", "--format", "env")
    return {
        **apply_exports(project.env, printed),
        "TF_CLI_CONFIG_FILE": str(_newest(project.root, ".orch/runs/*/terraform.tfrc")),
        "TF_IN_AUTOMATION": "1",
    }


def apply_exports(env: Mapping[str, str], printed: str) -> dict[str, str]:
    """Return an environment as ``eval`` would leave it: lines with ``export NAME=VALUE`` and ``unset NAME…``."""
    found = dict(env)
    for line in printed.splitlines():
        words = shlex.split(line)
        if words[:1] == ["export"]:
            for word in words[1:]:
                name, _, value = word.partition("=")
                found[name] = value
        elif words[:1] == ["unset"]:
            for name in words[1:]:
                found.pop(name, None)
    return found


def _newest(root: Path, pattern: str) -> Path:
    return max(root.glob(pattern), key=lambda path: path.stat().st_mtime)


def _script(commands: Sequence[str]) -> str:
    """Lines of a shell script; what a command prints goes nowhere, unless to a file."""
    return "\n".join(command if " > " in command else f"{command} > /dev/null" for command in commands)
