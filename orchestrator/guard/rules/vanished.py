"""Finds protected resources that exist although the plan does not see them, or would create them again.

The AWS provider treats a bucket that it may not access (403) as deleted: it drops it from the state, and the plan shows
a harmless creation. So the plan is compared with the saved state, and what it would create with what AWS has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from orchestrator.config.catalogue import Unit
from orchestrator.guard.findings import FindingBuilder
from orchestrator.guard.model import Finding
from orchestrator.guard.plan.reader import PlanDocument
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.imported import StateReader
from orchestrator.terraform.model import Action, ResourceChange, StateResource

BUCKET = "aws_s3_bucket"


class AwsObserver(StateReader, Protocol):
    """Tells what exists, independent of the plan."""

    def state_resources(self, unit: Unit) -> Sequence[StateResource]:
        """Return the protected resources in the unit's saved state."""

    def ledger_resources(self, unit: Unit) -> Sequence[StateResource]:
        """Return the protected resources in the unit's ledger entry."""

    def bucket_exists(self, unit: Unit, name: str) -> bool:
        """Return whether a bucket of this name exists, in any account, accessible or not."""


def find_vanished(
    unit: Unit, document: PlanDocument, protected: Protected, outside: AwsObserver, builder: FindingBuilder
) -> Iterator[Finding]:
    """Report resources that the plan does not see, or would create a second time.

    Raises:
        OrchError: the state, the ledger or AWS cannot be read.
    """
    if document.errored:  # it cannot be applied, and its prior state may be incomplete
        return
    changes = {each.address: each for each in document.changes if not each.deposed}
    reported: set[str] = set()
    for each in outside.state_resources(unit):
        if not each.deposed and not _seen(each.address, document):
            reported.add(each.address)
            yield _missing(builder, each, changes.get(each.address))
    created = [each for each in changes.values() if _creates(each, protected) and each.address not in reported]
    if not created:
        return
    known = {each.address: each for each in outside.ledger_resources(unit)}
    for change in created:
        if change.address in known:
            yield _removed_from_state(builder, known[change.address], change)
        elif (name := _bucket_name(change)) and outside.bucket_exists(unit, name):
            yield _taken(builder, change, name)


def _seen(address: str, document: PlanDocument) -> bool:
    """Return whether the plan's prior state has a resource, at its address or moved to another one."""
    if any(each.address == address and not each.deposed for each in document.prior):
        return True
    return any(each.previous_address == address for each in document.changes)


def _creates(change: ResourceChange, protected: Protected) -> bool:
    return change.action is Action.CREATE and change.type in protected


def _bucket_name(change: ResourceChange) -> str:
    after: Mapping[str, object] = change.after or {}
    name = after.get("bucket") if change.type == BUCKET else None
    return name if isinstance(name, str) else ""


def _missing(builder: FindingBuilder, thing: StateResource, change: ResourceChange | None) -> Finding:
    return builder.vanished(
        thing.address,
        thing.type,
        change,
        cause=f"it is in the state{_name(thing)}, but the plan does not see it: it was deleted outside orch, or AWS "
        "denied access (the provider treats a 403 as deleted)",
        hint=f"check AWS; if it exists, give the plan role access to it"
        f"{' (s3:ListBucket, also in the bucket policy)' if thing.type == BUCKET else ''}; if it is gone, restore it "
        "first: a new one is empty",
    )


def _removed_from_state(builder: FindingBuilder, thing: StateResource, change: ResourceChange) -> Finding:
    return builder.vanished(
        thing.address,
        thing.type,
        change,
        cause=f"it is in the ledger{_name(thing)}, but not in the state: it was removed from the state outside orch",
        hint="check AWS; if it exists, import it with `imports` in the stack's entry, or restore the state version "
        "that contains it",
    )


def _taken(builder: FindingBuilder, change: ResourceChange, name: str) -> Finding:
    return builder.vanished(
        change.address,
        change.type,
        change,
        cause=f"the bucket {name} exists, but is not in the state",
        hint="if it belongs to this unit, import it with `imports` in the stack's entry; otherwise choose another name "
        "for the new one",
    )


def _name(thing: StateResource) -> str:
    name = next((each for each in (thing.id, thing.name, thing.arn) if each), "")
    return f" ({name})" if name else ""
