"""Applies waivers to the findings of a run, and reports waivers that are not valid or not used."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from orchestrator.guard.findings import WAIVER, finding_id
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.trust.waivers import UNWAIVABLE, Waiver, Waivers, canonical

_UNUSED_HINT = "if the change that it allows is applied, remove it from {place}; if not, merge that change"


@dataclass(frozen=True, slots=True)
class DeclaredWaiver:
    """A waiver in the working tree.

    Attributes:
        rejection: why it is not valid; empty if it is.
        history: it is about what comes and goes (``Loss.HISTORY``), so it may stay after it was used.
    """

    waiver: Waiver
    rejection: str = ""
    history: bool = False


def never_history(rule: str, address: str) -> bool:  # noqa: ARG001 - of every finding
    """Return that a finding is not about what comes and goes."""
    return False


class WaiverPolicy:
    """Applies the waivers of a run to findings. Safe to use from several threads.

    Args:
        waivers: the valid waivers.
        declared: every waiver in the working tree, with the reason if it is not valid.
        user: returns the e-mail address of the user; empty if it is unknown.
        history: returns whether a finding, by its rule and address, is about what comes and goes. Users can allow
            nothing else of their own.
    """

    def __init__(
        self,
        waivers: Waivers | None = None,
        declared: Sequence[DeclaredWaiver] = (),
        user: Callable[[], str] = str,
        history: Callable[[str, str], bool] = never_history,
    ) -> None:
        self.waivers = waivers if waivers is not None else Waivers()
        self.declared = tuple(declared)
        self._history = history
        self._user = cache(user)  # git is asked at most once, and only if something blocks.
        self._lock = threading.Lock()
        self._seen: set[tuple[str, str, str]] = set()

    def apply(self, findings: Iterable[Finding], plan: Path | None = None) -> tuple[Finding, ...]:
        """Return the findings; those that a waiver allows have ``Severity.WAIVED`` and the waiver's summary.

        Args:
            findings: the findings of one unit.
            plan: the saved plan that they belong to; needed only for waivers of a single plan.
        """
        given = tuple(findings)
        digest = self._digest(given, plan)
        matched = [(each, self.waivers.match(each, digest)) for each in given]
        ambiguous = _ambiguous(matched)
        self._remember(given)
        return tuple(
            replace(finding, severity=Severity.WAIVED, waiver=waiver.summary)
            if waiver is not None and waiver.target not in ambiguous
            else self._explained(finding, ambiguous=waiver is not None)
            for finding, waiver in matched
        )

    def unused(self, unit: str) -> Iterator[Finding]:
        """Yield a finding for each waiver of a unit that this run did not need. Call this after judging the unit."""
        for each in self.declared:
            waiver = each.waiver
            with self._lock:
                seen = waiver.target in self._seen
            if waiver.unit == unit and not seen:
                why = f"this plan has no finding {waiver.rule} on {waiver.address}"
                yield Finding(
                    id=finding_id(WAIVER, unit, waiver.address, waiver.rule),
                    rule=WAIVER,
                    unit=unit,
                    address=waiver.address,
                    action="",
                    cause=why,
                    message=f"the waiver {waiver.id} is unused",
                    hint=_UNUSED_HINT.format(place=waiver.at),
                    severity=Severity.WARN if each.history else Severity.BLOCK,
                    where=waiver.at,
                )

    def _remember(self, findings: Iterable[Finding]) -> None:
        with self._lock:
            self._seen |= {_target(each) for each in findings}

    def _digest(self, findings: Sequence[Finding], plan: Path | None) -> str:
        """Return the SHA-256 of the plan, but only if a waiver needs it: a plan can be large."""
        targets = {_target(each) for each in findings}
        needed = plan is not None and any(each.plan and each.target in targets for each in self.waivers.entries)
        if not needed or plan is None or not plan.is_file():
            return ""
        with plan.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _explained(self, finding: Finding, *, ambiguous: bool) -> Finding:
        """Return a finding that is not waived; its hint says why its waiver is not valid, or who could allow it."""
        if finding.severity is not Severity.BLOCK or finding.rule in UNWAIVABLE:
            return finding
        for each in self.declared:
            if each.waiver.target == _target(finding):
                why = each.rejection or ("it matches two resources" if ambiguous else "it is for another plan")
                hint = f"{finding.hint}; the waiver {each.waiver.id} ({each.waiver.at}) is not valid: {why}"
                return replace(finding, hint=hint)
        return replace(finding, hint=f"{finding.hint}; {how}") if (how := self._way_past(finding)) else finding

    def _way_past(self, finding: Finding) -> str:
        """Return who can allow a finding and with which command; empty if nobody can, or its hint says it already."""
        owners = self.waivers.owners
        if not owners.emails or not finding.address or "waive" in finding.hint:
            return ""
        own = [] if self._history(finding.rule, finding.address) else [self._user()]
        allowing = [name for name in sorted(owners.emails) if not owners.wrote(name, own)]
        if not allowing:
            return ""
        command = f"orch waive {finding.id} --owner NAME --reason TEXT"
        return f"if it is meant to happen, {' or '.join(allowing)} can allow it: {command}"


def _target(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.unit, canonical(finding.address)


def _ambiguous(matched: Iterable[tuple[Finding, Waiver | None]]) -> frozenset[tuple[str, str, str]]:
    """Return targets that match two addresses: reports show ``X`` in the root and ``module.this.X`` alike."""
    addresses: dict[tuple[str, str, str], set[str]] = {}
    for finding, waiver in matched:
        if waiver is not None:
            addresses.setdefault(waiver.target, set()).add(finding.address)
    return frozenset(target for target, named in addresses.items() if len(named) > 1)
