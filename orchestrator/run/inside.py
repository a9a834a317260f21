"""Says in a finding what would be lost with the resource: how many users, items or objects are in it now."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.aws.contents import NOT_COUNTED, contents
from orchestrator.aws.identity import role_for
from orchestrator.aws.whereabouts import whereabouts
from orchestrator.catalogue.records import Unit
from orchestrator.guard.enrich import label
from orchestrator.guard.records import Verdict
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


def _count(tools: Tools, unit: Unit, change: ResourceChange | None) -> str:
    thing = whereabouts(tools.catalogue, unit, change.type, change.before) if change is not None else None
    if thing is None:
        return NOT_COUNTED
    return contents(tools.identities, role_for(unit, write=False), thing)
