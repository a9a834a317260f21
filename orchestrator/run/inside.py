"""Says in a finding what would be lost with the resource: how many users, items or objects are in it now."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.aws.contents import NOT_COUNTED, contents
from orchestrator.aws.identity import Identities, Role, role_for
from orchestrator.aws.whereabouts import whereabouts
from orchestrator.catalogue.records import Catalogue, Unit
from orchestrator.guard.enrich import label
from orchestrator.guard.ledgers import Left
from orchestrator.guard.records import Verdict
from orchestrator.run.orphans import former_unit
from orchestrator.run.tools import Tools
from orchestrator.terraform.records import PlanRecord, ResourceChange


def look_inside(tools: Tools, unit: Unit, plan: PlanRecord, verdict: Verdict) -> Verdict:
    """The verdict with ``inside`` filled in where something may be lost; read with the role that plans.

    It never fails and never changes what the verdict says: a count only informs.
    """
    if not any(finding.lost for finding in verdict.findings):
        return verdict
    changes = {label(change): change for change in plan.changes}
    addresses = dict.fromkeys(each.address for each in verdict.findings if each.lost)
    counted = {address: _count(tools, unit, changes.get(address)) for address in addresses}
    findings = tuple(
        replace(each, inside=each.inside or counted[each.address]) if each.lost else each for each in verdict.findings
    )
    return replace(verdict, findings=findings)


def inside_left(catalogue: Catalogue, identities: Identities, left: Left) -> str:
    """How much is in what is left of a former unit: ``3 users, by AWS's estimate; 12 objects``. It never fails."""
    account = next((each for each in catalogue.accounts.values() if each.id == left.entry.account_id), None)
    if account is None:
        return NOT_COUNTED
    unit = former_unit(catalogue, account, left)
    counted: list[str] = []
    for each in left.protected:
        thing = whereabouts(
            catalogue, unit, each.type, {"id": each.id, "name": each.name, "bucket": each.id, "arn": each.arn}
        )
        said = NOT_COUNTED if thing is None else contents(identities, Role.PLAN, thing)
        if said != NOT_COUNTED:
            counted.append(said)
    return "; ".join(counted) or NOT_COUNTED


def _count(tools: Tools, unit: Unit, change: ResourceChange | None) -> str:
    thing = whereabouts(tools.catalogue, unit, change.type, change.before) if change is not None else None
    if thing is None:
        return NOT_COUNTED
    return contents(tools.identities, role_for(unit, write=False), thing)
