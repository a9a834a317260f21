"""The modules of a unit, with what they pass to each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.modules.files import ModuleFile, read_module_files
from orchestrator.hcl.tree import Expression


class ScannedModule:
    """One module of a unit, and what its callers pass to it.

    Args:
        folder: the module's folder, without ``..``.
        files: its parsed files.
        declared: the blocks of its files, if they are known already.

    Attributes:
        declared: the blocks of its files.
        arguments: variable -> the expressions that other modules pass for it, each with the calling module.
        called: another scanned module calls it, so every value of its variables is known.
        children: name of a module call -> the module, if it is scanned too.
    """

    def __init__(self, folder: Path, files: tuple[ModuleFile, ...], declared: Declarations | None = None) -> None:
        self.folder = folder
        self.files = files
        self.declared = declared or Declarations.of(files)
        self.arguments: dict[str, list[tuple[ScannedModule, Expression]]] = {}
        self.called = False
        self.children: dict[str, ScannedModule] = {}


def scan_modules(folders: Sequence[Path], root: Path) -> tuple[ScannedModule, ...]:
    """Read modules, and find the arguments that they pass to each other.

    Raises:
        CatalogueError: a module cannot be read.
    """
    normal = [Path(os.path.normpath(folder)) for folder in folders]
    found = {folder: ScannedModule(folder, read_module_files(folder, root=root)) for folder in normal}
    for caller in found.values():
        for call in caller.declared.of_type("module"):
            called = found.get(Path(os.path.normpath(caller.folder / (call.text("source") or "."))))
            if called is not None:
                connect(caller, call.labels[0], called)
    return tuple(found.values())


def connect(caller: ScannedModule, name: str, called: ScannedModule) -> None:
    """Record that a module calls another one by this name."""
    called.called = True
    caller.children[name] = called
    for variable, attribute in caller.declared.named["module", (name,)].attributes.items():
        called.arguments.setdefault(variable, []).append((caller, attribute.value))
