"""``orch adopt UNIT --state URL``: takes over a state of Terraform or Terragrunt as the state of a unit."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Common, command
from orchestrator.cli.migrate import MigrationOptions, migrate, resume_migration
from orchestrator.cli.options import DryRun, LockTimeout, OneUnit, Yes
from orchestrator.cli.project import open_project
from orchestrator.errors import UsageError
from orchestrator.run.migrate.adopt import AdoptRequest
from orchestrator.run.migrate.journal import unfinished_of
from orchestrator.run.request import parse_duration


@command
def adopt(
    common: Common,
    unit: OneUnit,
    state: Annotated[
        str,
        typer.Option(
            "--state", metavar="URL", help="The state to take over: s3://BUCKET/KEY or a file. It is only read."
        ),
    ],
    dry_run: DryRun = False,
    lock_timeout: LockTimeout = "0s",
    yes: Yes = False,
) -> int:
    """Take over the state of existing infrastructure.

    Copies a state of Terraform or Terragrunt to the unit. Exits with 3 if the next apply would create or lose
    something.
    """
    project = open_project(common)
    found = project.unit(unit)
    wait = parse_duration(lock_timeout, "--lock-timeout")
    options = MigrationOptions(f"adopt {found.id} --state {state}", dry_run, yes, wait)
    root = project.catalogue.root
    begun = unfinished_of(root, options.command)
    if begun is not None:
        if dry_run:
            message = f"`orch {options.command}` was cut off after it was approved and must be finished"
            raise UsageError(message, hint="run it without --dry-run")
        return resume_migration(common, project, begun, options)
    return migrate(common, AdoptRequest(project.catalogue, found, state), options)
