"""Finds the line in ``live/`` or ``modules/`` that a planned change comes from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import CatalogueError, Location
from orchestrator.guard.plan.entries import module_names
from orchestrator.hcl.modules.blocks import Declaration, Declarations
from orchestrator.hcl.modules.files import ModuleFile, configuration_files, read_file
from orchestrator.terraform.model import ResourceChange

_INSTANCE_ARGUMENTS = ("for_each", "count")
"""What decides which instances of a block exist, so that an instance disappears although its block stays."""


class SourceLocator:
    """Locates the source of one unit's changes. Parses each module folder once; not safe for several threads.

    Args:
        unit: the unit that the plan belongs to.
        root: the folder that contains ``live/``; locations are relative to it.
    """

    def __init__(self, unit: Unit, root: Path) -> None:
        self._unit = unit
        self._root = root
        self._declarations: dict[Path, Declarations] = {}

    def locate(self, change: ResourceChange, attributes: Sequence[str]) -> Location | None:
        """Return the most specific location known.

        In this order: the unit's input with the name of one of the attributes; the attribute in the resource's block;
        the block; the call of a module that is not in this repository; the unit's entry in ``live/``.

        Args:
            change: the change to locate.
            attributes: top-level attributes that cause the finding, the most significant first.
        """
        for name in attributes:
            if name in self._unit.inputs:
                return self._unit.inputs[name].at
        if change.after is None:
            if not change.reason:
                return self._unit.at  # destroyed with its unit: no line of the module causes it
            attributes = (*attributes, *_INSTANCE_ARGUMENTS)
        return self._in_modules(change, attributes) or self._unit.at

    def declared(self, calls: Sequence[str]) -> Declarations | None:
        """Return the blocks of a module of this repository; None if it is not here.

        Args:
            calls: the names of the module calls that lead to it: ``("this", "vpc")``.
        """
        found = self._follow(calls)
        return found if isinstance(found, Declarations) else None

    def _in_modules(self, change: ResourceChange, attributes: Sequence[str]) -> Location | None:
        found = self._follow(module_names(change.module_address))
        if not isinstance(found, Declarations):
            return found
        resource = found.named.get(("resource", (change.type, change.name)))
        return _attribute(resource, attributes) or resource.at if resource is not None else None

    def _follow(self, calls: Sequence[str]) -> Declarations | Location | None:
        """Return a module, or the call that leads out of this repository; None if there is no such module."""
        folder = self._unit.module.path
        if folder is None or tuple(calls[:1]) != ("this",):
            return None
        for name in calls[1:]:
            call = self._read(folder).named.get(("module", (name,)))
            if call is None:
                return None
            source = call.text("source") or ""
            if not source.startswith(("./", "../")):
                return call.at
            folder = Path(os.path.normpath(folder / source))
        return self._read(folder)

    def _read(self, folder: Path) -> Declarations:
        if folder not in self._declarations:
            self._declarations[folder] = Declarations.of(_files(folder, self._root))
        return self._declarations[folder]


def _files(folder: Path, root: Path) -> list[ModuleFile]:
    """Parse the files of a module. A file that cannot be parsed is left out: other rules report it."""
    files: list[ModuleFile] = []
    try:
        paths = list(configuration_files(folder)) if folder.is_dir() else []
    except (OSError, ValueError):  # A path that the system refuses. A location is never worth a verdict.
        return files
    for path in paths:
        with suppress(CatalogueError, OSError):
            files.append(read_file(path, root))
    return files


def _attribute(resource: Declaration, names: Sequence[str]) -> Location | None:
    """Return where the first of these attributes or blocks is set in a resource."""
    for name in names:
        if name in resource.places:
            return resource.places[name]
        for file, block in resource.blocks:
            if block.type == name or (block.type == "dynamic" and block.labels == (name,)):
                return file.at(block.position)
    return None
