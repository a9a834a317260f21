"""Does the catalogue still know everything that the ledgers know? Pure: records in, findings out.

Two ways to lose what is protected begin without any plan that shows it: a unit vanishes from ``live/`` while its state
lives on, and a unit looks for its state in a place where there is none and builds everything a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.aws.state.ledger_form import LedgerEntry
from orchestrator.config.catalogue import Unit
from orchestrator.errors import Location
from orchestrator.guard.findings import finding_id
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import StateRecord, StateResource

ORPHANED = "ORCH_ORPHANED"
DUPLICATE = "ORCH_DUPLICATE"


@dataclass(frozen=True, slots=True)
class OrphanedState:
    """What a ledger has of a unit that the catalogue does not have there.

    Attributes:
        bucket: the bucket whose ledger it is.
        state: its state, read now; None when the state's object is gone, or was not looked at.
        at: the line of ``live/`` that is nearest to where the unit was.
    """

    entry: LedgerEntry
    bucket: str
    state: StateRecord | None = None
    at: Location | None = None

    @property
    def protected(self) -> tuple[StateResource, ...]:
        """What of it must not be lost: as the state says, else as the ledger remembers."""
        return self.state.protected if self.state is not None else self.entry.protected

    @property
    def resources(self) -> int:
        """How many resources are left."""
        return len(self.state.addresses) if self.state is not None else self.entry.resources


@dataclass(frozen=True, slots=True)
class InventoryRecord:
    """What a bucket knows of a unit of the catalogue.

    Attributes:
        entry: its entry in the ledger; None when there is none.
        lineage: of its state; empty when there is no state.
        catalogue: ``name`` of ``live/orch.yaml``.
    """

    unit: Unit
    bucket: str
    catalogue: str
    entry: LedgerEntry | None = None
    lineage: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found.

    Attributes:
        orphans: for what is left without a unit, with what must not be lost in it.
        duplicates: unit -> why it would build an empty duplicate.
        notes: what is worth a line and stops nothing.
    """

    orphans: tuple[tuple[OrphanedState, Finding], ...] = ()
    duplicates: Mapping[str, Finding] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def compare_with_ledgers(
    asked: Sequence[InventoryRecord],
    left: Sequence[OrphanedState],
    protected: Protected,
    elsewhere: Sequence[OrphanedState] = (),
) -> Comparison:
    """Compare one account's units with its ledger.

    Args:
        asked: units that the run acts on; those whose books are in order may be left out.
        left: what the account's ledger has beside the catalogue's units.
        protected: the list of protected types.
        elsewhere: what ledgers of other buckets have; only read when a unit has no state.
    """
    orphans: list[tuple[OrphanedState, Finding]] = []
    notes: list[str] = []
    for each in left:
        if each.protected:
            orphans.append((each, _orphan(each, asked, protected)))
        elif each.resources:
            notes.append(
                f"{each.entry.unit} is no longer in live/, and {each.resources} of its resources are left, none of "
                f"them protected: orch destroy --orphans {each.entry.stage}"
            )
    duplicates: dict[str, Finding] = {}
    for books in asked:
        finding = _duplicate(books, [*left, *elsewhere], protected)
        if finding is not None and finding.severity is Severity.BLOCK:
            duplicates[books.unit.id] = finding
        elif finding is not None:
            notes.append(f"{finding.message}; {finding.hint}")
    return Comparison(tuple(orphans), duplicates, tuple(notes))


def _orphan(left: OrphanedState, asked: Iterable[InventoryRecord], protected: Protected) -> Finding:
    entry = left.entry
    new = [each.unit for each in asked if not each.lineage and _alike(each.unit, entry)]
    best = max(new, key=lambda unit: (_nearness(unit, entry), unit.id), default=None)
    command = _move(entry, best) if best else ""
    move = f"or, as {best.id} looks like it: `{command}`; " if best and command else ""
    what = "and its state still has" if left.state else "its state is gone, and the ledger has"
    return _finding(
        ORPHANED,
        entry.unit,
        entry.state_key,
        cause=f"it was in the account {entry.account}; the ledger of {left.bucket} knows it (serial {entry.serial})",
        message=f"{entry.unit} is no longer in live/, {what} {_named(left.protected)}",
        hint=f"put it back into live/; {move}or see what would go: `orch destroy --orphans {entry.stage}`; "
        f"or a waiver for {ORPHANED}, unit {entry.unit}, address {entry.state_key}",
        lost=_lost(left.protected, protected),
        where=left.at,
    )


def _duplicate(books: InventoryRecord, left: Iterable[OrphanedState], protected: Protected) -> Finding | None:
    entry = books.entry
    if entry is not None and not entry.empty and books.lineage != entry.lineage:
        return _lost_state(books, entry, protected)
    if books.lineage:
        return None
    found = [each for each in left if each.protected and _stands_for(books, each)]
    if not found:
        return None
    return _fresh(books, max(found, key=lambda each: (_nearness(books.unit, each.entry), each.entry.unit)), protected)


