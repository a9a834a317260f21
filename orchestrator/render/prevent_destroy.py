"""Lifts ``prevent_destroy``, and sets attributes that protect from deletion, with override files in one run's root.

Terraform merges override files over the other files, so no file of the module is changed. ``prevent_destroy`` belongs
to a block, so it is lifted from all instances of the block; the guard still judges each address.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import CatalogueError
from orchestrator.hcl.modules.blocks import Declaration, Declarations
from orchestrator.hcl.modules.files import read_module_files
from orchestrator.render.hcl_text import hcl_quote
from orchestrator.render.module_tree import OVERRIDE_FILE
from orchestrator.util.files import write_atomic

OverrideValue = bool | int | str
"""A value that an override sets."""
_KEY = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]| \(deposed [0-9a-f]+\)$')
_THIS = ("module", "this")
_HEAD = "# Written by orch for one run: a waiver in policies/waivers.yaml, or a disposable stage, allows this.\n"
_BLOCK = """\

resource {type} {name} {{
{attributes}  lifecycle {{
    prevent_destroy = false
{ignored}  }}
}}
"""


@dataclass(frozen=True, slots=True)
class _Block:
    """A resource's block: the folder of the module that declares it, its labels, and whether it is kept."""

    folder: Path
    type: str
    name: str
    prevents_destroy: bool


@dataclass(frozen=True, slots=True)
class Override:
    """What changes in a resource's block, beside ``prevent_destroy``.

    Attributes:
        attributes: attribute -> value to set.
        ignored: attributes that Terraform leaves as they are.
    """

    attributes: Mapping[str, OverrideValue] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def joined(self, other: Override) -> Override:
        """Return both, for two instances of one block."""
        attributes = {**self.attributes, **other.attributes}
        ignored = {*self.ignored, *other.ignored} - attributes.keys()
        return Override(attributes, tuple(sorted(ignored)))


class _NotLiftedError(Exception):
    """``prevent_destroy`` cannot be lifted; the message says why."""


def lift_prevent_destroy(root: Path, addresses: Iterable[str]) -> tuple[str, ...]:
    """Write the override files of a root.

    Args:
        root: a rendered root that only one run uses; it contains the modules that it calls.
        addresses: resources that can be destroyed, as in waivers: with or without ``module.this.``.

    Returns:
        A sentence for each address that cannot be lifted, saying why. A resource without ``prevent_destroy`` or without
        a block needs no file.
    """
    problems = override_resources(root, {address: Override() for address in addresses})
    return tuple(f"the waiver for {address} cannot lift prevent_destroy: {why}" for address, why in problems.items())


def override_resources(root: Path, resources: Mapping[str, Override], *, required: bool = False) -> dict[str, str]:
    """Write the override files of a root: ``prevent_destroy`` is lifted, and more, if the overrides say so.

    Args:
        root: a rendered root that only one run uses; it contains the modules that it calls.
        resources: address, with or without ``module.this.`` -> what changes in its block.
        required: each resource must have a block; otherwise one without a block needs no file.

    Returns:
        address -> why it cannot be overridden.
    """
    blocks: dict[_Block, Override] = {}
    problems: dict[str, str] = {}
    for address, override in sorted(resources.items()):
        try:
            block = _find(root, address)
        except (_NotLiftedError, CatalogueError) as error:
            problems[address] = str(error)
            continue
        if block is None and required:
            problems[address] = "the configuration no longer has its block"
        elif block is not None and (block.prevents_destroy or override.attributes or override.ignored):
            blocks[block] = blocks.get(block, Override()).joined(override)
    for folder in sorted({block.folder for block in blocks}):
        own = sorted((block for block in blocks if block.folder == folder), key=lambda each: (each.type, each.name))
        text = _HEAD + "".join(_text(block, blocks[block]) for block in own)
        write_atomic(folder / OVERRIDE_FILE, text.encode())
    return problems


def _text(block: _Block, override: Override) -> str:
    attributes = "".join(f"  {name} = {_literal(value)}\n" for name, value in sorted(override.attributes.items()))
    ignored = f"    ignore_changes  = [{', '.join(override.ignored)}]\n" if override.ignored else ""
    return _BLOCK.format(type=hcl_quote(block.type), name=hcl_quote(block.name), attributes=attributes, ignored=ignored)


def _literal(value: OverrideValue) -> str:
    return hcl_quote(value) if isinstance(value, str) else json.dumps(value)


def _find(root: Path, address: str) -> _Block | None:
    """Return the block of a resource; None if the root has none.

    Raises:
        _NotLiftedError: the address is invalid, or its module is not in the root.
        CatalogueError: a module cannot be read.
    """
    parts = tuple(_KEY.sub("", address).split("."))
    if parts[:2] != _THIS:
        parts = (*_THIS, *parts)
    folder = root
    while len(parts) > 2 and parts[0] == "module":
        call = _declared(root, folder, "module", (parts[1],))
        if call is None:
            return None
        folder = _called(root, folder, call)
        parts = parts[2:]
    if len(parts) != 2:
        raise _NotLiftedError(f"{address} is not a resource address")
    found = _declared(root, folder, "resource", (parts[0], parts[1]))
    if found is None:
        return None
    kept = any("prevent_destroy" in b.body.attributes for _, b in found.blocks if b.type == "lifecycle")
    return _Block(folder=folder, type=parts[0], name=parts[1], prevents_destroy=kept)


def _declared(root: Path, folder: Path, kind: str, labels: tuple[str, ...]) -> Declaration | None:
    return Declarations.of(read_module_files(folder, root=root)).named.get((kind, labels))


def _called(root: Path, folder: Path, call: Declaration) -> Path:
    """Return the folder of a called module."""
    source = call.text("source") or ""
    target = Path(os.path.normpath(folder / source))
    if not source.startswith(("./", "../")) or not target.is_relative_to(root) or not target.is_dir():
        origin = source or "elsewhere"
        raise _NotLiftedError(
            f"the module {call.labels[0]} comes from {origin}, outside this repository; "
            "copy the module to modules/, or use a version of it without prevent_destroy"
        )
    return target
