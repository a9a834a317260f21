"""Finds the units that differ from a git revision, so that CI plans only what a change affects."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.graph import Graph
from orchestrator.errors import UsageError
from orchestrator.hcl.modules.read import local_closure
from orchestrator.util.file_tree import file_tree, steps_of
from orchestrator.util.git import git_environment

_EVERYTHING = frozenset({"live/orch.yaml", "live/providers.lock.hcl"})
"""Files that affect every unit."""
_NO_SOURCES = frozenset({".git", ".orch", ".terraform"})
_SECONDS = 60


def changed_units(catalogue: Catalogue, graph: Graph, base: str) -> frozenset[str]:
    """Return the units with a file that differs between the working tree and its merge base with ``base``.

    Untracked files count, ignored files do not. The files of a unit are those of its stage and the stages it extends,
    its accounts, its stack, its module with the local modules that it calls, and the folders in its archives. Of a link
    its target counts, too.
    ``live/orch.yaml`` and ``live/providers.lock.hcl`` belong to every unit.

    Args:
        catalogue: the loaded configuration.
        graph: the graph of its units.
        base: a git revision, e.g. ``origin/main``; with ``+`` after it the downstreams of those units too.

    Raises:
        UsageError: git is missing, this is not a repository, or the revision is unknown or unrelated to HEAD.
    """
    return frozenset(why_changed(catalogue, graph, base))


def why_changed(catalogue: Catalogue, graph: Graph, base: str) -> dict[str, tuple[str, ...]]:
    """Return the units of ``changed_units``, each with its reasons: files that differ, or a unit that it is below of.

    Raises:
        UsageError: as for ``changed_units``.
    """
    revision = base.removesuffix("+")
    found = units_of_files(catalogue, _differing(catalogue.root, revision))
    if revision != base:
        for unit_id in graph.order:
            if unit_id not in found and (above := [each for each in graph.upstreams(unit_id) if each in found]):
                found[unit_id] = tuple(f"downstream of {each}" for each in above)
    return found


def units_of_files(catalogue: Catalogue, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the units that some files belong to, each with these files.

    Args:
        catalogue: the loaded configuration.
        names: paths relative to the repository, with ``/``. Others than those of units are ignored.
    """
    files = frozenset(names) - {""}
    settings = {each for name in _EVERYTHING for each in _file(catalogue.root, catalogue.root / name)}
    everything = sorted(each for each in files if _belongs(each, settings))
    folders: dict[Path, tuple[str, ...]] = {}
    found: dict[str, tuple[str, ...]] = {}
    for unit in catalogue.units.values():
        paths = () if everything else tuple(_of(catalogue, unit, folders))
        reasons = everything or sorted(each for each in files if _belongs(each, paths))
        if reasons:
            found[unit.id] = tuple(reasons)
    return found


def units_made_of(catalogue: Catalogue, names: Iterable[str]) -> frozenset[str]:
    """Return the units whose stack file, modules or archives some files belong to; see `unit_sources`.

    Args:
        catalogue: the loaded configuration.
        names: paths relative to the repository, with ``/``.
    """
    files = frozenset(names)
    folders: dict[Path, tuple[str, ...]] = {}
    units = catalogue.units.values() if files else ()
    return frozenset(
        unit.id
        for unit in units
        if (paths := tuple(_sources(catalogue, unit, folders))) and any(_belongs(each, paths) for each in files)
    )


def _belongs(file: str, paths: Iterable[str]) -> bool:
    return any(file == path or (path.endswith("/") and file.startswith(path)) for path in paths)


def unit_sources(catalogue: Catalogue, unit: Unit) -> frozenset[str]:
    """Return what a unit is made of, without accounts and stages: its stack file, modules and archives.

    Returns:
        files and folders (with a trailing slash), relative to the repository.
    """
    return frozenset(_sources(catalogue, unit, {}))


def all_sources(catalogue: Catalogue, unit: Unit) -> frozenset[str]:
    """Return the same as `unit_sources`, with the files of its accounts and stages."""
    return frozenset(_of(catalogue, unit, {}))


def _of(catalogue: Catalogue, unit: Unit, folders: dict[Path, tuple[str, ...]]) -> Iterator[str]:
    """Yield the files and folders (with a trailing slash) of a unit, relative to the repository."""
    for account in {unit.account, *(provider.account for provider in unit.providers)}:
        yield from _live(catalogue, f"accounts/{account}")
    if not unit.of_account:
        for stage in catalogue.stages[unit.stage].lineage:
            yield from _live(catalogue, f"stages/{stage}")
    yield from _sources(catalogue, unit, folders)


def _live(catalogue: Catalogue, name: str) -> Iterator[str]:
    return _file(catalogue.root, catalogue.root / "live" / f"{name}.yaml")


def _sources(catalogue: Catalogue, unit: Unit, folders: dict[Path, tuple[str, ...]]) -> Iterator[str]:
    yield from _live(catalogue, f"stacks/{unit.stack}")
    for archive in unit.archives:
        yield from _folder(catalogue.root, archive.folder)
    path = unit.module.path
    if path is not None:
        if path not in folders:
            closure = local_closure(path, catalogue.root)
            folders[path] = tuple(name for each in closure for name in _folder(catalogue.root, each))
        yield from folders[path]


def _folder(root: Path, folder: Path) -> Iterator[str]:
    """Yield the paths of a folder in git: its own, and of every link in it where it leads."""
    yield from _file(root, folder)
    yield f"{folder.relative_to(root).as_posix()}/"
    for link in file_tree(folder, root, _NO_SOURCES.__contains__).links:
        yield from _file(root, link)


def _file(root: Path, path: Path) -> Iterator[str]:
    """Yield the paths in git of a file or folder: its own, and if it is a link, every step to where it leads."""
    top = root.resolve()
    yield path.relative_to(root).as_posix()
    for step in steps_of(top / path.relative_to(root), top):
        if step.is_relative_to(top):
            name = step.relative_to(top).as_posix()
            yield f"{name}/" if step.is_dir() and not step.is_symlink() else name


def _differing(root: Path, base: str) -> Iterator[str]:
    """Yield the paths relative to ``root`` that differ from the merge base or are untracked."""
    if base.startswith("-") or not base:
        message = f"invalid git revision {base!r}"
        raise UsageError(message, hint="write e.g. --changed origin/main")
    if (found := _git(root, "rev-parse", "--git-dir")).returncode:
        raise UsageError(f"git failed: {_last(found)}", hint="--changed requires a git clone")
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    if commit.returncode:
        message = f"unknown git revision {base!r}"
        raise UsageError(message, hint="`git fetch` it, or name another one, e.g. --changed origin/main")
    start = _git(root, "merge-base", commit.stdout.strip(), "HEAD")
    if start.returncode:
        message = f"{base!r} and HEAD have no common commit"
        raise UsageError(message, hint="if this is a shallow clone, run `git fetch --unshallow`")
    diff = ("diff", "--name-only", "--no-renames", "-z", "--relative", start.stdout.strip(), "--", ".")
    for arguments in (diff, ("ls-files", "--others", "--exclude-standard", "-z", "--", ".")):
        listed = _git(root, *arguments)
        if listed.returncode:
            raise UsageError(f"git {arguments[0]} failed: {_last(listed)}", hint="run it yourself to see why")
        yield from listed.stdout.split("\0")


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or ["no error message"])[-1]


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # file names are bytes
            check=False,
            timeout=_SECONDS,
            env=git_environment(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"cannot run git: {error}", hint="--changed requires git") from error
