"""``orch adopt UNIT --state URL``: an existing state of Terraform or Terragrunt becomes the unit's."""

from __future__ import annotations

from orchestrator.cli.context import Common
from orchestrator.cli.project import open_project, start_folder
from orchestrator.cli.transferring import MigrationOptions, go_on, transfer
from orchestrator.config.load import find_root
from orchestrator.errors import UsageError
from orchestrator.run.migrate.adopt import AdoptRequest
from orchestrator.run.migrate.journal import OnStep, unfinished_of


def run(
    common: Common,
    unit_id: str,
    state: str,
    *,
    dry_run: bool,
    yes: bool,
    wait: float = 0.0,
    on_step: OnStep = lambda _: None,
) -> int:
    """Take the state over; the exit code is 3 when the plan on it would make or lose something."""
    root = find_root(start_folder(common))
    project = open_project(common)
    unit = project.unit(unit_id)
    ask = MigrationOptions(f"adopt {unit.id} --state {state}", dry_run, yes, on_step, wait)
    begun = unfinished_of(root, ask.command)
    if begun is not None:
        if dry_run:
            message = f"`orch {ask.command}` was cut off after it was accepted, and only goes forward"
            raise UsageError(message, hint="run it without --dry-run")
        return go_on(common, project, begun, ask)
    return transfer(common, AdoptRequest(project.catalogue, unit, state), ask)
