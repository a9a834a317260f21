"""The guard's own rule about protected resources, in plain Python, beside the check that checkov runs.

Two ways to the same answer: this one does not go through checkov, nor through what checkov is shown, and looks also at
what was read for the report and at the state that the plan starts from. Where the two differ, the plan is blocked.
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
    """Every protected resource that a plan deletes, replaces or forgets, by label.

    Args:
        document: the plan as the guard read it.
        reported: the changes as the report shows them: what is lost there is lost, whatever the guard read.
        protected: the list of protected types.
    """
    both = [*reported, *document.changes]
    return {label(each): each for each in both if each.mode != "data" and each.type in protected and _goes(each)}


def _goes(change: ResourceChange) -> bool:
    return change.action.destructive or (change.before is not None and change.after is None)


def unlisted_losses(document: PlanDocument, protected: Protected) -> tuple[ResourceChange, ...]:
    """Protected objects that go with their unit although its errored plan of destruction does not name them.

    Terraform ends such a plan at the first ``prevent_destroy``: what others stand on is then not in it any more.
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
    """Protected objects of the prior state of which the plan does not say, or says twofold, what becomes of them.

    A complete plan names every object of the state it starts from, also those that stay. One that failed midway does
    not, and cannot be applied either, so nothing is asked of it here.
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
            faults.append(PlanFault(item.address, "it is in the state, and the plan does not say what becomes of it"))
        elif change.type != item.type:
            faults.append(
                PlanFault(item.address, f"it is of the type {item.type} in the state, and {change.type} in the plan")
            )
    for change in document.changes:
        stays = change.type in protected and not change.deposed and not _goes(change)
        if stays and change.address not in document.planned | document.deferred:
            faults.append(
                PlanFault(change.address, "the plan says that it stays, and it is not among what will be there")
            )
    return tuple(faults)
