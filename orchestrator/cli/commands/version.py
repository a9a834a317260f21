"""``orch version``."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess

from orchestrator import __version__
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.output import write
from orchestrator.util.environment import USUAL, selected


@command_without_details
def version(common: Common) -> int:
    """Show the versions of orch, Python and Terraform."""
    versions = {"orch": __version__, "python": platform.python_version(), "terraform": _terraform()}
    if common.json:
        write(json.dumps({"format": 1, "kind": "version", **versions}, indent=2) + "\n")
    else:
        terraform = versions["terraform"] or "not on PATH"
        write(f"orch {versions['orch']} (Python {versions['python']}, Terraform {terraform})\n")
    return 0


def _terraform() -> str | None:
    path = shutil.which("terraform")
    if path is None:
        return None
    env = {**selected(os.environ, USUAL | {"HOME"}), "CHECKPOINT_DISABLE": "1"}
    try:
        done = subprocess.run([path, "version", "-json"], capture_output=True, timeout=30, check=True, env=env)
        return str(json.loads(done.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None
