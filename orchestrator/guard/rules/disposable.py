"""Allows what a disposable stage loses of its own: each finding is still shown, with the reason why it is allowed.

Only the stage's own: a resource that is in the saved state or the ledger entry of the unit, or a safeguard of a
protected resource of the stage. Findings about anything else, such as programs, state buckets and plans that cannot be
read, block as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.guard.checkov.annotate import label
from orchestrator.guard.findings import PROTECTED, TEMPLATE, VANISHED
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import Action, ResourceChange, StateResource

RULES = frozenset({PROTECTED, TEMPLATE, VANISHED, "ORCH_WEAKENED", "ORCH_HIDDEN_REPLACE"})
"""Rules about the loss of what a resource holds, or of its protection."""

_PUBLIC = "ORCH_BUCKET_PUBLIC"
"""A bucket's public access block may go with the bucket, not before it."""

_REFERENCES = (
    "bucket",
    "file_system_id",
    "backup_vault_name",
    "table_name",
    "repository",
    "key_id",
    "secret_arn",
    "user_pool_id",
)
"""Attributes by which a safeguard names what it safeguards."""


def with_losses_allowed(
    findings: Iterable[Finding],
    changes: Iterable[ResourceChange],
    protected: Protected,
    *,
    own: Sequence[StateResource],
    stage: Sequence[StateResource],
    permission: str,
) -> tuple[Finding, ...]:
    """Return the findings about a plan of a disposable stage, with those about its own losses allowed.

    Args:
        findings: the findings, after waivers.
        changes: the changes of the plan.
        protected: the list of protected types.
        own: the protected resources in the saved state of the unit, and in its ledger entry.
        stage: those of all units of its stage.
        permission: why the losses are allowed.
    """
    by_label = {label(change): change for change in changes}
    addresses = {each.address for each in own}
    names = {name for each in stage for name in (each.id, each.name, each.arn) if name}

    gone = {name for each in by_label.values() if each.type in protected for name in _names_of_deleted(each)}

    def allowed(finding: Finding) -> bool:
        change = by_label.get(finding.address)
        if finding.severity is Severity.BLOCK and finding.rule == _PUBLIC and change is not None:
            return change.action is Action.DELETE and _refers(change.before or {}, gone & names)
        if finding.severity is not Severity.BLOCK or finding.rule not in RULES:
            return False
        if change is not None and protected.companion_owner(change.type) is not None:
            return _safeguards(change, names)
        known = {finding.address.partition(" (deposed ")[0]}
        known |= {change.previous_address} if change is not None and change.previous_address else set()
        return bool(known & addresses)

    return tuple(
        replace(each, severity=Severity.WAIVED, waiver=permission) if allowed(each) else each for each in findings
    )


def _names_of_deleted(change: ResourceChange) -> Iterator[str]:
    if change.action is Action.DELETE and change.before is not None:
        yield from (value for key in ("id", "arn", "name") if isinstance(value := change.before.get(key), str))


def _safeguards(change: ResourceChange, names: set[str]) -> bool:
    """Return whether a safeguard is one of the stage's own resources, before the change and after it."""
    sides = [side for side in (change.before, change.after) if side is not None]
    return bool(sides) and all(_refers(side, names) for side in sides)


def _refers(side: Mapping[str, Any], names: set[str]) -> bool:
    found = list(_references(side))
    return bool(found) and all(each in names for each in found)


def _references(side: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a safeguard names; its own id only if it names nothing else, because it may be another one's."""
    named = [value for name in _REFERENCES if isinstance(value := side.get(name), str) and value]
    id_ = side.get("id")
    if named or not isinstance(id_, str):
        yield from named
    else:
        yield id_
