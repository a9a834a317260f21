"""``orch adopt UNIT --state URL``: an existing state of Terraform or Terragrunt becomes the unit's."""

from __future__ import annotations

from orchestrator.cli.context import Common
from orchestrator.cli.migrate import MigrationOptions, migrate, resume_migration
from orchestrator.cli.project import open_project, start_folder
from orchestrator.config.load import find_root
from orchestrator.errors import UsageError
from orchestrator.run.migrate.adopt import AdoptRequest
from orchestrator.run.migrate.journal import unfinished_of


def run(
    common: Common,
    unit_id: str,
    state: str,
    *,
    dry_run: bool,
    yes: bool,
    wait: float = 0.0,
) -> int:
    """Take the state over; the exit code is 3 when the plan on it would make or lose something."""
    root = find_root(start_folder(common))
    project = open_project(common)
    unit = project.unit(unit_id)
    ask = MigrationOptions(f"adopt {unit.id} --state {state}", dry_run, yes, wait)
    begun = unfinished_of(root, ask.command)
    if begun is not None:
        if dry_run:
            message = f"`orch {ask.command}` was cut off after it was accepted, and only goes forward"
            raise UsageError(message, hint="run it without --dry-run")
        return resume_migration(common, project, begun, ask)
    return migrate(common, AdoptRequest(project.catalogue, unit, state), ask)
