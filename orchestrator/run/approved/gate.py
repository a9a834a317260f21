"""What of a stage is applied, and the record of what was applied as approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.report.model import ApprovedPlans, ApprovedUnit, Status, UnitReport
from orchestrator.run.approved.approve import Decision, How
from orchestrator.run.context import RunContext
from orchestrator.run.unit.planned import Planned

_APPLIED = frozenset({Status.APPLIED})
_AS_APPROVED = frozenset({How.EXACT, How.WITHIN})
_NAMED = 3


def gated(context: RunContext, decisions: Mapping[str, Decision]) -> Mapping[str, Planned]:
    """Return what is applied: of a stage with a unit that must not be applied, nothing."""
    stages: dict[str, list[UnitReport]] = {}
    for id_, decision in decisions.items():
        if decision.how is How.LEFT_ALONE:
            continue  # nothing that somebody merged waits there
        if id_ in context.catalogue.units and not decision.planned.may_proceed:
            stages.setdefault(context.unit(id_).stage, []).append(decision.planned.report)
    return {id_: _gate(each.planned, stages.get(_stage(context, id_), ())) for id_, each in decisions.items()}


def _stage(context: RunContext, id_: str) -> str:
    return context.unit(id_).stage if id_ in context.catalogue.units else ""


def _gate(planned: Planned, stopped: Sequence[UnitReport]) -> Planned:
    if not stopped or not planned.may_proceed or not planned.pending:
        return planned
    named = ", ".join(f"{each.unit} is {each.status.value}" for each in stopped[:_NAMED])
    more = f" and {len(stopped) - _NAMED} more" if len(stopped) > _NAMED else ""
    cause = f"nothing of its stage is applied: {named}{more}"
    return replace(planned, report=replace(planned.report, status=Status.SKIPPED, cause=cause))


def approved_plans(place: str, decisions: Mapping[str, Decision], reports: Sequence[UnitReport]) -> ApprovedPlans:
    """Return the record of what was applied.

    Args:
        place: where the plans came from.
        decisions: what was to be applied.
        reports: how the units ended so far.
    """
    ended = {report.unit: report for report in reports}
    units = [_unit(id_, each, ended[id_]) for id_, each in decisions.items() if id_ in ended]
    return ApprovedPlans(place, tuple(units))


def _unit(id_: str, decision: Decision, report: UnitReport) -> ApprovedUnit:
    record = decision.record
    known = ApprovedUnit(
        unit=id_,
        run=record.run if record is not None else "",
        commit=record.commit if record is not None else "",
        plan=record.plan_sha256 if record is not None else "",
    )
    if report.status is Status.UNCHANGED:
        return replace(known, as_approved=True, how=How.UNCHANGED.value)
    if report.status is Status.DRIFTED:
        return replace(known, how=How.LEFT_ALONE.value, cause=report.cause)
    if report.status in _APPLIED:
        return replace(known, as_approved=decision.how in _AS_APPROVED, how=decision.how.value)
    return replace(known, how=How.NOT_APPLIED.value, cause=report.cause or report.status.value)
