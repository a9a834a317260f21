"""Checks before every run that the configuration still has every unit and account that ledgers and lock file record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from orchestrator.aws.backup.count import NOT_COUNTED
from orchestrator.aws.state.ledger_entry import LedgerEntry
from orchestrator.config.accounts_lock import FILE, LockedAccount
from orchestrator.config.catalogue import Catalogue
from orchestrator.errors import OrchError
from orchestrator.guard.model import Finding
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.accounts import AccountComparison
from orchestrator.guard.rules.orphans import Comparison, OrphanedState, compare_with_ledgers
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.checks.blocked import BlockedUnits, with_account
from orchestrator.run.checks.listing import AccountListing, Listings
from orchestrator.util.plural import agreeing


def without_waivers(finding: Finding) -> Finding:
    """Return the finding unchanged: no waiver applies."""
    return finding


def not_counted(orphan: OrphanedState) -> str:  # noqa: ARG001 - nothing is counted
    """Return that the contents were not counted."""
    return NOT_COUNTED


@dataclass(frozen=True, slots=True)
class InventoryCheck:
    """Compares the inventory with the configuration, and returns what is blocked.

    Attributes:
        catalogue: the configuration.
        listings: reads ledgers and states.
        protected: the protected types.
        waived: returns a finding unchanged, or allowed by a waiver.
        count: returns what a former unit still contains: users, items, objects.
    """

    catalogue: Catalogue
    listings: Listings
    protected: Protected
    waived: Callable[[Finding], Finding] = without_waivers
    count: Callable[[OrphanedState], str] = not_counted

    def check_accounts(self, pinned: AccountComparison) -> BlockedUnits:
        """Block accounts that differ from the lock file, before AWS is called."""
        blocking = {name: each for name, finding in pinned.moved.items() if (each := self.waived(finding)).blocks}
        blocked = BlockedUnits()
        for name, finding in blocking.items():
            why = f"{name} is not the account that was bootstrapped"
            blocked = with_account(blocked, self.catalogue.accounts[name], finding, why)
        return blocked

    def check_ledgers(
        self,
        blocked: BlockedUnits,
        listed: Iterable[AccountListing],
        vanished: Sequence[LockedAccount],
        *,
        destroy: bool,
    ) -> BlockedUnits:
        """Compare with the ledgers, and add to what is blocked already.

        Args:
            blocked: what `check_accounts` blocked.
            listed: the listings of the accounts that the run's units are in, without blocked accounts.
            vanished: accounts of the lock file that are no longer in ``live/``.
            destroy: the run destroys or moves; orphaned states of other units are reported and do not block it.

        Raises:
            OrchError: a ledger cannot be read.
        """
        for listing in listed:
            records = self.listings.records(listing)
            new = [each for each in records if not each.lineage and (each.entry is None or each.entry.empty)]
            found = compare_with_ledgers(
                records, self.listings.orphaned(listing), self.protected, self.listings.states_elsewhere(listing, new)
            )
            blocked = self._add(blocked, listing, found, destroy=destroy)
        for account in vanished:
            blocked = self._add_vanished(blocked, account, destroy=destroy)
        return blocked

    def _add(self, blocked: BlockedUnits, listing: AccountListing, found: Comparison, *, destroy: bool) -> BlockedUnits:
        blocking, notes = self._sort(found)
        duplicates = {unit: self.waived(finding) for unit, finding in found.duplicates.items()}
        blocked = replace(
            blocked,
            refused={
                **blocked.refused,
                **{unit: finding for unit, finding in duplicates.items() if finding.blocks},
            },
            stale=blocked.stale | {unit.id for unit in listing.stale},
            notes=(*blocked.notes, *notes, *(_allowed(each) for each in duplicates.values() if not each.blocks)),
        )
        if destroy or not blocking:
            return replace(blocked, notes=(*blocked.notes, *(finding.message for _, finding in blocking)))
        account = listing.account.name
        names = ", ".join(orphan.entry.unit for orphan, _ in blocking)
        are, have = agreeing(len(blocking), "is", "are"), agreeing(len(blocking), "has", "have")
        cause = f"{account} is blocked: {names} {are} no longer in live/ but still {have} protected resources"
        return replace(
            blocked,
            accounts={**blocked.accounts, account: cause},
            reports=(*blocked.reports, *map(_orphan_report, blocking)),
        )

    def _add_vanished(self, blocked: BlockedUnits, account: LockedAccount, *, destroy: bool) -> BlockedUnits:
        try:
            found = compare_with_ledgers((), self.listings.of_vanished(account), self.protected)
        except OrchError as error:
            note = f"{account.at}: {account.name} is no longer in live/, and what remains in it is unknown: {error}"
            return replace(blocked, notes=(*blocked.notes, note))
        blocking, notes = self._sort(found)
        if not found.orphans and not found.notes:
            notes = [f"{account.at}: {account.name} has no protected resources left; remove its entry from {FILE}"]
        blocked = replace(blocked, notes=(*blocked.notes, *notes))
        if destroy or not blocking:
            return replace(blocked, notes=(*blocked.notes, *(finding.message for _, finding in blocking)))
        cause = f"the account {account.name} is no longer in live/ but still has protected resources"
        return replace(blocked, everything=cause, reports=(*blocked.reports, *map(_orphan_report, blocking)))

    def _sort(self, found: Comparison) -> tuple[list[tuple[OrphanedState, Finding]], list[str]]:
        """Return the orphaned states that block, and a line for everything else."""
        orphans = [(orphan, self.waived(finding)) for orphan, finding in found.orphans]
        blocking = [(orphan, replace(each, inside=self.count(orphan))) for orphan, each in orphans if each.blocks]
        return blocking, [*found.notes, *(_allowed(finding) for _, finding in orphans if not finding.blocks)]


def _allowed(finding: Finding) -> str:
    return f"{finding.message} (allowed by {finding.waiver})"


def _orphan_report(orphan: tuple[OrphanedState, Finding]) -> UnitReport:
    state, finding = orphan
    entry: LedgerEntry = state.entry
    return UnitReport(entry.unit, entry.account, entry.region, Status.BLOCKED, (), (finding,), finding.message)
