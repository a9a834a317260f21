"""Reads what the comparison of catalogue and ledgers needs, and no more: listings first, contents only where in doubt.

A run in which everything is in order costs one listing for each account and one for each of its stages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.ledger_entry import LedgerEntry
from orchestrator.config.accounts_lock import Locked
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.errors import DeniedError, SetupError
from orchestrator.guard.rules.orphans import InventoryRecord, OrphanedState

_THREADS = 8

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class AccountListing:
    """One account's listings.

    Attributes:
        role: the role to read with.
        units: those of the run.
        entries, states: folder ``STAGE/STACK/REGION`` -> when the ledger's entry, the state was last written.
    """

    account: Account
    role: Role
    units: tuple[Unit, ...]
    entries: Mapping[str, datetime]
    states: Mapping[str, datetime]

    @property
    def stale(self) -> tuple[Unit, ...]:
        """Units whose entry is missing or older than their state. S3's clock has written both times."""
        return tuple(
            unit
            for unit in self.units
            if unit.folder in self.states
            and (unit.folder not in self.entries or self.entries[unit.folder] < self.states[unit.folder])
        )

    @property
    def doubtful(self) -> tuple[Unit, ...]:
        """Units whose books are not in order as far as the listings tell: stale, or without a state."""
        return (*self.stale, *(unit for unit in self.units if unit.folder not in self.states))


@dataclass(frozen=True, slots=True)
class Listings:
    """Reads ledgers and states of several accounts, a few objects at once."""

    catalogue: Catalogue
    ledger: Ledger

    def of(self, units: Iterable[Unit]) -> tuple[AccountListing, ...]:
        """The listings of every account that the units are in, by name.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: a bucket cannot be listed.
        """
        by_account: dict[str, list[Unit]] = {}
        for unit in units:
            by_account.setdefault(unit.account, []).append(unit)
        return _side_by_side(lambda name: self._shelf(name, by_account[name]), sorted(by_account))

    def _shelf(self, name: str, units: Sequence[Unit]) -> AccountListing:
        account = self.catalogue.accounts[name]
        # The baseline makes the plan role, so before it was applied only the bootstrap role is there.
        role = Role.BOOTSTRAP if any(unit.baseline for unit in units) else Role.PLAN
        states: dict[str, datetime] = {}
        for stage in sorted({unit.stage for unit in units}):
            states |= self.ledger.states(account, role, stage)
        return AccountListing(account, role, tuple(units), self.ledger.entries(account, role), states)

    def left(self, shelf: AccountListing) -> tuple[OrphanedState, ...]:
        """What the account's ledger has of units that the catalogue does not have there.

        Raises:
            UnitError: an entry or a state is damaged, or of an unknown format.
            DeniedError, ThrottledError, SetupError: it cannot be read.
        """
        known = {unit.folder for unit in self.catalogue.units.values() if unit.account == shelf.account.name}
        found = self._contents(shelf.account, shelf.role, sorted(set(shelf.entries) - known))
        return tuple(replace(each, entry=self._told_apart(each.entry)) for each in found)

    def _told_apart(self, entry: LedgerEntry) -> LedgerEntry:
        """A unit that changed its region has the id that it had there: the former one is named with its region."""
        taken = entry.unit in self.catalogue.units
        return replace(entry, unit=f"{entry.stage}/{entry.stack}@{entry.region}") if taken else entry

    def _contents(self, account: Account, role: Role, folders: Sequence[str]) -> tuple[OrphanedState, ...]:
        def one(folder: str) -> OrphanedState | None:
            entry = self.ledger.read(account, role, folder)
            if entry is None or entry.empty:
                return None
            stage = self.catalogue.stages.get(entry.stage)
            state = self.ledger.state_at(account, role, entry.state_key)
            return OrphanedState(entry, account.state_bucket, state, stage.at if stage is not None else account.at)

        return tuple(each for each in _side_by_side(one, folders) if each is not None)

    def books(self, shelf: AccountListing) -> tuple[InventoryRecord, ...]:
        """Entry and lineage of the account's doubtful units.

        Raises:
            OrchError: as `left`.
        """

        def one(unit: Unit) -> InventoryRecord:
            account, role = shelf.account, shelf.role
            entry = self.ledger.read(account, role, unit.folder) if unit.folder in shelf.entries else None
            state = self.ledger.state_at(account, role, unit.state_key) if unit.folder in shelf.states else None
            name = self.catalogue.settings.name
            return InventoryRecord(unit, account.state_bucket, name, entry, state.lineage if state is not None else "")

        return _side_by_side(one, shelf.doubtful)

    def elsewhere(self, shelf: AccountListing, new: Sequence[InventoryRecord]) -> tuple[OrphanedState, ...]:
        """Where else units without a state may have one.

        Looked at are the account's other buckets when the ledger of this one is not begun, and the other accounts'
        ledgers for units of the same stage, stack and region. What may not be read there is not ours.

        Raises:
            ThrottledError, UnitError: a ledger cannot be read.
        """
        if not new:
            return ()
        found: list[OrphanedState] = []
        if not shelf.entries:
            buckets = self.ledger.other_buckets(shelf.account, shelf.role)
            moved = [replace(shelf.account, state_bucket=bucket) for bucket in buckets]
            for more in _side_by_side(lambda at: self._ours(at, shelf.role, None), moved):
                found += more
        folders = {books.unit.folder for books in new}
        others = [each for each in self.catalogue.accounts.values() if each.name != shelf.account.name]
        for more in _side_by_side(lambda at: self._ours(at, Role.PLAN, folders), others):
            found += more
        return tuple(found)

    def _ours(self, account: Account, role: Role, wanted: set[str] | None) -> tuple[OrphanedState, ...]:
        try:
            folders = set(self.ledger.entries(account, role))
            return self._contents(account, role, sorted(folders if wanted is None else folders & wanted))
        except (DeniedError, SetupError):
            return ()

    def of_vanished(self, locked: Locked) -> tuple[OrphanedState, ...]:
        """What the ledger of an account has that is no longer in ``live/``.

        Raises:
            OrchError: it cannot be read: another account's id, no role there any more.
        """
        settings = self.catalogue.settings
        account = Account(
            name=locked.name,
            id=locked.id,
            region=locked.region,
            regions=(),
            restricted=True,
            state_bucket=locked.bucket,
            roles=settings.roles,
            tags={},
            at=locked.at,
        )
        left = self._contents(account, Role.PLAN, sorted(self.ledger.entries(account, Role.PLAN)))
        return tuple(replace(each, at=locked.at) for each in left)


def _side_by_side(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> tuple[_Result, ...]:
    """The results in order; one item is worked on right here, without a thread."""
    if len(items) <= 1:
        return tuple(work(item) for item in items)
    with ThreadPoolExecutor(min(_THREADS, len(items)), thread_name_prefix="orch-ledger") as pool:
        return tuple(pool.map(work, items))
