"""``orch move FROM TO``: rename a unit, a stage or a stack with its states, or move one resource between two states."""

from __future__ import annotations

from orchestrator.cli.context import Common
from orchestrator.cli.migrate import MigrationOptions, migrate, resume_migration
from orchestrator.cli.project import open_project, start_folder
from orchestrator.config.load import find_root
from orchestrator.errors import UsageError
from orchestrator.run.migrate.journal import make_edits, unfinished_of
from orchestrator.run.migrate.rename import resolve
from orchestrator.run.migrate.request import MigrationRequest, RenameRequest
from orchestrator.run.migrate.resource import ResourceRequest


def run(
    common: Common,
    source: str,
    target: str,
    *,
    dry_run: bool,
    yes: bool,
    wait: float = 0.0,
) -> int:
    """Move; the exit code says how it went: 3 when the plan afterwards would make or lose something."""
    root = find_root(start_folder(common))
    ask = MigrationOptions(f"move {source} {target}", dry_run, yes, wait)
    begun = unfinished_of(root, ask.command)
    if begun is not None:
        if dry_run:
            message = f"`orch {ask.command}` was cut off after it was accepted, and only goes forward"
            raise UsageError(message, hint="run it without --dry-run")
        make_edits(root, begun)  # before the catalogue is read: it may be half renamed
        return resume_migration(common, open_project(common), begun, ask)
    if _is_resource(source, target):
        wish: MigrationRequest = ResourceRequest.of(open_project(common).catalogue, source, target)
    else:
        wish = RenameRequest(resolve(root, source, target), source)
    return migrate(common, wish, ask)


def _is_resource(source: str, target: str) -> bool:
    """Whether the words are UNIT:ADDRESS.

    Raises:
        UsageError: only one of them is.
    """
    kinds = [":" in word and "/" in word.partition(":")[0] for word in (source, target)]
    if kinds[0] != kinds[1]:
        message = "one of the two names a resource, and the other does not"
        raise UsageError(message, hint="orch move UNIT:ADDRESS UNIT:ADDRESS")
    return kinds[0]
