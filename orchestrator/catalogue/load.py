"""Loads a catalogue: files, settings, accounts, stages, units; everything that is wrong at once."""

from __future__ import annotations

from pathlib import Path

from orchestrator.catalogue.context import Context
from orchestrator.catalogue.files import Files, read_files
from orchestrator.catalogue.records import Account, Catalogue, Stage
from orchestrator.catalogue.scopes import Scope, account_scope, drafts_of, stage_scope
from orchestrator.catalogue.settings import make_accounts, make_settings
from orchestrator.catalogue.stages import make_stage, merged_stages
from orchestrator.catalogue.units import make_units
from orchestrator.catalogue.values import Shared
from orchestrator.catalogue.wiring import Wiring
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


def load(root: Path) -> Catalogue:
    """Read, check and resolve everything that ``live/`` says.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: something is wrong; it carries every problem that was found.
    """
    files = read_files(root)
    if files.orch is None:
        raise CatalogueError(files.problems)
    settings = make_settings(files.orch, files.problems)
    accounts = make_accounts(files.accounts, files.orch, settings, files.problems)
    stages, scopes = _scopes(files, accounts)
    drafts = [draft for scope in scopes.values() for draft in drafts_of(scope, files.problems)]
    wiring = Wiring.of(scopes, drafts, files)
    files.problems += wiring.problems()
    shared = Shared(stack_names=_known_names(files, scopes), problems=files.problems)
    context = Context(root, settings, accounts, wiring, shared, files.problems)
    units = make_units(drafts, context)
    if files.problems:
        raise CatalogueError(list(dict.fromkeys(files.problems)))
    return Catalogue(root=root, settings=settings, accounts=accounts, stages=stages, units=units)


def _scopes(files: Files, accounts: dict[str, Account]) -> tuple[dict[str, Stage], dict[str, Scope]]:
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


def _known_names(files: Files, scopes: dict[str, Scope]) -> frozenset[str]:
    """Names that ``${NAME.output}`` would be meant for."""
    return frozenset(files.stacks) | {name for scope in scopes.values() for name in scope.uses}
