"""Compares the units in ``live/`` with the ledgers: which states have no unit, and which units would be built twice.

No plan shows these losses: a unit is removed from ``live/`` while its state remains, or a unit does not find its state
and would create every resource a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.aws.state.ledger_entry import LedgerEntry
from orchestrator.config.catalogue import Unit
from orchestrator.errors import Location
from orchestrator.guard.findings import DUPLICATE, finding_id
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import StateRecord, StateResource
from orchestrator.util.plural import agreeing, plural

ORPHANED = "ORCH_ORPHANED"


@dataclass(frozen=True, slots=True)
class OrphanedState:
    """A state or ledger entry of a unit that is no longer in ``live/``.

    Attributes:
        entry: the ledger entry.
        bucket: the bucket that contains the ledger.
        state: the current state; None if it is gone or was not read.
        at: the line in ``live/`` closest to where the unit was.
        listed: the ledger has an entry; False: only the state is there, and ``entry`` says what it tells.
    """

    entry: LedgerEntry
    bucket: str
    state: StateRecord | None = None
    at: Location | None = None
    listed: bool = True

    @property
    def protected(self) -> tuple[StateResource, ...]:
        """Return its protected resources, from the state, otherwise from the ledger."""
        return self.state.protected if self.state is not None else self.entry.protected

    @property
    def resources(self) -> int:
        """Return how many resources remain."""
        return len(self.state.addresses) if self.state is not None else self.entry.resources


@dataclass(frozen=True, slots=True)
class InventoryRecord:
    """What a state bucket has for a unit in ``live/``.

    Attributes:
        unit: the unit.
        bucket: the state bucket.
        catalogue: ``name`` in ``live/orch.yaml``.
        entry: its ledger entry, or None.
        lineage: the lineage of its state; empty if it has no state.
    """

    unit: Unit
    bucket: str
    catalogue: str
    entry: LedgerEntry | None = None
    lineage: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of comparing units with ledgers.

    Attributes:
        orphans: orphaned states with protected resources, each with its finding.
        duplicates: unit id -> the finding that the unit would be created a second time.
        notes: lines for the report that block nothing.
    """

    orphans: tuple[tuple[OrphanedState, Finding], ...] = ()
    duplicates: Mapping[str, Finding] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def compare_with_ledgers(
    records: Sequence[InventoryRecord],
    orphaned: Sequence[OrphanedState],
    protected: Protected,
    elsewhere: Sequence[OrphanedState] = (),
) -> Comparison:
    """Compare one account's units with its ledger.

    Args:
        records: the units of the run; units whose ledger entry matches their state may be omitted.
        orphaned: the ledger's entries of units that are not in ``live/``.
        protected: the list of protected types.
        elsewhere: the entries in ledgers of other buckets; needed only if a unit has no state.
    """
    orphans: list[tuple[OrphanedState, Finding]] = []
    notes: list[str] = []
    for each in orphaned:
        if each.protected:
            orphans.append((each, _orphan(each, records, protected)))
        elif each.resources:
            notes.append(
                f"{each.entry.unit} is no longer in live/, but {plural(each.resources, 'resource')} "
                f"{agreeing(each.resources, 'is', 'are')} still in its state, none "
                f"protected; to destroy: orch destroy --orphans {each.entry.stage}"
            )
    duplicates: dict[str, Finding] = {}
    for record in records:
        finding = _duplicate(record, [*orphaned, *elsewhere], protected)
        if finding is not None and finding.severity is Severity.BLOCK:
            duplicates[record.unit.id] = finding
        elif finding is not None:
            notes.append(f"{finding.message}; {finding.hint}")
    return Comparison(tuple(orphans), duplicates, tuple(notes))


def _orphan(orphan: OrphanedState, records: Iterable[InventoryRecord], protected: Protected) -> Finding:
    entry = orphan.entry
    new = [each.unit for each in records if not each.lineage and _alike(each.unit, entry)]
    best = max(new, key=lambda unit: (_similarity(unit, entry), unit.id), default=None)
    command = _move(entry, best) if best else ""
    move = f"or, if it is now {best.id}: `{command}`; " if best and command else ""
    what = "but its state still has" if orphan.state else "and its state is gone; the ledger has"
    return _finding(
        ORPHANED,
        entry.unit,
        entry.state_key,
        cause=_evidence(orphan),
        message=f"{entry.unit} is no longer in live/, {what} {_named(orphan.protected)}",
        hint=f"restore it in live/; {move}or show what would be destroyed: `orch destroy --orphans {entry.stage}`; "
        f"or add a waiver for {ORPHANED}, unit {entry.unit}, address {entry.state_key}",
        lost=_lost(orphan.protected, protected),
        where=orphan.at,
    )


