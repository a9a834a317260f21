"""The JSON Schemas of ``live/``, written to ``live/.schema/`` and committed, so that editors complete and check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from orchestrator.config.schema.documents import account_schema, orch_schema, stack_schema, stage_schema
from orchestrator.config.schema.type_schema import Schema, inputs_schema
from orchestrator.config.yaml.reader import read_yaml
from orchestrator.config.yaml.value import YamlKind
from orchestrator.errors import CatalogueError
from orchestrator.hcl.modules.read import read_module
from orchestrator.util.files import write_atomic

SCHEMA_FOLDER = "live/.schema"
"""Where the schemas are, relative to the repository."""


def schemas(root: Path) -> Mapping[str, str]:
    """Every schema, made from what ``live/stacks`` and ``modules`` say now; the same files give the same bytes.

    Args:
        root: the repository.

    Returns:
        Path relative to ``live/.schema`` -> JSON text: ``orch.json``, ``account.json``, ``stage.json``, ``stack.json``
        for a stack in general, and ``stacks/NAME.json`` for each stack, with the inputs of its module.

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
    """Bring ``live/.schema`` up to date: each file whole or not at all; what belongs to no stack any more is removed.

    Args:
        root: the repository.

    Raises:
        CatalogueError: a module of a stack cannot be read; nothing is written then.
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
    """The schemas that are not what ``live/`` and ``modules/`` say now: other, missing, or of no stack any more.

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
    variables = sorted(read_module(folder, root=root).variables.values(), key=lambda each: each.name)
    return stack_schema(inputs_schema(variables), module=module)


def _is_name(module: str) -> bool:
    """Whether it is a folder of ``modules/`` and no address."""
    return all(part.replace("-", "_").isidentifier() for part in module.split("/"))


def _module(path: Path, root: Path) -> str | None:
    """The module that a stack file names; None when the file cannot be read, which the catalogue reports by itself."""
    try:
        found = read_yaml(path, root=root).get("module")
    except CatalogueError:
        return None
    return found.value if found is not None and found.kind is YamlKind.TEXT else None
