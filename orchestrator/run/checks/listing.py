"""Reads what the inventory check needs: listings first, contents only of what is uncertain.

A run without irregularities costs two listings per account and one per stage in it: the stages of the run at once, the
others as soon as the bucket has named them. A state is there whether or not a ledger entry says so: an apply may have
ended before it could write one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.ledger_entry import LedgerEntry, unlisted_entry
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
        entries: folder ``STAGE/STACK/REGION`` -> when the ledger entry was last written.
        states: folder -> when the state was last written; of every stage that has any in the bucket.
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
        return tuple(unit for unit in self.units if self.is_stale(unit.folder))

    def is_stale(self, folder: str) -> bool:
        """Return whether a folder's ledger entry is missing or older than its state."""
        written = self.states.get(folder)
        return written is not None and (folder not in self.entries or self.entries[folder] < written)

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
        # The baseline creates the plan role, so before it is applied only the bootstrap role exists.
        role = Role.BOOTSTRAP if any(unit.baseline for unit in units) else Role.PLAN
        return self.of_account(self.catalogue.accounts[name], role, units)

    def of_account(self, account: Account, role: Role, units: Sequence[Unit] = ()) -> AccountListing:
        """Return the listing of one state bucket, with the states of stages that are not in ``live/``.

        Args:
            account: the account.
            role: the role to read with.
            units: the account's units in the run.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """
        known = sorted({unit.stage for unit in units})
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="orch-ledger") as pool:
            entries = pool.submit(self.ledger.entries, account, role)
            stages = [pool.submit(self.ledger.states, account, role, stage) for stage in known]
            others = sorted(self.ledger.stages(account, role) - set(known))
            stages += [pool.submit(self.ledger.states, account, role, stage) for stage in others]
            listed = [each.result() for each in stages]
            return AccountListing(
                account,
                role,
                tuple(units),
                entries.result(),
                states={folder: time for each in listed for folder, time in each.written.items()},
                locked=frozenset().union(*(each.locked for each in listed)),
            )

    def orphaned(self, listing: AccountListing) -> tuple[OrphanedState, ...]:
        """Return the states in an account's bucket or ledger whose units the configuration has not in that account.

        Raises:
            UnitError: an entry or a state is damaged or of an unknown format.
            DeniedError, ThrottledError, SetupError: it cannot be read.
        """
        known = {unit.folder for unit in self.catalogue.units.values() if unit.account == listing.account.name}
        found = self._contents(listing, sorted((set(listing.entries) | set(listing.states)) - known))
        return tuple(replace(each, entry=self._with_distinct_id(each.entry)) for each in found)

    def _with_distinct_id(self, entry: LedgerEntry) -> LedgerEntry:
        """Add the region to the id of an orphaned unit whose id is taken, because the unit changed its region."""
        taken = entry.unit in self.catalogue.units
        return replace(entry, unit=f"{entry.stage}/{entry.stack}@{entry.region}") if taken else entry

    def _contents(self, listing: AccountListing, folders: Sequence[str]) -> tuple[OrphanedState, ...]:
        """Return what the entries say, or the states themselves where there is no entry or an older one."""
        account, role = listing.account, listing.role

        def one(folder: str) -> OrphanedState | None:
            entry = self.ledger.read(account, role, folder) if folder in listing.entries else None
            if (entry is None or entry.empty) and not listing.is_stale(folder):
                return None
            key = entry.state_key if entry is not None else f"{folder}/terraform.tfstate"
            state = self.ledger.state_at(account, role, key)
            if state is not None and (entry is None or entry.empty):
                listed = unlisted_entry(account, self.catalogue, folder, state)
                entry = replace(entry, resources=listed.resources) if entry is not None else listed
            if entry is None or entry.empty:
                return None
            stage = self.catalogue.stages.get(entry.stage)
            at = stage.at if stage is not None else account.at
            return OrphanedState(entry, account.state_bucket, state, at, listed=folder in listing.entries)

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
        """Return what a bucket has for these units; None: for any unit that its ledger lists."""
        try:
            entries = self.ledger.entries(account, role)
            if wanted is None:  # Any bucket of the account, perhaps with millions of other objects.
                return self._contents(AccountListing(account, role, (), entries, {}), sorted(entries))
            stages = sorted({folder.partition("/")[0] for folder in wanted})
            listed = _side_by_side(lambda stage: self.ledger.states(account, role, stage), stages)
            states = {folder: time for each in listed for folder, time in each.written.items()}
            listing = AccountListing(account, role, (), entries, states)
            return self._contents(listing, sorted((set(entries) | set(states)) & wanted))
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
            state_prefix=locked.prefix,
        )
        listing = self.of_account(account, Role.PLAN)
        orphaned = self._contents(listing, sorted(set(listing.entries) | set(listing.states)))
        return tuple(replace(each, at=locked.at) for each in orphaned)


def _side_by_side(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> tuple[_Result, ...]:
    """Return the results in order. A single item is processed without a thread."""
    if len(items) <= 1:
        return tuple(work(item) for item in items)
    with ThreadPoolExecutor(min(_THREADS, len(items)), thread_name_prefix="orch-ledger") as pool:
        return tuple(pool.map(work, items))
