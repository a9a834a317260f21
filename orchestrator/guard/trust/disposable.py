"""Determines which stages may lose everything: ``disposable: true`` counts only as the protected commit has it."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.live.outline import Outline, read_outline
from orchestrator.errors import CatalogueError
from orchestrator.guard.trust.base_commit import BaseCommit, Source
from orchestrator.util.git import Repository

_LIVE = "live"
_FILES = frozenset({"100644", "100755"})
"""Git's modes of files; a link could name a file of the working tree."""


@dataclass(frozen=True, slots=True)
class DisposableStages:
    """The stages of a run that may lose everything.

    Attributes:
        permissions: stage -> why its losses are allowed, for findings and for the session of the role.
        new: those that nothing of exists yet; they are recorded before the first of their units is applied.
        lasting: stages that were recorded as disposable, and no longer are; an apply records that they last.
    """

    permissions: Mapping[str, str] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    lasting: frozenset[str] = frozenset()

    def permission(self, unit: Unit) -> str:
        """Return why the unit may lose everything; empty if it may not."""
        return "" if unit.of_account else self.permissions.get(unit.stage, "")


def merged_as_disposable(
    catalogue: Catalogue, repository: Repository | None, base: BaseCommit | None, stages: Collection[str]
) -> frozenset[str]:
    """Return those of some stages that are disposable in the commit that waivers come from, too.

    There, the stage must be in the same AWS account, and that account must be open. A commit proves nothing if this
    clone does not know which branch of its remote is the protected one.

    Args:
        catalogue: the configuration of the working tree.
        repository: the git repository; None if there is none, and then no stage is.
        base: the commit that waivers come from; None if there is none.
        stages: names of stages that are disposable in the working tree.

    Raises:
        SetupError: git cannot read the commit.
    """
    if repository is None or base is None or base.source is Source.UNKNOWN or not stages:
        return frozenset()
    merged = outline_at(repository, base.commit)
    return frozenset(name for name in stages if merged is not None and _same(catalogue, merged, name))


def _same(catalogue: Catalogue, merged: Outline, name: str) -> bool:
    stage = merged.stages.get(name)
    account = merged.accounts.get(stage.account) if stage is not None and stage.disposable else None
    mine = catalogue.accounts[catalogue.stages[name].account]
    return account is not None and not account.restricted and account.id == mine.id


def outline_at(repository: Repository, commit: str) -> Outline | None:
    """Return ``live/`` of a commit without its modules; None if it has none that is valid.

    Raises:
        SetupError: git failed.
    """
    blobs = {name: blob for name, blob in repository.files(commit, [_LIVE]).items() if blob.mode in _FILES}
    content = repository.contents(sorted({blob.id for blob in blobs.values()}))
    with tempfile.TemporaryDirectory(prefix="orch-merged-") as folder:
        for name, blob in blobs.items():
            path = Path(folder) / PurePosixPath(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content[blob.id])
        try:
            return read_outline(Path(folder))
        except CatalogueError:
            return None
