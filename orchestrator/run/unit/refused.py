"""Says before a destroy what AWS itself would refuse to delete, so that a unit is destroyed whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from orchestrator.aws.backup.count import has_contents
from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.aws.identity.roles import role_for
from orchestrator.config.catalogue import Unit
from orchestrator.guard.rules.deletion_protection import refusals
from orchestrator.report.model import Status
from orchestrator.run.context import RunContext
from orchestrator.run.unit.planned import Planned
from orchestrator.terraform.model import Action, PlanRecord

_ADVICE = "switch it off in the configuration and apply that first"
_EMPTY_ONLY = {"aws_s3_bucket": ("bucket", "force_destroy"), "aws_ecr_repository": ("name", "force_delete")}
"""Type -> the attribute with its name in AWS, and the one without which AWS deletes it only when it is empty."""


def with_refusals(context: RunContext, unit: Unit, planned: Planned) -> Planned:
    """Return the plan of a destroy, failed if AWS would refuse a part of it.

    A disposable unit is returned as it is: its protection is switched off before it is destroyed. A blocked plan stays
    blocked, and says both.
    """
    if planned.plan is None or context.guard.judge.disposable.permission(unit):
        return planned
    lines = [*refusals(planned.plan.changes), *_not_empty(context, unit, planned.plan)]
    if not lines:
        return planned
    report = planned.report
    refused = f"AWS would refuse to delete it: {'; '.join(lines)}"
    if planned.may_proceed:
        report = replace(report, status=Status.FAILED, cause=f"{refused} — {_ADVICE}")
    else:
        report = replace(report, cause=f"{report.cause}; {refused}" if report.cause else refused)
    return replace(planned, report=report)


def _not_empty(context: RunContext, unit: Unit, plan: PlanRecord) -> Iterator[str]:
    """Yield the resources that AWS deletes only when they are empty, and that are not."""
    for change in plan.changes:
        named_by, forced_by = _EMPTY_ONLY.get(change.type, ("", ""))
        before = change.before or {}
        name = before.get(named_by)
        if change.action is not Action.DELETE or not isinstance(name, str) or before.get(forced_by):
            continue
        found = ResourceLocation(change.type, name, unit.account, str(before.get("region") or unit.region))
        if has_contents(context.aws.identities, role_for(unit, write=False), found):
            yield f"{change.address.removeprefix('module.this.')} is not empty and has {forced_by} = False"
