"""The built-in rule about protected resources; checkov runs a check for the same.

This rule does not depend on checkov or on what checkov is shown. It also looks at the changes that the report shows and
at the state that the plan starts from. If rule and check disagree, the plan is blocked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.guard.checkov.annotate import label
from orchestrator.guard.plan.entries import PlanFault
from orchestrator.guard.plan.reader import PlanDocument
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import Action, ResourceChange


def protected_losses(
    document: PlanDocument, reported: Iterable[ResourceChange], protected: Protected
) -> Mapping[str, ResourceChange]:
    """Return the protected resources that a plan deletes, replaces or forgets, by label.

    Args:
        document: the plan as the guard reads it.
        reported: the changes as the report shows them: a loss there is a loss, even if ``document`` has none.
        protected: the list of protected types.
    """
    both = [*reported, *document.changes]
    return {label(each): each for each in both if each.mode != "data" and _lost(each, protected)}


def kept_resources(document: PlanDocument, protected: Protected) -> tuple[ResourceChange, ...]:
    """Return what a plan deletes or replaces and AWS keeps, by an attribute such as ``skip_destroy``."""
    return tuple(each for each in document.changes if each.mode != "data" and _kept(each, protected))


def _kept(change: ResourceChange, protected: Protected) -> bool:
    before = change.before or {}
    entry = protected.entry_of(change.type, before)
    return entry is not None and change.action in {Action.DELETE, Action.REPLACE} and entry.is_kept(before)


def _lost(change: ResourceChange, protected: Protected) -> bool:
    entry = protected.entry_of(change.type, change.before or {})
    if entry is None or not _goes(change) or _kept(change, protected):
        return False
    return not (entry.replaceable and change.action is Action.REPLACE and change.after is not None)


def _goes(change: ResourceChange) -> bool:
    return change.action.destructive or (change.before is not None and change.after is None)


def unlisted_losses(document: PlanDocument, protected: Protected) -> tuple[ResourceChange, ...]:
    """Return the protected resources of a destroyed unit that its failed plan does not list.

    Terraform ends such a plan at the first ``prevent_destroy``: it then lacks the resources that others depend on.
    """
    if not document.errored:
        return ()
    named = {each.address for each in document.changes}
    return tuple(
        ResourceChange(
            address=item.address,
            type=item.type,
            name=item.address.rpartition(".")[2],
            provider="",
            mode="managed",
            action=Action.DELETE,
            before={},
        )
        for item in sorted(document.prior)
        if item.type in protected and item.address not in named and not item.deposed
    )


def state_mismatches(document: PlanDocument, protected: Protected) -> tuple[PlanFault, ...]:
    """Return contradictions between a plan and the protected resources of the state that it starts from.

    A complete plan lists every resource of that state, unchanged ones included. A failed plan does not, but it cannot
    be applied either, so it is not checked here.
    """
    if document.errored:
        return ()
    named = {(each.address, each.deposed or ""): each for each in document.changes}
    faults: list[PlanFault] = []
    for item in sorted(document.prior):
        if item.type not in protected or item.address in document.deferred:
            continue
        change = named.get((item.address, item.deposed))
        if change is None:
            faults.append(PlanFault(item.address, "it is in the state, but the plan does not list it", item.type))
        elif change.type != item.type:
            faults.append(
                PlanFault(
                    item.address, f"its type is {item.type} in the state, but {change.type} in the plan", item.type
                )
            )
    for change in document.changes:
        stays = change.type in protected and not change.deposed and not _goes(change)
        if stays and change.address not in document.planned | document.deferred:
            faults.append(
                PlanFault(change.address, "the plan keeps it, but its planned values are missing", change.type)
            )
    return tuple(faults)
