"""What a shell may complete: read from ``live/`` alone, and offered while a person is still writing some file of it."""

from __future__ import annotations

from pathlib import Path

from orchestrator.config.resolve.outline import Outline, read_outline
from orchestrator.config.resolve.sources import source_of


def target_names(root: Path) -> list[str]:
    """Stages, units, ``account:NAME`` and ``module:NAME``: those that mean at least one unit.

    Files that are wrong are left out; the others complete.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is wrong.
    """
    outline = read_outline(root)
    stages = {draft.scope.name for draft in outline.drafts if not draft.scope.of_account}
    accounts = {f"account:{draft.scope.account.name}" for draft in outline.drafts}
    units = [draft.id for draft in outline.drafts]
    return [*sorted(stages), *units, *sorted(accounts), *_modules(outline, root)]


def unit_names(root: Path) -> list[str]:
    """Ids of all units, in the order of the catalogue.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is wrong.
    """
    return [draft.id for draft in read_outline(root).drafts]


def account_names(root: Path) -> list[str]:
    """Names of all accounts, with units or without.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is wrong.
    """
    return sorted(read_outline(root).accounts)


def _modules(outline: Outline, root: Path) -> list[str]:
    """``module:NAME`` of every module that there is; each is looked at once."""
    bodies = {(id(draft.body.get("module")), id(draft.body.get("version"))): draft for draft in outline.drafts}
    found = (source_of(draft.body, draft.at, root, []) for draft in bodies.values())
    return sorted({f"module:{source.address.removeprefix('modules/')}" for source in found if source is not None})
