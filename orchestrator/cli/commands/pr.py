"""``orch pr``: pull requests. Each command is imported here, where the table of commands looks for it."""

from __future__ import annotations

from orchestrator.cli.commands.pr_command import pr_command, pr_number, pr_waiver
from orchestrator.cli.commands.pr_status import pr_status

__all__ = ["pr_command", "pr_number", "pr_status", "pr_waiver"]
