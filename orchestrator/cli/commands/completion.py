"""``orch completion``."""

from __future__ import annotations

from typing import Annotated

import typer
from typer._completion_shared import get_completion_script

from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import check_choice
from orchestrator.cli.output import write


@command_without_details
def completion(
    _common: Common,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", show_default=False)],
) -> int:
    """Print the shell completion script.

    For example: source <(orch completion bash)
    """
    check_choice("SHELL", shell, ("bash", "zsh", "fish"))
    script = get_completion_script(prog_name="orch", complete_var="_ORCH_COMPLETE", shell=shell)
    write(script.rstrip("\n") + "\n")
    return 0
