"""What waivers allow in one run, which of them do not count and why, and which were for nothing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.guard.findings import WAIVER, finding_id
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.trust.waivers import UNWAIVABLE, Waiver, Waivers, canonical

_FOR_NOTHING = (
    "remove it from {place}: a waiver is merged in the same change as what it allows, and removed after the apply"
)


@dataclass(frozen=True, slots=True)
class DeclaredWaiver:
    """A waiver as the working tree has it. ``void``: why it does not count; empty when it does."""

    waiver: Waiver
    rejection: str = ""


class WaiverPolicy:
    """Applies the waivers of a run to findings; may be used from many threads.

    Args:
        waivers: those that count.
        written: every waiver of the working tree, with the reason of those that do not count.
    """

    def __init__(self, waivers: Waivers | None = None, declared: Sequence[DeclaredWaiver] = ()) -> None:
        self.waivers = waivers if waivers is not None else Waivers()
        self.declared = tuple(declared)
        self._lock = threading.Lock()
        self._met: set[tuple[str, str, str]] = set()

    def apply(self, findings: Iterable[Finding], plan: Path | None = None) -> tuple[Finding, ...]:
        """The findings, those that a waiver allows with ``Severity.WAIVED`` and its words.

        Args:
            findings: of one unit.
            plan: the saved plan that they are about; only a waiver for one plan needs it.
        """
        given = tuple(findings)
        digest = self._digest(given, plan)
        matched = [(each, self.waivers.match(each, digest)) for each in given]
        twofold = _twofold(matched)
        self._remember(given)
        return tuple(
            replace(finding, severity=Severity.WAIVED, waiver=waiver.summary)
            if waiver is not None and waiver.target not in twofold
            else self._explained(finding, twofold=waiver is not None)
            for finding, waiver in matched
        )

    def unused(self, unit: str) -> Iterator[Finding]:
        """A finding for each waiver of a unit that nothing in this run needed; ask after the unit was judged."""
        for each in self.declared:
            waiver = each.waiver
            with self._lock:
                met = waiver.target in self._met
            if waiver.unit == unit and not met:
                why = (
                    f"the waiver {waiver.id} allows {waiver.rule} on {waiver.address}, and this plan does no such thing"
                )
                yield Finding(
                    id=finding_id(WAIVER, unit, waiver.address, waiver.rule),
                    rule=WAIVER,
                    unit=unit,
                    address=waiver.address,
                    action="",
                    cause=why,
                    message=f"the waiver {waiver.id} is for nothing",
                    hint=_FOR_NOTHING.format(place=waiver.at),
                    where=waiver.at,
                )

    def _remember(self, findings: Iterable[Finding]) -> None:
        with self._lock:
            self._met |= {_target(each) for each in findings}

    def _digest(self, findings: Sequence[Finding], plan: Path | None) -> str:
        """SHA-256 of the plan, when a waiver asks for it: a plan may be large."""
        targets = {_target(each) for each in findings}
        wanted = plan is not None and any(each.plan and each.target in targets for each in self.waivers.entries)
        if not wanted or plan is None or not plan.is_file():
            return ""
        with plan.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _explained(self, finding: Finding, *, twofold: bool) -> Finding:
        """A finding that stays, and why the waiver that is written for it does not help."""
        if finding.severity is not Severity.BLOCK or finding.rule in UNWAIVABLE:
            return finding
        for each in self.declared:
            if each.waiver.target == _target(finding):
                why = each.rejection or ("it would allow two different things" if twofold else "it is for another plan")
                hint = f"{finding.hint}; the waiver {each.waiver.id} ({each.waiver.at}) does not count: {why}"
                return replace(finding, hint=hint)
        return finding


def _target(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.unit, canonical(finding.address)


def _twofold(matched: Iterable[tuple[Finding, Waiver | None]]) -> frozenset[tuple[str, str, str]]:
    """What is meant by two addresses at once: ``X`` of the root and ``module.this.X`` look the same in reports."""
    addresses: dict[tuple[str, str, str], set[str]] = {}
    for finding, waiver in matched:
        if waiver is not None:
            addresses.setdefault(waiver.target, set()).add(finding.address)
    return frozenset(target for target, named in addresses.items() if len(named) > 1)
