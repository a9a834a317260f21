"""Does a plan build again what is there already? What the state or AWS has, and the plan does not see, is held on to.

The AWS provider takes a bucket that it may not look at (403) for gone: it drops it from the state that the plan starts
from, and the plan shows a harmless creation. So the plan is compared with the state as it is in its bucket, and what it
would create with what AWS has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from orchestrator.config.catalogue import Unit
from orchestrator.guard.findings import FindingBuilder
from orchestrator.guard.model import Finding
from orchestrator.guard.plan.reader import PlanDocument
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import Action, ResourceChange, StateResource

BUCKET = "aws_s3_bucket"


class AwsObserver(Protocol):
    """What the guard may ask about the world, beside the plan."""

    def state_resources(self, unit: Unit) -> Sequence[StateResource]:
        """The protected objects of the unit's state, as it is in its bucket."""

    def ledger_resources(self, unit: Unit) -> Sequence[StateResource]:
        """Those of the unit's entry in the ledger."""

    def bucket_exists(self, unit: Unit, name: str) -> bool:
        """Whether there is a bucket of this name, whoever's it is and whether it may be looked at or not."""


def find_vanished(
    unit: Unit, document: PlanDocument, protected: Protected, outside: AwsObserver, builder: FindingBuilder
) -> Iterator[Finding]:
    """Findings about what the plan does not see any more, or would create a second time.

    Raises:
        OrchError: state, ledger or AWS cannot be asked.
    """
    if document.errored:  # it cannot be applied, and what it shows of its beginning need not be whole
        return
    changes = {each.address: each for each in document.changes if not each.deposed}
    told: set[str] = set()
    for each in outside.state_resources(unit):
        if not each.deposed and not _seen(each.address, document):
            told.add(each.address)
            yield _missing(builder, each, changes.get(each.address))
    created = [each for each in changes.values() if _creates(each, protected) and each.address not in told]
    if not created:
        return
    known = {each.address: each for each in outside.ledger_resources(unit)}
    for change in created:
        if change.address in known:
            yield _forgotten(builder, known[change.address], change)
        elif (name := _bucket_name(change)) and outside.bucket_exists(unit, name):
            yield _taken(builder, change, name)


def _seen(address: str, document: PlanDocument) -> bool:
    """Whether the state that the plan starts from still has an object, at its address or where a move has led it."""
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
    refused = "or AWS refused to show it (a 403 counts as gone for the provider)"
    return builder.vanished(
        thing.address,
        thing.type,
        change,
        cause=f"the state has it{_known(thing)}, and the plan does not see it: it was deleted past orch, {refused}",
        hint=f"look for it in AWS; if it is there, give the role that plans the right to see it"
        f"{' (s3:ListBucket on the bucket, in its policy too)' if thing.type == BUCKET else ''}; if it is lost, "
        "restore it first: a new one is empty",
    )


def _forgotten(builder: FindingBuilder, thing: StateResource, change: ResourceChange) -> Finding:
    return builder.vanished(
        thing.address,
        thing.type,
        change,
        cause=f"the ledger has it{_known(thing)}, and the state does not any more: it was taken out past orch",
        hint="look for it in AWS; if it is there, take it back with `imports` in the stack's entry, or bring back the "
        "state's version that has it",
    )


def _taken(builder: FindingBuilder, change: ResourceChange, name: str) -> Finding:
    return builder.vanished(
        change.address,
        change.type,
        change,
        cause=f"there is a bucket {name} already, which the state does not know",
        hint="if it is this unit's, take it over with `imports` in the stack's entry; else give the new one "
        "another name",
    )


def _known(thing: StateResource) -> str:
    word = next((each for each in (thing.id, thing.name, thing.arn) if each), "")
    return f" ({word})" if word else ""
