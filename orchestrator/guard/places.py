"""The line in ``live/`` or ``modules/`` that a change comes from, where it can be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import Location
from orchestrator.terraform.model import ResourceChange


def locate(unit: Unit, change: ResourceChange, names: Sequence[str], root: Path) -> Location:
    """The most exact place known.

    First the unit's input of the same name as an attribute that matters, then the attribute in the resource's block in
    the module, then the block, then the unit's own entry in ``live/``.

    Args:
        unit: the unit that the plan is of.
        change: the change that is objected to.
        names: attributes that force or weaken something, the most telling first.
        root: the folder that contains ``live/``.
    """
    for name in names:
        if name in unit.inputs:
            return unit.inputs[name].at
    folder = unit.module.path
    if folder is None or change.after is None or change.module_address not in {None, "module.this"}:
        return unit.at
    return _in_module(folder, change, names, root) or unit.at


def _in_module(folder: Path, change: ResourceChange, names: Sequence[str], root: Path) -> Location | None:
    head = re.compile(rf'\s*resource\s+"{re.escape(change.type)}"\s+"{re.escape(change.name)}"')
    for file in sorted(folder.glob("*.tf")):
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue  # the place is a courtesy; what cannot be read has none
        for number, line in enumerate(lines, start=1):
            if head.match(line):
                shown = file.relative_to(root) if file.is_relative_to(root) else file
                return Location(shown.as_posix(), _attribute(lines, number, names) or number)
    return None


def _attribute(lines: Sequence[str], start: int, names: Iterable[str]) -> int | None:
    """Line of the first of the attributes that is set inside the block that begins at line ``start``."""
    end = next((n for n in range(start, len(lines)) if lines[n].startswith("}")), len(lines))
    for name in names:
        pattern = re.compile(rf"\s*(dynamic\s+)?\"?{re.escape(name)}\"?\s*[={{]")
        for number in range(start, end):
            if pattern.match(lines[number]):
                return number + 1
    return None