def _evidence(orphan: OrphanedState) -> str:
    entry = orphan.entry
    if orphan.listed:
        return f"the ledger in {orphan.bucket} lists it in the account {entry.account} (serial {entry.serial})"
    return (
        f"its state is in {orphan.bucket} (serial {entry.serial}), although no ledger entry lists it: an apply ended "
        "before it could write one, or it was not written by orch"
    )


def _duplicate(record: InventoryRecord, orphaned: Iterable[OrphanedState], protected: Protected) -> Finding | None:
    entry = record.entry
    if entry is not None and not entry.empty and record.lineage != entry.lineage:
        return _lost_state(record, entry, protected)
    if record.lineage:
        return None
    found = [each for each in orphaned if each.protected and _may_be(record, each)]
    if not found:
        return None
    best = max(found, key=lambda each: (_similarity(record.unit, each.entry), each.entry.unit))
    return _second_copy(record, best, protected)


def _may_be(record: InventoryRecord, orphan: OrphanedState) -> bool:
    """Return whether an orphaned state may belong to a unit that has no state."""
    entry = orphan.entry
    if entry.folder == record.unit.folder:
        return True
    moved = (entry.account, entry.catalogue) == (record.unit.account, record.catalogue)
    return (orphan.bucket == record.bucket or moved) and _alike(record.unit, entry)


def _alike(unit: Unit, entry: LedgerEntry) -> bool:
    return unit.module.address == entry.module or unit.stack == entry.stack


def _similarity(unit: Unit, entry: LedgerEntry) -> int:
    same = (unit.stack == entry.stack, unit.stage == entry.stage, unit.region == entry.region)
    return 2 * (unit.module.address == entry.module) + sum(same)


def _move(entry: LedgerEntry, unit: Unit) -> str:
    """Return the command that moves the state of a former unit or stage; empty if none does."""
    if entry.region != unit.region or unit.of_account or entry.of_account:
        return ""
    if entry.stack == unit.stack:
        return f"orch move {entry.stage} {unit.stage}"
    if entry.stage == unit.stage:
        return f"orch move {entry.stage}/{entry.stack} {unit.stage}/{unit.stack}"
    return ""


def _second_copy(record: InventoryRecord, orphan: OrphanedState, protected: Protected) -> Finding:
    unit, entry = record.unit, orphan.entry
    if orphan.bucket != record.bucket:
        cause = f"its state is not in {record.bucket}, but in {orphan.bucket} (account {entry.account_id})"
        hint = (
            f"restore what leads to {orphan.bucket}: `state.bucket`, `name`, the account's id or its region; "
            "or first copy that whole bucket to the new one"
        )
    else:
        cause = f"it has no state, and it resembles {entry.unit}, which is no longer in live/"
        command = _move(entry, unit)
        move = f"`{command}` moves the state; or " if command else ""
        hint = f"{move}restore {entry.unit} in live/"
    return _finding(
        DUPLICATE,
        unit.id,
        unit.state_key,
        cause=cause,
        message=f"{unit.id} would be created a second time, empty, next to {_named(orphan.protected)} of {entry.unit}",
        hint=f"{hint}; or, if intended, add a waiver for {DUPLICATE}, unit {unit.id}, address {unit.state_key}",
        lost=_lost(orphan.protected, protected),
        where=unit.at,
    )


def _lost_state(record: InventoryRecord, entry: LedgerEntry, protected: Protected) -> Finding:
    unit = record.unit
    place = f"s3://{record.bucket}/{entry.state_key}"
    if record.lineage:
        what = f"the state of {unit.id} was replaced by one with another lineage"
    elif entry.state_key != unit.state_key:
        what = f"the state of {unit.id} is expected at {unit.state_key}, but was written to {entry.state_key}"
    else:
        what = f"the state of {unit.id} is gone"
    return _finding(
        DUPLICATE,
        unit.id,
        unit.state_key,
        cause=f"the ledger has lineage {entry.lineage}, serial {entry.serial} "
        f"and {plural(entry.resources, 'resource')}",
        message=f"{what}: it would be created a second time, empty, next to {_named(entry.protected) or 'the old one'}",
        hint=f"restore the right version of {place} (the bucket keeps old versions)",
        lost=_lost(entry.protected, protected),
        where=unit.at,
        severity=Severity.BLOCK if entry.protected else Severity.WARN,
    )


def _named(resources: Iterable[StateResource]) -> str:
    """Return ``aws_cognito_user_pool.this (eu-west-1_abc)`` for each resource, separated by commas."""
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
