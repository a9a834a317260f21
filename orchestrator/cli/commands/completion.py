"""``orch completion``."""

from __future__ import annotations

import sys

from orchestrator.cli.context import Common
from orchestrator.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


def run(_common: Common, shell: str) -> int:
    """Print the script that makes a shell ask orch for completions."""
    from typer._completion_shared import get_completion_script

    if shell not in SHELLS:
        message = f"there is no completion for {shell!r}"
        raise UsageError(message, hint="one of " + ", ".join(SHELLS))
    script = get_completion_script(prog_name="orch", complete_var="_ORCH_COMPLETE", shell=shell)
    sys.stdout.write(script.rstrip("\n") + "\n")
    return 0
