"""Allows what a disposable stage loses of its own: each finding is still shown, with the reason why it is allowed.

Only the stage's own: a resource that is in the saved state or the ledger entry of the unit, or a safeguard of a
protected resource of the stage. Findings about anything else, such as programs, state buckets and plans that cannot be
read, block as everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from orchestrator.guard.checkov.annotate import label
from orchestrator.guard.findings import LOSS_RULES
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import Companion
from orchestrator.guard.policies.subject import names_one, subject_of, subject_values
from orchestrator.guard.policies.values import value_at
from orchestrator.terraform.model import ResourceChange, StateResource


def with_losses_allowed(
    findings: Iterable[Finding],
    changes: Iterable[ResourceChange],
    protected: Protected,
    *,
    own_addresses: Collection[str],
    stage: Sequence[StateResource],
    one_place: bool,
    permission: str,
) -> tuple[Finding, ...]:
    """Return the findings about a plan of a disposable stage, with those about its own losses allowed.

    Args:
        findings: the findings, after waivers.
        changes: the changes of the plan.
        protected: the list of protected types.
        own_addresses: of the resources in the saved state of the unit, and of the protected ones in its ledger entry.
        stage: the protected resources of all units of its stage.
        one_place: the plan is about one account and region, so that a name means one resource.
        permission: why the losses are allowed.
    """
    by_label = {label(change): change for change in changes}
    addresses = {*own_addresses}
    texts = ((each, name) for each in stage for name in (each.id, each.name, each.arn) if name)
    names = {name for each, name in texts if one_place or names_one(name, each.type)}

    def allowed(finding: Finding) -> bool:
        change = by_label.get(finding.address)
        if finding.severity is not Severity.BLOCK or finding.rule not in LOSS_RULES:
            return False
        if change is not None and (companion := subject_of(change, protected).companion) is not None:
            return _safeguards(change, companion, names)
        known = {finding.address.partition(" (deposed ")[0]}
        known |= {change.previous_address} if change is not None and change.previous_address else set()
        return bool(known & addresses)

    return tuple(
        replace(each, severity=Severity.WAIVED, waiver=permission) if allowed(each) else each for each in findings
    )


def _safeguards(change: ResourceChange, companion: Companion, names: set[str]) -> bool:
    """Return whether a safeguard is one of the stage's own resources, before the change and after it."""
    sides = [subject_values(change.type, side) for side in (change.before, change.after) if side is not None]
    named = [value_at(side, companion.of) for side in sides]
    return bool(named) and all(isinstance(each, str) and each in names for each in named)
