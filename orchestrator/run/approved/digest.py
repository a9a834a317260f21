"""The digest of a unit's configuration: the name under which its plan is stored.

Equal digests mean that the unit renders to the same bytes. It does not depend on the commit, the folder of the
checkout, files of other units, or values of upstreams: those are unknown when it is made. So a squash, a rebase and an
unrelated merge leave it as it is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.guard.receipt.freeze import hash_file
from orchestrator.guard.receipt.receipt import digest_of
from orchestrator.render.values import unit_references
from orchestrator.render.write import RootRenderer
from orchestrator.run.context import RunContext

_FORMAT = "1"


def unit_digest(catalogue: Catalogue, renderer: RootRenderer, unit: Unit, scratch: Path) -> str:
    """Return the digest of a unit's configuration: 64 hexadecimal digits.

    Args:
        catalogue: the configuration.
        renderer: renders it.
        unit: the unit.
        scratch: a folder to render into; what it has of the unit is removed.

    Raises:
        OrchError: the unit cannot be rendered.
    """
    folder = scratch / unit.folder
    unknown = {ref.unit: None for _, ref in unit_references(unit)}
    try:
        renderer.render(unit, unknown, folder)
        files = folder_digest(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    account = catalogue.account_of(unit)
    facts = {
        "format": _FORMAT,
        "unit": unit.id,
        "account": account.id,
        "region": unit.region,
        "state": account.state_url(unit.state_key),
        "values": dict(unit.run_values),
        "files": files,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def digest_in(context: RunContext, unit: Unit) -> str:
    """Return the digest of a unit's configuration in a run.

    Raises:
        OrchError: the unit cannot be rendered.
    """
    scratch = context.run.folders.of_run / "digests"
    return unit_digest(context.catalogue, context.terraform.renderer, unit, scratch)


def folder_digest(folder: Path) -> str:
    """Return one hash over the names and contents of the files below a folder, and whether they are executable.

    Raises:
        BlockedError: a file cannot be read.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return digest_of({path.relative_to(folder).as_posix(): _value(path) for path in files})


def _value(path: Path) -> str:
    if path.is_symlink():
        return f"link:{path.readlink()}"
    return hash_file(path) + ("x" if path.stat().st_mode & 0o100 else "")
