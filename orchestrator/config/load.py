"""Loads `live/` and reports every problem at once."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.edit.rename import FileEdit
from orchestrator.config.live.files import LiveFiles
from orchestrator.config.live.outline import read_outline
from orchestrator.config.live.privileged import LiveFilesContent
from orchestrator.config.live.run_values import values_of_run
from orchestrator.config.live.scopes import Scope
from orchestrator.config.nodes import PlainValue
from orchestrator.config.resolve.context import ResolveContext
from orchestrator.config.resolve.units import make_units
from orchestrator.config.resolve.values import ValueCache
from orchestrator.config.resolve.wiring import Wiring
from orchestrator.errors import CatalogueError, UsageError


def find_root(start: Path) -> Path:
    """Return the folder that contains ``live/orch.yaml``: ``start`` or one of its parents.

    Raises:
        UsageError: no such folder exists.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "live" / "orch.yaml").is_file():
            return folder
    message = f"no live/orch.yaml in {start} or any parent folder"
    raise UsageError(message, hint="run orch in the repository, or pass its folder with -C DIR")


def load(
    root: Path,
    *,
    written: Path | None = None,
    trusted: LiveFilesContent | None = None,
    given: Mapping[str, PlainValue] | None = None,
) -> Catalogue:
    """Read, check and resolve ``live/``.

    Args:
        root: the folder that contains ``live/``.
        written: another folder whose ``live/`` is read instead, to try a change before it is made. Modules and all
            other files are those of ``root``.
        trusted: ``live/orch.yaml`` and the accounts as the protected commit has them: their privileged keys count
            (see `orchestrator.config.live.privileged`). None: those of ``live/`` count.
        given: the values of this run, by name. What is required and not given is `Unset` in the units that read it.

    Raises:
        UsageError: a value of the run is not declared, or has another type.
        CatalogueError: ``live/`` or a module is not valid. It has every problem that was found.
    """
    with _without_collector():
        outline = read_outline(written or root, trusted)
        files, scopes = outline.files, outline.scopes
        wiring = Wiring.of(scopes, outline.drafts, files)
        files.problems += wiring.problems()
        run = values_of_run(outline.settings.run, given or {})
        shared = ValueCache(stack_names=_known_names(files, scopes), problems=files.problems, run=run)
        context = ResolveContext(root, outline.settings, outline.accounts, wiring, shared, files.problems)
        units = make_units(outline.drafts, context)
    if files.problems:
        raise CatalogueError(list(dict.fromkeys(files.problems)))
    return Catalogue(root, outline.settings, outline.accounts, outline.stages, units, trusted, run.values)


def load_edited(root: Path, edits: Sequence[FileEdit], trusted: LiveFilesContent | None = None) -> Catalogue:
    """Load the configuration as it would be after edits, from a copy of ``live/``.

    Args:
        root: the folder that contains ``live/``.
        edits: changes to files of ``live/``.
        trusted: as for `load`.

    Raises:
        CatalogueError: it would be invalid.
    """
    with tempfile.TemporaryDirectory(prefix="orch-live-") as name:
        copy = Path(name)
        shutil.copytree(root / "live", copy / "live")
        for edit in edits:
            if edit.path and edit.path != edit.to:
                (copy / edit.path).unlink()
            (copy / edit.to).write_text(edit.after, encoding="utf-8")
        return load(root, written=copy, trusted=trusted)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Turn the garbage collector off: loading makes many records and no garbage.

    With 10,000 units the collector takes a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _known_names(files: LiveFiles, scopes: Mapping[str, Scope]) -> frozenset[str]:
    """Return the names that references start with, to recognize ``${NAME.output}``."""
    return frozenset({"run", *files.stacks, *(name for scope in scopes.values() for name in scope.uses)})
