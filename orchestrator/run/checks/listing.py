"""Reads what the inventory check needs: listings first, contents only of what is uncertain.

A run without irregularities costs one listing per account and one per stage in it, all at the same time.
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
from orchestrator.config.accounts_lock import LockedAccount
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.errors import DeniedError, SetupError
from orchestrator.guard.rules.orphans import InventoryRecord, OrphanedState

_THREADS = 8

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class AccountListing:
    """The listings of one account.

    Attributes:
        account: the account.
        role: the role to read with.
        units: the account's units in the run.
        entries, states: folder ``STAGE/STACK/REGION`` -> when the ledger entry or the state was last written.
        locked: the folders whose state is locked.
    """

    account: Account
    role: Role
    units: tuple[Unit, ...]
    entries: Mapping[str, datetime]
    states: Mapping[str, datetime]
    locked: frozenset[str] = frozenset()

    @property
    def stale(self) -> tuple[Unit, ...]:
        """Units whose ledger entry is missing or older than their state, by S3's own times."""
        return tuple(
            unit
            for unit in self.units
            if unit.folder in self.states
            and (unit.folder not in self.entries or self.entries[unit.folder] < self.states[unit.folder])
        )

    @property
    def uncertain(self) -> tuple[Unit, ...]:
        """Units whose ledger entry is stale or that have no state."""
        return (*self.stale, *(unit for unit in self.units if unit.folder not in self.states))


@dataclass(frozen=True, slots=True)
class Listings:
    """Reads ledgers and states of several accounts, in parallel."""

    catalogue: Catalogue
    ledger: Ledger

    def of(self, units: Iterable[Unit]) -> tuple[AccountListing, ...]:
        """Return the listings of every account that the units are in, by name.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: a bucket cannot be listed.
        """
        by_account: dict[str, list[Unit]] = {}
        for unit in units:
            by_account.setdefault(unit.account, []).append(unit)
        return _side_by_side(lambda name: self._listing(name, by_account[name]), sorted(by_account))

    def _listing(self, name: str, units: Sequence[Unit]) -> AccountListing:
        account = self.catalogue.accounts[name]
        # The baseline creates the plan role, so before it is applied only the bootstrap role exists.
        role = Role.BOOTSTRAP if any(unit.baseline for unit in units) else Role.PLAN
        with ThreadPoolExecutor(1, thread_name_prefix="orch-ledger") as beside:
            entries = beside.submit(self.ledger.entries, account, role)
            stages = _side_by_side(
                lambda stage: self.ledger.states(account, role, stage), sorted({unit.stage for unit in units})
            )
            return AccountListing(
                account,
                role,
                tuple(units),
                entries.result(),
                states={folder: time for stage in stages for folder, time in stage.written.items()},
                locked=frozenset().union(*(stage.locked for stage in stages)),
            )

    def orphaned(self, listing: AccountListing) -> tuple[OrphanedState, ...]:
        """Return the states in an account's ledger whose units the configuration no longer has in that account.

        Raises:
            UnitError: an entry or a state is damaged or of an unknown format.
            DeniedError, ThrottledError, SetupError: it cannot be read.
        """
        known = {unit.folder for unit in self.catalogue.units.values() if unit.account == listing.account.name}
        found = self._contents(listing.account, listing.role, sorted(set(listing.entries) - known))
        return tuple(replace(each, entry=self._with_distinct_id(each.entry)) for each in found)

    def _with_distinct_id(self, entry: LedgerEntry) -> LedgerEntry:
        """Add the region to the id of an orphaned unit whose id is taken, because the unit changed its region."""
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

    def records(self, listing: AccountListing) -> tuple[InventoryRecord, ...]:
        """Return ledger entry and lineage of the account's uncertain units.

        Raises:
            OrchError: like `orphaned`.
        """

        def one(unit: Unit) -> InventoryRecord:
            account, role = listing.account, listing.role
            entry = self.ledger.read(account, role, unit.folder) if unit.folder in listing.entries else None
            state = self.ledger.state_at(account, role, unit.state_key) if unit.folder in listing.states else None
            name = self.catalogue.settings.name
            return InventoryRecord(unit, account.state_bucket, name, entry, state.lineage if state is not None else "")

        return _side_by_side(one, listing.uncertain)

    def states_elsewhere(self, listing: AccountListing, new: Sequence[InventoryRecord]) -> tuple[OrphanedState, ...]:
        """Return other places where units without a state may have one.

        Checks the account's other buckets if its ledger is empty, and the other accounts' ledgers for the same stage,
        stack and region. Ignores what the user may not read.

        Raises:
            ThrottledError, UnitError: a ledger cannot be read.
        """
        if not new:
            return ()
        found: list[OrphanedState] = []
        if not listing.entries:
            buckets = self.ledger.other_buckets(listing.account, listing.role)
            moved = [replace(listing.account, state_bucket=bucket) for bucket in buckets]
            for more in _side_by_side(lambda at: self._readable(at, listing.role, None), moved):
                found += more
        folders = {record.unit.folder for record in new}
        others = [each for each in self.catalogue.accounts.values() if each.name != listing.account.name]
        for more in _side_by_side(lambda at: self._readable(at, Role.PLAN, folders), others):
            found += more
        return tuple(found)

    def _readable(self, account: Account, role: Role, wanted: set[str] | None) -> tuple[OrphanedState, ...]:
        try:
            folders = set(self.ledger.entries(account, role))
            return self._contents(account, role, sorted(folders if wanted is None else folders & wanted))
        except (DeniedError, SetupError):
            return ()

    def of_vanished(self, locked: LockedAccount) -> tuple[OrphanedState, ...]:
        """Return the states in the ledger of an account that is no longer in ``live/``.

        Raises:
            OrchError: it cannot be read: the id is another account's, or the role no longer exists.
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
        orphaned = self._contents(account, Role.PLAN, sorted(self.ledger.entries(account, Role.PLAN)))
        return tuple(replace(each, at=locked.at) for each in orphaned)


def _side_by_side(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> tuple[_Result, ...]:
    """Return the results in order. A single item is processed without a thread."""
    if len(items) <= 1:
        return tuple(work(item) for item in items)
    with ThreadPoolExecutor(min(_THREADS, len(items)), thread_name_prefix="orch-ledger") as pool:
        return tuple(pool.map(work, items))
