"""``orch move FROM TO``: renames a unit, stage or stack with its states, or moves a resource to another state."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from orchestrator.cli.context import Common, command
from orchestrator.cli.migrate import MigrationOptions, migrate, resume_migration
from orchestrator.cli.options import DryRun, LockTimeout, Yes
from orchestrator.cli.project import open_project, start_folder
from orchestrator.config.load import find_root
from orchestrator.errors import UsageError
from orchestrator.guard.trust.live_files import trusted_live
from orchestrator.run.migrate.journal import make_edits, unfinished_of
from orchestrator.run.migrate.rename import resolve_rename
from orchestrator.run.migrate.request import MigrationRequest, RenameRequest
from orchestrator.run.migrate.resource import ResourceRequest
from orchestrator.run.request import parse_duration


@command
def move(
    common: Common,
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="STAGE, STACK, UNIT or UNIT:ADDRESS.", show_default=False)
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="The new name.", show_default=False)],
    dry_run: DryRun = False,
    lock_timeout: LockTimeout = "0s",
    yes: Yes = False,
) -> int:
    """Rename a unit, stage or stack, or move a resource.

    Changes live/ and the states; nothing in AWS is renamed. Exits with 3 if the next apply would create or lose
    something.
    """
    options = MigrationOptions(f"move {source} {target}", dry_run, yes, parse_duration(lock_timeout, "--lock-timeout"))
    root = find_root(start_folder(common))
    begun = unfinished_of(root, options.command)
    if begun is not None:
        if dry_run:
            message = f"`orch {options.command}` was cut off after it was approved and must be finished"
            raise UsageError(message, hint="run it without --dry-run")
        make_edits(root, begun)  # before live/ is read: it may be half renamed
        return resume_migration(common, open_project(common), begun, options)
    if _is_resource(source, target):
        request: MigrationRequest = ResourceRequest.of(open_project(common).catalogue, source, target)
    else:
        request = RenameRequest(resolve_rename(root, source, target, trusted_live(root, os.environ)), source)
    return migrate(common, request, options)


def _is_resource(source: str, target: str) -> bool:
    """Return whether both names are UNIT:ADDRESS.

    Raises:
        UsageError: only one of them is.
    """
    kinds = [":" in word and "/" in word.partition(":")[0] for word in (source, target)]
    if kinds[0] != kinds[1]:
        message = "FROM and TO must both be resources, or neither"
        raise UsageError(message, hint="orch move UNIT:ADDRESS UNIT:ADDRESS")
    return kinds[0]
