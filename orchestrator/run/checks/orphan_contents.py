"""Counts what an orphaned state still contains: users, items, objects."""

from __future__ import annotations

from orchestrator.aws.backup.count import NOT_COUNTED, describe_contents
from orchestrator.aws.backup.locate import ResourceLocation, locate_resource
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.guard.rules.orphans import OrphanedState
from orchestrator.run.checks.orphans import former_unit
from orchestrator.terraform.model import StateResource


def count_orphaned(catalogue: Catalogue, identities: Identities, orphan: OrphanedState) -> str:
    """Return what a former unit still contains: ``3 users, by AWS's estimate; 12 objects``. Never fails."""
    account = next((each for each in catalogue.accounts.values() if each.id == orphan.entry.account_id), None)
    if account is None:
        return NOT_COUNTED
    unit = former_unit(catalogue, account, orphan)
    counted: list[str] = []
    for each in orphan.protected:
        resource = locate_in_state(catalogue, unit, each)
        if resource is None:
            continue
        count = describe_contents(identities, Role.PLAN, resource)
        if count != NOT_COUNTED:
            counted.append(count)
    return "; ".join(counted) or NOT_COUNTED


def locate_in_state(catalogue: Catalogue, unit: Unit, each: StateResource) -> ResourceLocation | None:
    """Return where AWS has a resource of a state; None when its state does not say."""
    names = {"id": each.id, "name": each.name, "bucket": each.id, "arn": each.arn}
    return locate_resource(catalogue, unit, each.type, names)
