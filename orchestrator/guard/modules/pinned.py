"""Finds remote modules without a version: Terraform fetches whatever their source has at the time of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator.config.catalogue import Catalogue
from orchestrator.errors import Location, Problem
from orchestrator.hcl.modules.read import local_closure, read_module
from orchestrator.hcl.modules.sources import has_ref, is_git, is_registry


def unpinned_modules(catalogue: Catalogue) -> tuple[Problem, ...]:
    """Return a note for each git address without ``?ref=`` and each registry module without a version.

    They are those of stacks, and those that the modules of this repository call.

    Raises:
        CatalogueError: a module cannot be read.
    """
    found = set(_of_stacks(catalogue))
    for start in {unit.module.path for unit in catalogue.units.values() if unit.module.path is not None}:
        for folder in local_closure(start, catalogue.root):
            found.update(_of_calls(folder, catalogue.root))
    return tuple(sorted(found, key=lambda each: (each.where, each.what)))


def _of_stacks(catalogue: Catalogue) -> Iterator[Problem]:
    for unit in catalogue.units.values():
        if unit.module.path is None and unit.module.version is None:
            yield from _note(unit.module.address, unit.module.at, "add `version:` with a tag, commit or version")


def _of_calls(folder: Path, root: Path) -> Iterator[Problem]:
    for call in read_module(folder, root=root).calls.values():
        if not call.local and call.version is None:
            git = is_git(call.source)
            hint = "add ?ref= with a tag or commit" if git else 'add `version = "…"`'
            yield from _note(call.source, call.at, hint)


def _note(address: str, at: Location, hint: str) -> Iterator[Problem]:
    if is_git(address) and not has_ref(address):
        yield Problem(at, f"{address} has no ?ref=, so a run uses whatever its default branch has then", hint)
    elif is_registry(address):
        yield Problem(at, f"{address} has no version, so a run uses whatever is the newest one then", hint)
