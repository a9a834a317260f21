"""Decides before a run which of its stages are disposable: merged, and recorded when they were created.

A stage that exists never becomes disposable, and one that was applied without the key lasts until it is destroyed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.ledger_entry import LEDGER_PREFIX
from orchestrator.aws.state.stage_records import StageRecords
from orchestrator.config.catalogue import Account, Catalogue, Stage, Unit
from orchestrator.errors import UsageError
from orchestrator.guard.trust.base_commit import BaseCommit
from orchestrator.guard.trust.disposable import DisposableStages, merged_as_disposable
from orchestrator.util.git import Repository

_DECIDING = frozenset({"plan", "apply", "destroy"})
"""Commands that judge what a stage would lose."""

_FILLING = frozenset({"apply", "move", "adopt"})
"""Commands after which a stage that is not disposable lasts, whatever it was before."""


@dataclass(frozen=True, slots=True)
class DisposableCheck:
    """Decides which stages are disposable.

    Attributes:
        catalogue: the configuration.
        repository: the git repository; None if there is none.
        base: the commit that waivers come from; None if there is none.
        ledger: reads the ledgers.
        records: reads what the ledgers say about stages.
    """

    catalogue: Catalogue
    repository: Repository | None
    base: BaseCommit | None
    ledger: Ledger
    records: StageRecords

    def check(self, units: Sequence[Unit], command: str) -> tuple[DisposableStages, tuple[str, ...]]:
        """Return the disposable stages of a run, and lines for the end of its report.

        Args:
            units: the units of the run whose accounts may be used.
            command: the command that runs.

        Raises:
            UsageError: a stage that exists was made disposable, or a disposable stage would be created before the key
                is merged.
            DeniedError, ThrottledError, SetupError, UnitError: the ledger cannot be read.
        """
        names = {unit.stage for unit in units if not unit.of_account}
        stages = [stage for name, stage in sorted(self.catalogue.stages.items()) if name in names]
        wanted = [each for each in stages if each.disposable and command in _DECIDING]
        filled = [each for each in stages if not each.disposable and command in _FILLING]
        recorded = dict(self._recorded([*wanted, *filled]))
        lasting = frozenset(each.name for each in filled if recorded[each.name])
        merged = merged_as_disposable(self.catalogue, self.repository, self.base, {each.name for each in wanted})
        permissions: dict[str, str] = {}
        notes: list[str] = []
        for stage in wanted:
            why = self._objection(stage, command, recorded=recorded[stage.name], merged=stage.name in merged)
            if why:
                notes.append(f"{stage.name} is judged as a lasting stage: {why}")
            else:
                permissions[stage.name] = f"{stage.name} is disposable ({stage.disposable_at})"
        new = frozenset(name for name in permissions if not recorded[name])
        return DisposableStages(permissions, new, lasting), tuple(notes)

    def _objection(self, stage: Stage, command: str, *, recorded: bool, merged: bool) -> str:
        """Return why a stage that says so is not disposable in this run; empty if it is.

        Raises:
            UsageError: the stage exists and was never disposable, or would be created as a lasting one.
        """
        exists = recorded or self._exists(stage)
        if exists and not recorded:
            raise _made_disposable(stage)
        if merged:
            return ""
        if not exists and command == "apply":
            raise _not_merged(stage, self.base)
        return _unmerged(self.base)

    def _recorded(self, stages: Sequence[Stage]) -> Iterator[tuple[str, bool]]:
        """Yield whether the ledger records each stage as disposable."""
        accounts = {each.account for each in stages}
        listed = {name: self.records.listed(self.catalogue.accounts[name]) for name in accounts}
        for stage in stages:
            account = self.catalogue.accounts[stage.account]
            found = stage.name in listed[stage.account] and self.records.read(account, stage.name).disposable
            yield stage.name, found

    def _exists(self, stage: Stage) -> bool:
        """Return whether a stage has resources, by its states and by the ledger."""
        account = self.catalogue.accounts[stage.account]
        states = self.ledger.states(account, Role.PLAN, stage.name).written
        if any(self._has_resources(account, f"{folder}/terraform.tfstate") for folder in states):
            return True
        entries = self.ledger.entries(account, Role.PLAN, prefix=f"{LEDGER_PREFIX}{stage.name}/")
        found = (self.ledger.read(account, Role.PLAN, folder) for folder in entries)
        return any(entry is not None and not entry.empty for entry in found)

    def _has_resources(self, account: Account, key: str) -> bool:
        state = self.ledger.state_at(account, Role.PLAN, key)
        return state is not None and bool(state.addresses)


def _made_disposable(stage: Stage) -> UsageError:
    message = f"{stage.name} exists, and was not disposable when it was created"
    hint = "remove `disposable`: only a new stage can be disposable"
    return UsageError(message, where=stage.disposable_at, hint=hint)


def _not_merged(stage: Stage, base: BaseCommit | None) -> UsageError:
    message = f"{stage.name} would be created as a lasting stage: {_unmerged(base)}"
    hint = "merge live/ first; or remove `disposable` if it is to last"
    return UsageError(message, where=stage.disposable_at, hint=hint)


def _unmerged(base: BaseCommit | None) -> str:
    if base is None:
        return "`disposable` counts only in a git repository"
    place = base.description if base.protected else f"{base.description}, the last commit"
    return f"it is not disposable in {place}, in an open account"
