"""``orch providers lock``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import open_project
from orchestrator.cli.provider_lock import lock_providers
from orchestrator.terraform.provider_lock import write_lock
from orchestrator.terraform.setup.lock_file import SHARED_LOCK_FILE
from orchestrator.util.streams import write_stderr, write_stdout


@command_without_details
def providers_lock(
    common: Common,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Lock the newest versions that live/orch.yaml allows.")
    ] = False,
    platform: Annotated[
        list[str] | None,
        typer.Option("--platform", metavar="OS_ARCH", help="Lock only this platform. Repeatable.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the lock file, and write nothing.")] = False,
) -> int:
    """Write the provider lock file, live/providers.lock.hcl.

    Locks the hashes of every provider for all platforms, and keeps locked versions unless --upgrade is given.
    """
    catalogue = open_project(common, offline=True).catalogue
    path = catalogue.root / SHARED_LOCK_FILE
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    result = lock_providers(catalogue, platforms=platform or (), before="" if upgrade else before)
    if dry_run:
        write_stdout(result.text)
        return 0
    changed = result.text != before
    write_lock(catalogue.root, result.text)
    rows = [{"file": SHARED_LOCK_FILE.as_posix(), "changed": changed, "platforms": list(result.platforms)}]
    print_rows(common, "providers lock", rows)
    for provider, missing in sorted(result.missing.items()):
        write_stderr(f"orch: not locked: {provider} for {', '.join(missing)}, which the mirror does not have\n")
    return 0