def _stands_for(books: InventoryRecord, left: OrphanedState) -> bool:
    """Whether what is left somewhere may be what a unit without a state was before."""
    entry = left.entry
    if entry.folder == books.unit.folder:
        return True
    moved = (entry.account, entry.catalogue) == (books.unit.account, books.catalogue)
    return (left.bucket == books.bucket or moved) and _alike(books.unit, entry)


def _alike(unit: Unit, entry: LedgerEntry) -> bool:
    return unit.module.address == entry.module or unit.stack == entry.stack


def _nearness(unit: Unit, entry: LedgerEntry) -> int:
    same = (unit.stack == entry.stack, unit.stage == entry.stage, unit.region == entry.region)
    return 2 * (unit.module.address == entry.module) + sum(same)


def _move(entry: LedgerEntry, unit: Unit) -> str:
    """The command that takes a former unit's state along: of a stage or a unit; empty where there is none."""
    if entry.region != unit.region or unit.of_account or entry.of_account:
        return ""
    if entry.stack == unit.stack:
        return f"orch move {entry.stage} {unit.stage}"
    if entry.stage == unit.stage:
        return f"orch move {entry.stage}/{entry.stack} {unit.stage}/{unit.stack}"
    return ""


def _fresh(books: InventoryRecord, left: OrphanedState, protected: Protected) -> Finding:
    unit, entry = books.unit, left.entry
    if left.bucket != books.bucket:
        cause = f"its bucket {books.bucket} has no state of it, and {left.bucket} has (account {entry.account_id})"
        hint = (
            f"put back what leads to {left.bucket}: `state.bucket`, `name`, the account's id or its region; "
            "or copy all of that bucket to the new one first"
        )
    else:
        cause = f"it has no state, and {entry.unit}, which is no longer in live/, looks like it"
        command = _move(entry, unit)
        take = f"`{command}` takes the state along; or " if command else ""
        hint = f"{take}put {entry.unit} back into live/"
    return _finding(
        DUPLICATE,
        unit.id,
        unit.state_key,
        cause=cause,
        message=f"{unit.id} would be built a second time, empty, beside {_named(left.protected)} of {entry.unit}",
        hint=f"{hint}; or, when it is meant, a waiver for {DUPLICATE}, unit {unit.id}, address {unit.state_key}",
        lost=_lost(left.protected, protected),
        where=unit.at,
    )


def _lost_state(books: InventoryRecord, entry: LedgerEntry, protected: Protected) -> Finding:
    unit = books.unit
    place = f"s3://{books.bucket}/{entry.state_key}"
    if books.lineage:
        what = f"the state of {unit.id} is not the one that was applied (another lineage)"
    elif entry.state_key != unit.state_key:
        what = f"the state of {unit.id} is looked for at {unit.state_key}, and was written to {entry.state_key}"
    else:
        what = f"the state of {unit.id} is gone"
    return _finding(
        DUPLICATE,
        unit.id,
        unit.state_key,
        cause=f"the ledger says lineage {entry.lineage}, serial {entry.serial}, with {entry.resources} resources",
        message=f"{what}: it would be built a second time, empty, beside {_named(entry.protected) or 'what there is'}",
        hint=f"bring the right version of {place} back (the bucket keeps old ones)",
        lost=_lost(entry.protected, protected),
        where=unit.at,
        severity=Severity.BLOCK if entry.protected else Severity.WARN,
    )


def _named(resources: Iterable[StateResource]) -> str:
    """``aws_cognito_user_pool.this (eu-west-1_abc)``, one after the other."""
    shown = []
    for each in resources:
        known = next((word for word in (each.id, each.name, each.arn) if word), "")
        deposed = f" (deposed {each.deposed})" if each.deposed else ""
        shown.append(each.address.removeprefix("module.this.") + deposed + (f" ({known})" if known else ""))
    return ", ".join(shown)


def _lost(resources: Iterable[StateResource], protected: Protected) -> str:
    entries = (protected.get(each.type) for each in resources)
    return "; ".join(dict.fromkeys(entry.lost for entry in entries if entry is not None))


def _finding(
    rule: str,
    unit: str,
    address: str,
    *,
    cause: str,
    message: str,
    hint: str,
    lost: str,
    where: Location | None,
    severity: Severity = Severity.BLOCK,
) -> Finding:
    return Finding(
        id=finding_id(rule, unit, address, ""),
        rule=rule,
        unit=unit,
        address=address,
        action="",
        cause=cause,
        message=message,
        hint=hint,
        lost=lost,
        severity=severity,
        where=where,
    )
