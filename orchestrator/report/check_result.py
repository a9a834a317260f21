"""The result of one check of ``orch check``."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.errors import Location


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check.

    Attributes:
        check: the kind of check.
        subject: what was checked, or the place of the problem.
        problem: what is wrong; empty: nothing.
        note: a remark that is not a problem.
        where: the place of the problem or remark, if it has one.
        rule: id of what was violated; empty: the kind of check is enough.
        severity: of the rule; empty if it has none.
        guideline: a page about the rule; empty if there is none.
    """

    check: str
    subject: str
    problem: str = ""
    note: str = ""
    where: Location | None = None
    rule: str = ""
    severity: str = ""
    guideline: str = ""

    @property
    def rule_id(self) -> str:
        """The rule, or else the kind of check."""
        return self.rule or self.check
