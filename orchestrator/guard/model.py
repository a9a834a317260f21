"""What the guard answers: findings and a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.errors import Location

POLICY_WEAKENED = "ORCH_POLICY_WEAKENED"
"""The rule about the change as a whole: it weakens what judges it, which is a finding on each of its units."""


class Severity(StrEnum):
    """Whether a finding stops the apply."""

    BLOCK = "block"
    WARN = "warn"
    WAIVED = "waived"
    """It would stop the apply, and a valid waiver allows it: shown, and no more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One policy's objection to one change in one plan.

    Attributes:
        id: stable over runs: made from rule, unit, address and action.
        rule: the policy's id, e.g. ``ORCH_PROTECTED``.
        cause: why the change is what it is: Terraform's action reason or the attributes that force it.
        message: one sentence for a person; ``hint``: the way out.
        lost: what would be lost, from ``policies/protected.yaml``; empty when the rule is about something else.
        where: the line in ``live/`` or ``modules/`` that caused it, when it can be told.
        inside: what is in it now, in words: "3 users", or "not counted"; empty when nobody looked.
        waiver: what allows it: id, owner and reason of the waiver; empty when nothing does.
    """

    id: str
    rule: str
    unit: str
    address: str
    action: str
    cause: str
    message: str
    hint: str
    lost: str = ""
    severity: Severity = Severity.BLOCK
    where: Location | None = None
    inside: str = ""
    waiver: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement over one plan. ``checks`` are the ids of the checks that are proven to have run."""

    unit: str
    findings: tuple[Finding, ...]
    checks: tuple[str, ...]

    @property
    def blocked(self) -> bool:
        """Whether the plan must not be applied."""
        return any(f.severity is Severity.BLOCK for f in self.findings)

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The findings that only a waiver allows."""
        return tuple(f for f in self.findings if f.severity is Severity.WAIVED)
