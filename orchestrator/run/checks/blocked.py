"""What a run must not touch, and why: found before anything is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.config.catalogue import Unit
from orchestrator.guard.model import Finding
from orchestrator.report.model import Status, UnitReport


@dataclass(frozen=True, slots=True)
class BlockedUnits:
    """What is held back.

    Attributes:
        reports: of what is no unit of the run: former units, accounts. Blocked, with the findings.
        duplicates: units that are blocked themselves: they would be built a second time.
        accounts: account -> why nothing of it is planned or applied.
        everything: why nothing at all is; empty when something is.
        stale: units whose entry in the ledger is missing or older than their state: written anew by an apply.
        notes: lines for the end of the report.
    """

    reports: tuple[UnitReport, ...] = ()
    duplicates: Mapping[str, Finding] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    everything: str = ""
    stale: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def of(self, unit: Unit) -> tuple[Status, str, tuple[Finding, ...]] | None:
        """Status, cause and findings of a unit that must not be planned; None when it may be."""
        if unit.id in self.duplicates:
            finding = self.duplicates[unit.id]
            return Status.BLOCKED, finding.message, (finding,)
        cause = self.everything or self.accounts.get(unit.account, "")
        return (Status.SKIPPED, cause, ()) if cause else None
