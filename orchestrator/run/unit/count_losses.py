"""Counts what would be lost with a resource (users, items, objects) and adds it to its finding."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.aws.backup.count import NOT_COUNTED, describe_contents
from orchestrator.aws.backup.locate import ResourceLocation, locate_resource
from orchestrator.aws.identity.roles import role_for
from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.guard.checkov.annotate import label
from orchestrator.guard.model import Verdict
from orchestrator.run.checks.orphan_contents import locate_in_state
from orchestrator.run.context import RunContext
from orchestrator.terraform.model import PlanRecord


def count_contents(context: RunContext, unit: Unit, plan: PlanRecord, verdict: Verdict) -> Verdict:
    """Return the verdict with ``inside`` set on findings about a loss. Reads with the role that plans.

    Never fails, and never changes the verdict itself.
    """
    if not any(finding.lost for finding in verdict.findings):
        return verdict
    resources = {label(each): locate_resource(context.catalogue, unit, each.type, each.before) for each in plan.changes}
    addresses = dict.fromkeys(each.address for each in verdict.findings if each.lost)
    if not addresses.keys() <= resources.keys():
        resources = {**_of_state(context, unit), **resources}
    role = role_for(unit, write=False)
    found = {address: resources.get(address) for address in addresses}
    counted = {
        address: NOT_COUNTED if resource is None else describe_contents(context.aws.identities, role, resource)
        for address, resource in found.items()
    }
    findings = tuple(
        replace(each, inside=each.inside or counted[each.address]) if each.lost else each for each in verdict.findings
    )
    return replace(verdict, findings=findings)


def _of_state(context: RunContext, unit: Unit) -> dict[str, ResourceLocation | None]:
    """Return the protected resources of the unit's state: an errored destroy plan does not list all of them."""
    try:
        state = context.aws.states.read(unit)
    except OrchError:
        return {}
    return {each.address: locate_in_state(context.catalogue, unit, each) for each in (state.protected if state else ())}
