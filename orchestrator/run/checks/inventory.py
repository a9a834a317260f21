"""Before every run: does the catalogue still know everything that the ledgers and the record of the accounts know?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from orchestrator.aws.backup.count import NOT_COUNTED
from orchestrator.aws.state.ledger_entry import LedgerEntry
from orchestrator.config.accounts_lock import FILE, Locked
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.errors import OrchError
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.accounts import AccountComparison
from orchestrator.guard.rules.orphans import Comparison, OrphanedState, compare_with_ledgers
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.blocked import BlockedUnits
from orchestrator.run.checks.listing import AccountListing, Listings


def without_waivers(finding: Finding) -> Finding:
    """No waiver allows it."""
    return finding


def not_counted(left: OrphanedState) -> str:  # noqa: ARG001 - nobody counted
    """What is in it is not known."""
    return NOT_COUNTED


@dataclass(frozen=True, slots=True)
class InventoryCheck:
    """Compares, and says what must be held back.

    Attributes:
        waived: gives a finding back as it is, or as one that a waiver allows.
        inside: says how much is in what is left: users, items, objects.
    """

    catalogue: Catalogue
    shelves: Listings
    protected: Protected
    waived: Callable[[Finding], Finding] = without_waivers
    inside: Callable[[OrphanedState], str] = not_counted

    def by_record(self, pinned: AccountComparison) -> BlockedUnits:
        """What the record of the accounts says, before anything is asked of AWS."""
        blocking = {name: each for name, finding in pinned.moved.items() if _blocks(each := self.waived(finding))}
        return BlockedUnits(
            reports=tuple(_of_account(self.catalogue.accounts[name], each) for name, each in blocking.items()),
            accounts={name: f"{name} is not where it was bootstrapped" for name in blocking},
        )

    def by_ledgers(
        self, held: BlockedUnits, units: Iterable[Unit], vanished: Sequence[Locked], *, destroy: bool
    ) -> BlockedUnits:
        """What the ledgers say, added to what is held already.

        Args:
            held: what the record of the accounts says.
            units: the units of the run.
            vanished: accounts of the record that are no longer in ``live/``.
            destroy: the run destroys: what is left of other units is told, and does not stop it.

        Raises:
            OrchError: a ledger cannot be read, so nothing is known of what it has.
        """
        for shelf in self.shelves.of(unit for unit in units if unit.account not in held.accounts):
            books = self.shelves.books(shelf)
            new = [each for each in books if not each.lineage and (each.entry is None or each.entry.empty)]
            found = compare_with_ledgers(
                books, self.shelves.left(shelf), self.protected, self.shelves.elsewhere(shelf, new)
            )
            held = self._add(held, shelf, found, destroy=destroy)
        for account in vanished:
            held = self._add_vanished(held, account, destroy=destroy)
        return held

    def _add(self, held: BlockedUnits, shelf: AccountListing, found: Comparison, *, destroy: bool) -> BlockedUnits:
        blocking, notes = self._sorted(found)
        duplicates = {unit: self.waived(finding) for unit, finding in found.duplicates.items()}
        held = replace(
            held,
            duplicates={
                **held.duplicates,
                **{unit: finding for unit, finding in duplicates.items() if _blocks(finding)},
            },
            stale=held.stale | {unit.id for unit in shelf.stale},
            notes=(*held.notes, *notes, *(_allowed(each) for each in duplicates.values() if not _blocks(each))),
        )
        if destroy or not blocking:
            return replace(held, notes=(*held.notes, *(finding.message for _, finding in blocking)))
        account = shelf.account.name
        names = ", ".join(left.entry.unit for left, _ in blocking)
        cause = f"{names} is gone from live/ and still has what is protected: nothing is done in {account} until then"
        return replace(
            held, accounts={**held.accounts, account: cause}, reports=(*held.reports, *map(_of_former, blocking))
        )

    def _add_vanished(self, held: BlockedUnits, account: Locked, *, destroy: bool) -> BlockedUnits:
        try:
            found = compare_with_ledgers((), self.shelves.of_vanished(account), self.protected)
        except OrchError as error:
            note = f"{account.at}: {account.name} is no longer in live/, and what is left in it cannot be told: {error}"
            return replace(held, notes=(*held.notes, note))
        blocking, notes = self._sorted(found)
        if not found.orphans and not found.notes:
            notes = [f"{account.at}: nothing protected is left in {account.name}; take its entry out of {FILE}"]
        held = replace(held, notes=(*held.notes, *notes))
        if destroy or not blocking:
            return replace(held, notes=(*held.notes, *(finding.message for _, finding in blocking)))
        cause = f"the account {account.name} is gone from live/ and still has what is protected"
        return replace(held, everything=cause, reports=(*held.reports, *map(_of_former, blocking)))

    def _sorted(self, found: Comparison) -> tuple[list[tuple[OrphanedState, Finding]], list[str]]:
        """Orphans that block, and a line for everything else."""
        orphans = [(left, self.waived(finding)) for left, finding in found.orphans]
        blocking = [(left, replace(each, inside=self.inside(left))) for left, each in orphans if _blocks(each)]
        return blocking, [*found.notes, *(_allowed(finding) for _, finding in orphans if not _blocks(finding))]


def _blocks(finding: Finding) -> bool:
    return finding.severity is Severity.BLOCK


def _allowed(finding: Finding) -> str:
    return f"{finding.message} (allowed by {finding.waiver})"


def _of_account(account: Account, finding: Finding) -> UnitReport:
    return UnitReport(finding.unit, account.name, account.region, Status.BLOCKED, (), (finding,), finding.message)


def _of_former(orphan: tuple[OrphanedState, Finding]) -> UnitReport:
    left, finding = orphan
    entry: LedgerEntry = left.entry
    return UnitReport(entry.unit, entry.account, entry.region, Status.BLOCKED, (), (finding,), finding.message)
