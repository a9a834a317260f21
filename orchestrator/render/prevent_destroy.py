"""Lifts ``prevent_destroy`` from resources that a waiver names, with override files in one run's root.

Terraform merges override files over the other files, so no file of the module is changed. ``prevent_destroy`` belongs
to a block, so it is lifted from all instances of the block; the guard still judges each address.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import CatalogueError
from orchestrator.hcl.modules.blocks import Declaration, Declarations
from orchestrator.hcl.modules.files import read_module_files
from orchestrator.render.hcl_text import hcl_quote
from orchestrator.render.module_tree import OVERRIDE_FILE
from orchestrator.util.files import write_atomic

_KEY = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]| \(deposed [0-9a-f]+\)$')
_THIS = ("module", "this")
_HEAD = "# Written by orch for one run: a waiver in policies/waivers.yaml, or a disposable stage, allows this.\n"
_BLOCK = """\

resource {type} {name} {{
  lifecycle {{
    prevent_destroy = false
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class _Block:
    """A resource's block: the folder of the module that declares it, and its labels."""

    folder: Path
    type: str
    name: str


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
    blocks: set[_Block] = set()
    problems: list[str] = []
    for address in sorted(set(addresses)):
        try:
            block = _find(root, address)
        except (_NotLiftedError, CatalogueError) as error:
            problems.append(f"the waiver for {address} cannot lift prevent_destroy: {error}")
        else:
            blocks |= {block} if block is not None else set()
    for folder in sorted({block.folder for block in blocks}):
        own = sorted((block.type, block.name) for block in blocks if block.folder == folder)
        text = _HEAD + "".join(_BLOCK.format(type=hcl_quote(type_), name=hcl_quote(name)) for type_, name in own)
        write_atomic(folder / OVERRIDE_FILE, text.encode())
    return tuple(problems)


def _find(root: Path, address: str) -> _Block | None:
    """Return the block with a resource's ``prevent_destroy``; None if there is nothing to lift.

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
    if found is None or not any(
        "prevent_destroy" in b.body.attributes for _, b in found.blocks if b.type == "lifecycle"
    ):
        return None
    return _Block(folder=folder, type=parts[0], name=parts[1])


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
