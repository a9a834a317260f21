"""Writes the JSON Schemas of ``live/`` to ``live/.schema/``, where editors read them for completion and checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from orchestrator.config.catalogue import ONLY_BY_ORCH
from orchestrator.config.schema.documents import account_schema, orch_schema, stack_schema, stage_schema
from orchestrator.config.schema.type_schema import Schema, inputs_schema
from orchestrator.config.yaml.reader import read_yaml
from orchestrator.config.yaml.value import YamlKind
from orchestrator.errors import CatalogueError
from orchestrator.hcl.modules.read import read_module
from orchestrator.util.files import write_atomic

SCHEMA_FOLDER = "live/.schema"
"""Folder of the schemas, relative to the repository."""


def schemas(root: Path) -> Mapping[str, str]:
    """Return every schema for the current ``live/stacks`` and ``modules``. The same files give the same bytes.

    Args:
        root: the repository.

    Returns:
        Path relative to ``live/.schema`` -> JSON text: ``orch.json``, ``account.json``, ``stage.json``, ``stack.json``
        for any stack, and ``stacks/NAME.json`` for each stack, with the inputs of its module.

    Raises:
        CatalogueError: a module of a stack cannot be read.
    """
    stacks = {path.stem: path for path in sorted((root / "live/stacks").glob("*.yaml"))}
    found = {
        "orch.json": orch_schema(),
        "account.json": account_schema(stacks),
        "stage.json": stage_schema(stacks),
        "stack.json": stack_schema(),
    }
    for name, path in stacks.items():
        found[f"stacks/{name}.json"] = _stack(path, root)
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in found.items()}


def write_schemas(root: Path) -> None:
    """Bring ``live/.schema`` up to date and remove the schemas of stacks that no longer exist.

    Args:
        root: the repository.

    Raises:
        CatalogueError: a module of a stack cannot be read; nothing is written.
        OSError: a file cannot be written.
    """
    wanted = schemas(root)
    folder = root / SCHEMA_FOLDER
    for name in _differing(folder, wanted):
        if name in wanted:
            write_atomic(folder / name, wanted[name].encode(), mode=0o644)
        else:
            (folder / name).unlink()


def stale_schemas(root: Path) -> tuple[str, ...]:
    """Return the schemas that are out of date, missing, or of a stack that no longer exists.

    Args:
        root: the repository.

    Returns:
        Paths relative to the repository, sorted.

    Raises:
        CatalogueError: a module of a stack cannot be read.
    """
    return tuple(f"{SCHEMA_FOLDER}/{name}" for name in _differing(root / SCHEMA_FOLDER, schemas(root)))


def _differing(folder: Path, wanted: Mapping[str, str]) -> tuple[str, ...]:
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.json")}
    changed = {name for name, text in wanted.items() if name not in there or not _is(there[name], text)}
    return tuple(sorted(changed | (there.keys() - wanted.keys())))


def _is(path: Path, text: str) -> bool:
    return path.read_bytes() == text.encode()


def _stack(path: Path, root: Path) -> Schema:
    module = _module(path, root)
    folder = root / "modules" / module if module and _is_name(module) else None
    if folder is None or not folder.is_dir():
        return stack_schema()
    found = read_module(folder, root=root).variables.values()
    variables = sorted((each for each in found if each.name not in ONLY_BY_ORCH), key=lambda each: each.name)
    return stack_schema(inputs_schema(variables), module=module)


def _is_name(module: str) -> bool:
    """Return whether a module is a folder in ``modules/``, not an address."""
    return all(part.replace("-", "_").isidentifier() for part in module.split("/"))


def _module(path: Path, root: Path) -> str | None:
    """Return the module that a stack file names; None when the file is not valid, which loading reports."""
    try:
        found = read_yaml(path, root=root).get("module")
    except CatalogueError:
        return None
    return found.value if found is not None and found.kind is YamlKind.TEXT else None
