"""Which units differ from a git revision: for CI, where only what a change touches is planned."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.graph import Graph
from orchestrator.errors import UsageError
from orchestrator.hcl.modules.read import local_closure

_EVERYTHING = frozenset({"live/orch.yaml", "live/providers.lock.hcl"})
"""Files that every unit depends on."""
_SECONDS = 60


def changed_units(catalogue: Catalogue, graph: Graph, base: str) -> frozenset[str]:
    """Units one of whose files differs between the working tree and where it left ``base``.

    Files that are not in git yet count; those that git ignores do not. A unit's files: those of its stage and of what
    that extends, of its accounts and stack, its module with the local ones below it, and the folders that are zipped
    for it. ``live/orch.yaml`` and ``live/providers.lock.hcl`` are every unit's.

    Args:
        catalogue: the loaded catalogue.
        graph: of its units.
        base: a git revision, e.g. ``origin/main``.

    Raises:
        UsageError: there is no git, no repository, no such revision, or none in common with HEAD.
    """
    files = frozenset(_differing(catalogue.root, base)) - {""}
    if files & _EVERYTHING:
        return frozenset(graph.order)
    folders: dict[Path, tuple[str, ...]] = {}
    return frozenset(
        unit.id
        for unit in catalogue.units.values()
        if any(_touched(each, files) for each in _of(catalogue, unit, folders))
    )


def _touched(path: str, files: frozenset[str]) -> bool:
    return path in files or (path.endswith("/") and any(file.startswith(path) for file in files))


def _of(catalogue: Catalogue, unit: Unit, folders: dict[Path, tuple[str, ...]]) -> Iterator[str]:
    """Files and folders (with a slash at the end) that a unit depends on, relative to the repository."""
    yield f"live/stacks/{unit.stack}.yaml"
    for account in {unit.account, *(provider.account for provider in unit.providers)}:
        yield f"live/accounts/{account}.yaml"
    if not unit.of_account:
        yield from (f"live/stages/{stage}.yaml" for stage in catalogue.stages[unit.stage].lineage)
    for archive in unit.archives:
        yield from _folder(catalogue.root, archive.folder)
    path = unit.module.path
    if path is not None:
        if path not in folders:
            closure = local_closure(path, catalogue.root)
            folders[path] = tuple(name for each in closure for name in _folder(catalogue.root, each))
        yield from folders[path]


def _folder(root: Path, folder: Path) -> Iterator[str]:
    """A folder as git names it: where it is and, when that is a link, where it leads."""
    place = folder.relative_to(root).as_posix()
    yield place  # the link itself
    yield f"{place}/"
    real = folder.resolve()
    if real.is_relative_to(root.resolve()):
        yield f"{real.relative_to(root.resolve()).as_posix()}/"


def _differing(root: Path, base: str) -> Iterator[str]:
    """Paths relative to ``root`` that differ from the merge base, or are not in git."""
    if base.startswith("-") or not base:
        message = f"{base!r} is no git revision"
        raise UsageError(message, hint="e.g. --changed origin/main")
    if (said := _git(root, "rev-parse", "--git-dir")).returncode:
        raise UsageError(f"git finds no repository: {_last(said)}", hint="--changed needs a clone of the repository")
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    if commit.returncode:
        message = f"this clone has no revision {base!r}"
        raise UsageError(message, hint="`git fetch` it, or name another, e.g. --changed origin/main")
    start = _git(root, "merge-base", commit.stdout.strip(), "HEAD")
    if start.returncode:
        message = f"{base!r} and HEAD have no commit in common"
        raise UsageError(message, hint="a shallow clone has too few commits: git fetch --unshallow")
    diff = ("diff", "--name-only", "--no-renames", "-z", "--relative", start.stdout.strip(), "--", ".")
    for arguments in (diff, ("ls-files", "--others", "--exclude-standard", "-z", "--", ".")):
        listed = _git(root, *arguments)
        if listed.returncode:
            raise UsageError(f"git {arguments[0]} failed: {_last(listed)}", hint="run it by hand to see why")
        yield from listed.stdout.split("\0")


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # names of files are bytes
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"git did not answer: {error}", hint="--changed needs git") from error
