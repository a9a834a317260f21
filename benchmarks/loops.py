"""The same work without orch: Terraform in the rendered roots, in a loop or under ``xargs``."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

from benchmarks.projects import Bench

_GOES = {
    "init": "init -input=false -no-color",
    "plan": "plan -input=false -no-color -lock=false -out=p.tfplan",
    "show": "show -json -no-color p.tfplan",
    "apply": "apply -input=false -no-color p.tfplan",
}


def child_environment(project: Bench) -> dict[str, str]:
    """What ``orch credentials`` gives a person, and the CLI configuration with the provider mirror that orch uses."""
    printed = project.orch("credentials", "main", "--role", "apply", "--format", "env")
    env = dict(project.env)
    for line in printed.splitlines():
        words = shlex.split(line)
        if words[:1] == ["export"]:
            name, _, value = words[1].partition("=")
            env[name] = value
        elif words[:1] == ["unset"]:
            for name in words[1:]:
                env.pop(name, None)
    config = sorted(project.root.glob(".orch/runs/*/terraform.tfrc"))[-1]
    return {**env, "TF_CLI_CONFIG_FILE": str(config), "TF_IN_AUTOMATION": "1"}


def ordered_roots(project: Bench) -> list[Path]:
    """Every unit's root for people, in the order of the graph."""
    units = json.loads(project.orch("--json", "list"))["rows"]
    folders = [project.root / ".orch" / "units" / row["unit"] / row["region"] for row in units]
    return [folder for folder in folders if folder.is_dir()]


def in_a_loop(roots: list[Path], env: dict[str, str], *commands: str) -> None:
    """One root after the other."""
    for root in roots:
        _shell(root, env, commands)


def under_xargs(roots: list[Path], env: dict[str, str], slots: int, *commands: str) -> None:
    """Several roots at once, as ``xargs -P`` does."""
    script = f'cd "$0" && {_script(commands)}'
    command = ["xargs", "-P", str(slots), "-n", "1", "sh", "-ec", script]
    text = "\n".join(str(root) for root in roots)
    subprocess.run(command, input=text, text=True, env=env, check=True, stdout=subprocess.DEVNULL)


def _shell(root: Path, env: dict[str, str], commands: tuple[str, ...]) -> None:
    subprocess.run(["sh", "-ec", _script(commands)], cwd=root, env=env, check=True, stdout=subprocess.DEVNULL)


def _script(commands: tuple[str, ...]) -> str:
    """``show`` goes to a file, as whoever judges plans needs it."""
    lines = [f"terraform {_GOES[command]}" + (" > p.json" if command == "show" else "") for command in commands]
    return "\n".join(lines)
