"""What a run must not touch, and why: found by the checks before anything is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator.config.catalogue import Account, Unit
from orchestrator.guard.model import Finding
from orchestrator.report.model import Status, UnitReport


@dataclass(frozen=True, slots=True)
class BlockedUnits:
    """Units and accounts that must not be planned.

    Attributes:
        reports: blocked accounts and former units, with their findings. They are not units of the run.
        duplicates: units of the run that would be created a second time, by id.
        accounts: account -> why nothing in it is planned or applied.
        everything: why nothing at all is planned; empty when something may be.
        stale: units whose ledger entry is missing or older than their state; an apply writes it again.
        locked: units whose state was locked. They may be planned, and their locks are reported.
        notes: lines for the end of the report.
    """

    reports: tuple[UnitReport, ...] = ()
    duplicates: Mapping[str, Finding] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    everything: str = ""
    stale: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def with_account(blocked: BlockedUnits, account: Account, finding: Finding, why: str = "") -> BlockedUnits:
    """Return what is blocked already, and an account.

    Args:
        blocked: what is blocked already.
        account: the account.
        finding: what is wrong with it.
        why: the cause that its units show; by default the message of the finding.
    """
    report = UnitReport(finding.unit, account.name, account.region, Status.BLOCKED, (), (finding,), finding.message)
    return replace(
        blocked,
        reports=(*blocked.reports, report),
        accounts={**blocked.accounts, account.name: why or finding.message},
    )


def blocked_report(blocked: BlockedUnits, unit: Unit, empty: UnitReport) -> UnitReport | None:
    """Return the report of a unit that must not be planned; None when it may be.

    Args:
        blocked: what the checks before the run found.
        unit: the unit.
        empty: its report without status, cause and findings.
    """
    duplicate = blocked.duplicates.get(unit.id)
    if duplicate is not None:
        return replace(empty, status=Status.BLOCKED, cause=duplicate.message, findings=(duplicate,))
    cause = blocked.everything or next((why for name, why in blocked.accounts.items() if name in unit.accounts), "")
    return replace(empty, status=Status.SKIPPED, cause=cause, findings=()) if cause else None
