"""The accounts, stages and units of ``live/``, before modules and references are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Account, Settings, Stage
from orchestrator.config.live.files import LiveFiles, read_live_files
from orchestrator.config.live.privileged import LiveFilesContent
from orchestrator.config.live.scopes import Scope, UnitDraft, account_scope, stage_scope, unit_drafts
from orchestrator.config.live.settings import make_accounts, make_settings
from orchestrator.config.live.stages import make_stage, merged_stages
from orchestrator.errors import CatalogueError


@dataclass(slots=True)
class Outline:
    """The valid part of ``live/``; ``files.problems`` has the problems of the rest.

    Attributes:
        files: the files as written.
        settings: the settings of ``live/orch.yaml``.
        accounts: accounts by name.
        stages: stages by name, each merged over what it extends.
        scopes: scopes of accounts and stages, by name.
        drafts: the units, with unresolved references.
    """

    files: LiveFiles
    settings: Settings
    accounts: Mapping[str, Account]
    stages: Mapping[str, Stage]
    scopes: Mapping[str, Scope]
    drafts: tuple[UnitDraft, ...]


def read_outline(root: Path, trusted: LiveFilesContent | None = None) -> Outline:
    """Read ``live/``, without modules.

    Args:
        root: the folder that contains ``live/``.
        trusted: as for ``read_live_files``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is not valid.
    """
    files = read_live_files(root, trusted)
    if files.orch is None:
        raise CatalogueError(files.problems)
    settings = make_settings(files.orch, files.problems)
    accounts = make_accounts(files.accounts, files.orch, settings, files.problems)
    stages, scopes = _scopes(files, accounts)
    drafts = tuple(draft for scope in scopes.values() for draft in unit_drafts(scope, files.problems))
    return Outline(files, settings, accounts, stages, scopes, drafts)


def _scopes(files: LiveFiles, accounts: Mapping[str, Account]) -> tuple[dict[str, Stage], dict[str, Scope]]:
    stages: dict[str, Stage] = {}
    scopes = {name: account_scope(account, files.accounts[name], files) for name, account in accounts.items()}
    for name, merged in merged_stages(files).items():
        stage = make_stage(name, merged, accounts, files)
        if stage is None:
            files.broken.add(name)
            continue
        stages[name] = stage
        scopes.setdefault(name, stage_scope(stage, merged, accounts[stage.account], files))
    return stages, scopes
