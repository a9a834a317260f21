"""Writes rendered roots to disk: all or nothing, and private files with mode 0600 from their creation."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Archive, Catalogue, Unit
from orchestrator.render.archive import zip_folder
from orchestrator.render.build import Builder
from orchestrator.render.module_tree import ModuleTree, ModuleTrees, copy_tree
from orchestrator.render.root import RootText, TemplateRenderer
from orchestrator.render.values import Upstream
from orchestrator.terraform.setup.lock_file import LOCK_FILE, SHARED_LOCK_FILE
from orchestrator.util.files import file_lock, write_atomic


@dataclass(frozen=True, slots=True)
class Rendered:
    """A root on disk. ``unknown``: module variables whose value is not yet known (previews only)."""

    folder: Path
    unknown: frozenset[str]


class RootRenderer:
    """Renders roots into folders; thread-safe.

    Args:
        catalogue: the loaded configuration.
        delete_apis: IAM actions that delete protected resources, for modules that deny them.
        builder: builds archives; None leaves them unbuilt, for roots that are only checked.
    """

    def __init__(self, catalogue: Catalogue, delete_apis: Iterable[str] = (), builder: Builder | None = None) -> None:
        self._builder = builder
        self._catalogue = catalogue
        self._renderer = TemplateRenderer(catalogue, delete_apis)
        self._trees = ModuleTrees(catalogue.root)

    def render(self, unit: Unit, upstream: Upstream, folder: Path) -> Rendered:
        """Write the root of a unit into ``folder``, replacing it.

        Args:
            unit: the unit.
            upstream: outputs of every unit that this one reads.
            folder: where to write the root; missing parents are created.

        Raises:
            UnitError: a reference does not exist in a known value.
            CatalogueError: the module or a name in it cannot be rendered.
            SetupError: the folder of an archive is missing.
            BuildError, BlockedError, InterruptedRunError: an archive cannot be built.
        """
        tree = self._trees.of(unit.module)
        return self._write(unit, tree, self._renderer.render(unit, tree, upstream), folder)

    def _zip(self, unit: Unit, archive: Archive) -> bytes:
        if archive.build is not None and self._builder is not None:
            return self._builder.zip_of(unit, archive, archive.build)
        return zip_folder(archive.folder, root=self._catalogue.root)

    def _write(self, unit: Unit, tree: ModuleTree | None, text: RootText, folder: Path) -> Rendered:
        root = self._catalogue.root
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            if tree is not None:
                copy_tree(tree, root, fresh)
            for archive in unit.archives:
                write_atomic(fresh / "archives" / f"{archive.variable}.zip", self._zip(unit, archive))
            for name, content in text.files.items():
                (fresh / name).write_text(content, encoding="utf-8")
            for name, content in text.private.items():
                write_atomic(fresh / name, content.encode())
            lock = root / SHARED_LOCK_FILE
            if lock.is_file():
                shutil.copyfile(lock, fresh / LOCK_FILE)
            _swap(fresh, folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        return Rendered(folder=folder, unknown=text.unknown)

    def refresh(self, rendered: Path, folder: Path) -> None:
        """Update the root that people work in to match a rendered one, file by file.

        Terraform's folder (``.terraform``) stays; any other file that is not part of the root is removed. A lock
        serializes the runs of one unit.
        """
        with file_lock(folder.with_name(f".{folder.name}.lock")):
            _sync(rendered, folder)


def _sync(source: Path, target: Path) -> None:
    """Make ``target`` contain the files of ``source``; equal files are not rewritten."""
    target.mkdir(parents=True, exist_ok=True)
    wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    for name in sorted(wanted):
        data = (source / name).read_bytes()
        there = target / name
        if not there.is_file() or there.read_bytes() != data:
            write_atomic(there, data)
    for path in target.rglob("*"):
        name = path.relative_to(target)
        if name.parts[0] != ".terraform" and path.is_file() and name not in wanted:
            path.unlink()


def _swap(fresh: Path, folder: Path) -> None:
    """Replace ``folder`` with ``fresh`` by renames, so that no partial root is ever visible."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.rename(old / "root")
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
