"""Finds what a preview cannot answer: objections to values that the apply of another unit decides.

A preview is shown and never applied. When the other unit is applied, the real plan is made and judged, so an objection
to a value that nobody knows yet does not block the preview.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.guard.causes import MODULE
from orchestrator.guard.findings import FindingBuilder
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.values import Mark
from orchestrator.guard.rules.cloudformation.stacks import template_findings
from orchestrator.terraform.model import ResourceChange

_HINT = "nothing to do now: the apply judges the plan again, with the real values"


@dataclass(frozen=True, slots=True)
class Undecided:
    """The values of a preview that other units decide.

    Attributes:
        paths: address and path of each unknown value that depends on an output of another unit.
        units: ids of these units.
    """

    paths: frozenset[tuple[str, str]] = frozenset()
    units: tuple[str, ...] = ()

    def postponed(self, finding: Finding, address: str, objections: Iterable[str]) -> Finding:
        """Return a finding; only as a warning if all of its objections are to values that another unit decides.

        Args:
            finding: the finding.
            address: of the resource that it is about.
            objections: what it objects to, one sentence for each attribute.
        """
        given = list(objections)
        return self._warning(finding) if given and all(self._decides(address, each) for each in given) else finding

    def templates(self, changes: Sequence[ResourceChange], builder: FindingBuilder) -> list[Finding]:
        """Return the findings about CloudFormation stacks; only as warnings if values of other units cause them."""
        found = list(template_findings(changes, builder))
        if not found or not self.paths:
            return found
        certain = {(each.id, each.cause) for each in template_findings(list(map(self._settled, changes)), builder)}
        return [each if (each.id, each.cause) in certain else self._warning(each) for each in found]

    def _warning(self, finding: Finding) -> Finding:
        units = ", ".join(self.units)
        return replace(
            finding,
            message=f"{finding.address.removeprefix(MODULE)} cannot be judged before the apply of {units}",
            cause=finding.cause.replace(Mark.UNKNOWN.value, f"{Mark.UNKNOWN.value} of {units}"),
            hint=_HINT,
            lost="",
            severity=Severity.WARN,
        )

    def _settled(self, change: ResourceChange) -> ResourceChange:
        """Return a change with its current values where another unit decides."""
        names = self._names(change.address)
        if not names or change.before is None or change.after is None:
            return change
        unknown = change.after_unknown if isinstance(change.after_unknown, Mapping) else {}
        current = {
            name: _settle(change.after.get(name), unknown.get(name), change.before.get(name))
            for name in names & unknown.keys()
        }
        return replace(
            change,
            after={**change.after, **current},
            after_unknown={name: each for name, each in unknown.items() if name not in names},
        )

    def _names(self, address: str) -> frozenset[str]:
        """Return the top-level attributes of a resource that other units decide, at least in part."""
        return frozenset(re.split(r"[.\[]", path)[0] for each, path in self.paths if each == address)

    def _decides(self, address: str, objection: str) -> bool:
        names = self._names(address)
        about = any(re.search(rf"\b{re.escape(name)}\b", objection) for name in names)
        return about and Mark.UNKNOWN.value in objection


DECIDED = Undecided()
"""Of a plan that is no preview."""


def _settle(after: Any, unknown: Any, before: Any) -> Any:
    """Return a planned value with the current one where it is unknown."""
    if unknown is True:
        return before
    if isinstance(unknown, Mapping):
        base, current = (each if isinstance(each, Mapping) else {} for each in (after, before))
        return {**base, **{key: _settle(base.get(key), each, current.get(key)) for key, each in unknown.items()}}
    return after
