"""What a run must not touch, and why: found by the checks before anything is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator.config.catalogue import Unit
from orchestrator.guard.model import Finding
from orchestrator.report.model import Status, UnitReport


@dataclass(frozen=True, slots=True)
class BlockedUnits:
    """Units and accounts that must not be planned.

    Attributes:
        reports: blocked accounts and former units, with their findings. They are not units of the run.
        refused: units of the run that must not be planned, by id: they would be created a second time, or are baselines
            that the change must not plan.
        accounts: account -> why nothing in it is planned or applied.
        everything: why nothing at all is planned; empty when something may be.
        stale: units whose ledger entry is missing or older than their state; an apply writes it again.
        locked: units whose state was locked. They may be planned, and their locks are reported.
        notes: lines for the end of the report.
    """

    reports: tuple[UnitReport, ...] = ()
    refused: Mapping[str, Finding] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    everything: str = ""
    stale: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def blocked_report(blocked: BlockedUnits, unit: Unit, empty: UnitReport) -> UnitReport | None:
    """Return the report of a unit that must not be planned; None when it may be.

    Args:
        blocked: what the checks before the run found.
        unit: the unit.
        empty: its report without status, cause and findings.
    """
    refused = blocked.refused.get(unit.id)
    if refused is not None:
        return replace(empty, status=Status.BLOCKED, cause=refused.message, findings=(refused,))
    cause = blocked.everything or blocked.accounts.get(unit.account, "")
    return replace(empty, status=Status.SKIPPED, cause=cause, findings=()) if cause else None
