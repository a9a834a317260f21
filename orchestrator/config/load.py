"""Loads a catalogue: files, settings, accounts, stages, units; everything that is wrong at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.live.files import LiveFiles
from orchestrator.config.live.outline import read_outline
from orchestrator.config.live.scopes import Scope
from orchestrator.config.resolve.context import ResolveContext
from orchestrator.config.resolve.units import make_units
from orchestrator.config.resolve.values import ValueCache
from orchestrator.config.resolve.wiring import Wiring
from orchestrator.errors import CatalogueError, UsageError


def find_root(start: Path) -> Path:
    """The folder that holds ``live/orch.yaml``: ``start`` or one above it.

    Raises:
        UsageError: there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "live" / "orch.yaml").is_file():
            return folder
    message = f"there is no live/orch.yaml in {start} or above it"
    raise UsageError(message, hint="go into the repository, or name its folder with -C DIR")


def load(root: Path, *, written: Path | None = None) -> Catalogue:
    """Read, check and resolve everything that ``live/`` says.

    Args:
        root: the folder that contains ``live/``.
        written: another folder whose ``live/`` is read in the place of it, so that a change can be tried before it is
            made; modules and all else stay those of ``root``.

    Raises:
        CatalogueError: something is wrong; it carries every problem that was found.
    """
    with _without_collector():
        outline = read_outline(written or root)
        files, scopes = outline.files, outline.scopes
        wiring = Wiring.of(scopes, outline.drafts, files)
        files.problems += wiring.problems()
        shared = ValueCache(stack_names=_known_names(files, scopes), problems=files.problems)
        context = ResolveContext(root, outline.settings, outline.accounts, wiring, shared, files.problems)
        units = make_units(outline.drafts, context)
    if files.problems:
        raise CatalogueError(list(dict.fromkeys(files.problems)))
    return Catalogue(root, outline.settings, outline.accounts, outline.stages, units)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Loading makes many records and no garbage: Python would go through all of them again and again to find none.

    Of 10,000 units this is a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _known_names(files: LiveFiles, scopes: Mapping[str, Scope]) -> frozenset[str]:
    """Names that ``${NAME.output}`` would be meant for."""
    return frozenset(files.stacks) | {name for scope in scopes.values() for name in scope.uses}
