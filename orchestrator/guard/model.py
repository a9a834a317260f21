"""What the guard returns: findings and a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.errors import Location

POLICY_WEAKENED = "ORCH_POLICY_WEAKENED"
"""The rule about the change as a whole: it weakens the policies that judge it. Every unit gets this finding."""


class Severity(StrEnum):
    """Whether a finding blocks the apply."""

    BLOCK = "block"
    WARN = "warn"
    WAIVED = "waived"
    """It would block the apply, but a valid waiver allows it; it is only shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's objection to one change in one plan.

    Attributes:
        id: ten hex digits, made from rule, unit, address and action; the same in every run.
        rule: the rule's id, e.g. ``ORCH_PROTECTED``.
        address: what it is about: a resource address, a file, a provider or module source, or a state key.
        action: what the plan does to it, as one word; empty when it is not about an action.
        cause: why the change happens: Terraform's reason, or the attributes that force it.
        message: one sentence: what is wrong.
        hint: what to do.
        lost: what would be lost, from ``policies/protected.yaml``; empty when the rule is about something else.
        where: the line in ``live/`` or ``modules/`` that causes it, if known.
        inside: what it contains now: "3 users", or "not counted"; empty when nothing was counted.
        waiver: id, owner and reason of the waiver that allows it, or empty.
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

    @property
    def blocks(self) -> bool:
        """Whether it blocks the apply."""
        return self.severity is Severity.BLOCK


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of judging one plan.

    Attributes:
        checks: ids of the checks that answered for every change in their scope.
        expected: ids of the checks with a change in their scope; of all checks if none could run.
    """

    unit: str
    findings: tuple[Finding, ...]
    checks: tuple[str, ...]
    expected: tuple[str, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether the plan must not be applied."""
        return any(f.blocks for f in self.findings)

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The findings that a waiver allows."""
        return tuple(f for f in self.findings if f.severity is Severity.WAIVED)
