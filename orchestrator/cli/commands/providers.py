"""``orch providers lock``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import Common, command
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import open_project
from orchestrator.run.session import make_terraform
from orchestrator.terraform.commands import Root
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.provider_lock import PLATFORMS, provider_lock_text, write_lock
from orchestrator.terraform.setup.lock_file import SHARED_LOCK_FILE

_SECONDS = 900.0


@command
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
    catalogue = open_project(common).catalogue
    path = catalogue.root / SHARED_LOCK_FILE
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    with tempfile.TemporaryDirectory(prefix="orch-lock-") as name:
        base = Path(name)
        terraform = make_terraform(catalogue, Processes(), base)
        root = Root(
            unit="providers lock",
            folder=base / "root",
            data_dir=base / "data",
            env=dict(os.environ),
            log=base / "lock.log",
        )
        result = provider_lock_text(
            terraform,
            catalogue.settings,
            root,
            env=os.environ,
            platforms=tuple(platform or ()) or PLATFORMS,
            before="" if upgrade else before,
            timeout=_SECONDS,
        )
    if dry_run:
        sys.stdout.write(result.text)
        return 0
    changed = result.text != before
    write_lock(catalogue.root, result.text)
    rows = [{"file": SHARED_LOCK_FILE.as_posix(), "changed": changed, "platforms": list(result.platforms)}]
    print_rows(common, "providers lock", rows)
    for provider, missing in sorted(result.missing.items()):
        sys.stderr.write(f"orch: not locked: {provider} for {', '.join(missing)}, which the mirror does not have\n")
    return 0
