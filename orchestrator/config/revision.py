"""Loads the configuration of another git revision, from git's objects: nothing is checked out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.load import load
from orchestrator.errors import CatalogueError, UsageError
from orchestrator.util.git import LINK, SUBMODULE, Repository

_READ = (".yaml", ".tf", ".tf.json", ".hcl")
"""Files that are read to resolve units and their providers. Of all others it is enough that their folders exist."""


@contextmanager
def catalogue_at(repository: Repository, revision: str) -> Iterator[Catalogue]:
    """Load the configuration of a revision. Its files are in a temporary folder until the end.

    Raises:
        UsageError: the revision does not exist here, or has no valid configuration.
    """
    commit = repository.commit(revision)
    if commit is None:
        message = f"unknown git revision {revision!r}"
        raise UsageError(message, hint="`git fetch` it, or name another one, e.g. origin/main")
    with tempfile.TemporaryDirectory(prefix="orch-revision-") as name:
        root = Path(name).resolve()
        _write(repository, commit, root)
        if not (root / "live" / "orch.yaml").is_file():
            message = f"{revision} has no live/orch.yaml"
            raise UsageError(message, hint="name a revision since the first one with live/")
        try:
            found = load(root)
        except CatalogueError as error:
            first = error.problems[0]
            message = f"the configuration of {revision} is not valid: {first}"
            raise UsageError(message, hint="compare with a revision whose `orch check` passes") from error
        yield found


def _write(repository: Repository, commit: str, root: Path) -> None:
    files = repository.files(commit, ["."])
    read = {name: blob for name, blob in files.items() if name.endswith(_READ) and blob.mode not in {LINK, SUBMODULE}}
    contents = repository.contents(sorted({blob.id for blob in read.values()}))
    for name, blob in files.items():
        path = root / PurePosixPath(name)
        if blob.mode == LINK or root not in path.parents:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if name in read:
            path.write_bytes(contents[blob.id])
    for name, blob in files.items():
        if blob.mode == LINK:
            _link(root, name, os.fsdecode(repository.contents([blob.id])[blob.id]))


def _link(root: Path, name: str, target: str) -> None:
    """Make a link of the revision, unless it leads out of the repository."""
    path = root / PurePosixPath(name)
    meant = Path(os.path.normpath(path.parent / target))
    if not Path(target).is_absolute() and meant.is_relative_to(root) and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
