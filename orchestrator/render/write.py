"""Puts a rendered root on disk: whole or not at all, private files private from their first byte."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.render.archive import zip_folder
from orchestrator.render.module_tree import ModuleTree, ModuleTrees, copy_tree
from orchestrator.render.root import RootText, TemplateRenderer
from orchestrator.render.values import Upstream
from orchestrator.terraform.setup.lock_file import LOCK_FILE, SHARED_LOCK_FILE
from orchestrator.util.files import file_lock, write_atomic


@dataclass(frozen=True, slots=True)
class Rendered:
    """A root on disk. ``unknown``: variables of the module whose value is not known yet (previews only)."""

    folder: Path
    unknown: frozenset[str]


class RootRenderer:
    """Writes the roots of one catalogue. Safe to use from several threads.

    Args:
        catalogue: the loaded catalogue.
        delete_apis: IAM actions that delete what is protected, for modules that deny them.
    """

    def __init__(self, catalogue: Catalogue, delete_apis: Iterable[str] = ()) -> None:
        self._catalogue = catalogue
        self._renderer = TemplateRenderer(catalogue, delete_apis)
        self._trees = ModuleTrees(catalogue.root)

    def render(self, unit: Unit, upstream: Upstream, folder: Path) -> Rendered:
        """Write the root of a unit into ``folder``, which it replaces.

        Args:
            unit: the unit.
            upstream: outputs of every unit that this one reads.
            folder: where the root goes; its parents are made.

        Raises:
            UnitError: a reference points at nothing in a known value.
            CatalogueError: the module or a name in it cannot be rendered.
            SetupError: an archive's folder is missing.
        """
        tree = self._trees.of(unit.module)
        return self._write(unit, tree, self._renderer.render(unit, tree, upstream), folder)

    def _write(self, unit: Unit, tree: ModuleTree | None, text: RootText, folder: Path) -> Rendered:
        root = self._catalogue.root
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            if tree is not None:
                copy_tree(tree, root, fresh)
            for archive in unit.archives:
                write_atomic(fresh / "archives" / f"{archive.variable}.zip", zip_folder(archive.folder, root=root))
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
        """Bring the root for people up to date with one that was rendered, file by file.

        Terraform's own folder (``.terraform``) stays; any other file that is not part of the root goes. Two runs of one
        unit take turns.
        """
        with file_lock(folder.with_name(f".{folder.name}.lock")):
            _sync(rendered, folder)


def _sync(source: Path, target: Path) -> None:
    """Make ``target`` hold the files of ``source``; files that are equal are left alone."""
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
    """Put ``fresh`` in the place of ``folder``: two renames, so that no half-written root is ever seen."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.rename(old / "root")
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
