"""A unit's module with all local modules that it calls, directly or indirectly."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import ModuleSource
from orchestrator.errors import CatalogueError, SetupError
from orchestrator.hcl.modules.files import copied_files
from orchestrator.hcl.modules.interface import ModuleInterface
from orchestrator.hcl.modules.read import local_closure, read_module
from orchestrator.hcl.modules.scan import reads_outside_module

OVERRIDE_FILE = "orch_waiver_override.tf"
"""Written when a waiver lifts `prevent_destroy` (see `render.prevent_destroy`); never copied from a module."""

_BUILT_IN = "terraform"


@dataclass(frozen=True, slots=True)
class ModuleTree:
    """A local module and all local modules that it calls.

    Attributes:
        folder: the module's folder, relative to the repository, POSIX.
        folders: every folder that belongs to it, absolute, its own included.
        interface: variables and outputs of the module itself.
        providers: local names of all providers that any of the folders needs, without Terraform's built-in one.
    """

    folder: str
    folders: tuple[Path, ...]
    interface: ModuleInterface
    providers: frozenset[str]


class ModuleTrees:
    """Reads each module once; thread-safe.

    Args:
        root: the repository.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._trees: dict[Path, ModuleTree] = {}
        self._lock = threading.Lock()

    def of(self, source: ModuleSource) -> ModuleTree | None:
        """Return the tree of a local module; None for a module that Terraform downloads.

        Raises:
            CatalogueError: a module cannot be read, or it calls a module or reads a file outside the copied folders.
        """
        if source.path is None:
            return None
        with self._lock:
            tree = self._trees.get(source.path)
            if tree is None:
                tree = self._trees[source.path] = _read(source.path, self._root)
            return tree


def _read(path: Path, root: Path) -> ModuleTree:
    folders = local_closure(path, root)
    # Every file that apply reads must be in the frozen root, so other files are refused before planning.
    if hostile := reads_outside_module(folders, root):
        raise CatalogueError(hostile)
    interfaces: Mapping[Path, ModuleInterface] = {folder: read_module(folder, root=root) for folder in folders}
    interface = read_module(path, root=root)
    providers = {name for each in interfaces.values() for name in each.providers | set(each.required_providers)}
    return ModuleTree(
        folder=path.relative_to(root).as_posix(),
        folders=tuple(sorted(folders)),
        interface=interface,
        providers=frozenset(providers - {_BUILT_IN}),
    )


def copy_tree(tree: ModuleTree, root: Path, to: Path) -> None:
    """Copy a module's folders into a Terraform root; they keep their paths in the repository. Links become files.

    Raises:
        SetupError: a file cannot be copied, e.g. because the disk is full.
    """
    for folder in tree.folders:
        name = folder.relative_to(root)
        try:
            for inner, path in copied_files(folder, root).files.items():
                if Path(inner).name != OVERRIDE_FILE:
                    _copy(path, to / name / inner)
        except OSError as error:
            message = f"cannot copy {name.as_posix()}: {error.strerror}: {error.filename}"
            raise SetupError(message, hint="free disk space, or make the file readable, then run again") from error


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, to)
