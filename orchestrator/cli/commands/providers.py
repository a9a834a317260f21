"""``orch providers lock``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import open_project
from orchestrator.run.session import make_terraform
from orchestrator.terraform.commands import Root
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.setup.providers import CATALOGUE_LOCK, PLATFORMS, provider_lock_text, write_lock

_SECONDS = 900.0


def run(common: Common, *, upgrade: bool, platforms: Sequence[str], dry_run: bool) -> int:
    """Make the catalogue's one provider lock file; what is still right in it stays, unless it is upgraded."""
    catalogue = open_project(common).catalogue
    path = catalogue.root / CATALOGUE_LOCK
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
            platforms=tuple(platforms) or PLATFORMS,
            before="" if upgrade else before,
            timeout=_SECONDS,
        )
    if dry_run:
        sys.stdout.write(result.text)
        return 0
    changed = result.text != before
    write_lock(catalogue.root, result.text)
    rows = [{"file": CATALOGUE_LOCK.as_posix(), "changed": changed, "platforms": list(result.platforms)}]
    print_rows(common, "providers lock", rows)
    for provider, missing in sorted(result.missing.items()):
        sys.stderr.write(f"orch: the mirror has {provider} not for {', '.join(missing)}: those are not locked\n")
    return 0
