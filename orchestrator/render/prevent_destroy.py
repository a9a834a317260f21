"""Lifts ``prevent_destroy`` off the resources that a waiver names: an override file beside each, in a root of one run.

Terraform lays override files over the others, so nothing that was written is changed. ``prevent_destroy`` belongs to a
block, so it is lifted off all instances of the block; which of them may go is judged address by address.
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
_HEAD = (
    "# Written by orch into the copies of one run: a waiver in policies/waivers.yaml allows what is forbidden here.\n"
)
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
    """Why ``prevent_destroy`` cannot be lifted, for a person."""


def lift_prevent_destroy(root: Path, addresses: Iterable[str]) -> tuple[str, ...]:
    """Write the override files of a root.

    Args:
        root: a rendered root that only one run uses; modules that it calls lie in it.
        addresses: of the resources that may go, as waivers name them: with or without ``module.this.``.

    Returns:
        for each that cannot be lifted, a sentence that says why. A resource without ``prevent_destroy``, or one whose
        block is gone, needs no file.
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
    """The block that carries a resource's ``prevent_destroy``; None when there is none to lift.

    Raises:
        _NotLiftedError: the address is none, or its module is not in the root.
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
        raise _NotLiftedError(f"{address} is no address of a resource")
    found = _declared(root, folder, "resource", (parts[0], parts[1]))
    if found is None or not any(
        "prevent_destroy" in b.body.attributes for _, b in found.blocks if b.type == "lifecycle"
    ):
        return None
    return _Block(folder=folder, type=parts[0], name=parts[1])


def _declared(root: Path, folder: Path, kind: str, labels: tuple[str, ...]) -> Declaration | None:
    return Declarations.of(read_module_files(folder, root=root)).named.get((kind, labels))


def _called(root: Path, folder: Path, call: Declaration) -> Path:
    """The folder of a module that is called from another."""
    source = call.text("source") or ""
    target = Path(os.path.normpath(folder / source))
    if not source.startswith(("./", "../")) or not target.is_relative_to(root) or not target.is_dir():
        why = (
            f"the module {call.labels[0]} comes from {source or 'elsewhere'}, and its files are not of this repository"
        )
        raise _NotLiftedError(f"{why}; take the module into modules/, or use a version of it without prevent_destroy")
    return target
