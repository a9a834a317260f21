"""``orch pr``: pull requests. Each command is imported here, where the table of commands looks for it."""

from __future__ import annotations

from orchestrator.cli.commands.pr_status import pr_status

__all__ = ["pr_status"]
