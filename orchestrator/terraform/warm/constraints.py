"""Compares the version constraints of a root and its modules with the lock file.

Terraform makes this comparison itself unless it is told to attach to a running provider.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.errors import CatalogueError
from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.modules.files import configuration_files, read_file
from orchestrator.hcl.modules.providers import required_providers_of
from orchestrator.hcl.tree import constant_text
from orchestrator.terraform.setup.versions import Version, satisfies


def unmet_constraint(folder: Path, data_dir: Path, locked: Mapping[str, str], registry: str) -> str | None:
    """Return the first version constraint that the locked versions do not meet; None if all are met.

    Every constraint counts, also one that an override file replaces: in doubt the answer is a constraint.

    Args:
        folder: the root.
        data_dir: its data folder, after init.
        locked: address -> version in the lock file.
        registry: host of a source without one: ``registry.terraform.io``.
    """
    try:
        for module in _modules(folder, data_dir):
            for local, source, constraint in _requirements(module, folder):
                address = source if source.count("/") == 2 else f"{registry}/{source}"
                version = locked.get(address)
                if constraint is None or (version is not None and _met(version, constraint)):
                    continue
                return f"{module.name} requires {local} {constraint}"
    except (CatalogueError, OSError, ValueError, LookupError, TypeError) as error:
        return f"its version constraints cannot be read: {error}"
    return None


def _modules(folder: Path, data_dir: Path) -> list[Path]:
    manifest = data_dir / "modules" / "modules.json"
    listed = json.loads(manifest.read_bytes())["Modules"] if manifest.exists() else []
    return sorted({folder, *(folder / each["Dir"] for each in listed)})


def _requirements(module: Path, root: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield local name, source and version constraint of each provider that a module requires."""
    for path in configuration_files(module):
        if b"provider" not in path.read_bytes():
            continue
        declared = Declarations.of([read_file(path, root)])
        for each in required_providers_of(declared).values():
            yield each.name, each.source, each.version
        for _, block in declared.others_of_type("provider"):  # Deprecated, but Terraform still reads it.
            version = block.body.attributes.get("version")
            if version is not None:
                yield block.labels[0], f"hashicorp/{block.labels[0]}", constant_text(version.value)


def _met(version: str, constraint: str) -> bool:
    return satisfies(Version.parse(version), constraint)
