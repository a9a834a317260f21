"""Applies the approved plans of a run: each unit as soon as its upstreams are done, and only what was announced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.loop import LoopSpec, not_run, run_units
from orchestrator.run.scheduler import UnitEnd
from orchestrator.run.unit.applier import Applier, AskAgain, Recheck
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.publish import repair_published
from orchestrator.run.unit.reports import failure_report

_SUCCEEDED = frozenset({Status.UNCHANGED, Status.APPLIED, Status.DESTROYED})


def apply_units(
    context: RunContext,
    approved: Mapping[str, Planned],
    *,
    ask_again: AskAgain | None = None,
    destroy: bool = False,
    recheck: Recheck | None = None,
) -> Mapping[str, UnitReport]:
    """Apply what was planned and approved.

    Args:
        context: the run.
        approved: the approved plans and previews, by unit.
        ask_again: asks about units that could not be previewed; None with ``--yes``: then such a unit is applied only
            if its plan deletes, replaces and forgets nothing.
        destroy: the plans destroy.
        recheck: decides right before a unit's turn what to do with its plan (a resumed run).

    Returns:
        The report of each unit in graph order, after those of the accounts and former units that block the run.
    """
    applier = Applier(context, ask_again=ask_again, destroy=destroy, recheck=recheck)

    def work(unit: Unit, _ended: Mapping[str, Planned]) -> Planned:
        before = approved[unit.id]
        try:
            report = applier.apply(unit, before)
        except OrchError as error:
            failure = failure_report(context, unit, error)
            report = replace(failure, changes=before.report.changes, findings=before.report.findings)
        return Planned(report)

    def unit_not_run(ended: UnitEnd[Planned]) -> Planned:
        before = approved[ended.unit]
        return Planned(not_run(context, ended)) if before.may_proceed else before

    step = LoopSpec(
        command="destroy" if destroy else "apply",
        work=work,
        record=lambda planned: context.run.journal.note(
            "ended", unit=planned.report.unit, status=planned.report.status.value
        ),
        unblocks_downstreams=lambda planned: planned.report.status in _SUCCEEDED,
        not_run=unit_not_run,
        fail_fast=context.run.options.fail_fast,
        shows_blocked=recheck is not None,  # A resumed run has no plan step that showed them.
    )
    ended = run_units(context, step)
    blocking = {unit: planned.report for unit, planned in approved.items() if unit not in ended}
    return {**blocking, **{unit: planned.report for unit, planned in ended.items()}}


def publish_unchanged(context: RunContext, planned: Mapping[str, Planned]) -> None:
    """When nothing changes: publish again what other units read, where it is missing or out of date.

    Raises:
        OrchError: it cannot be written.
    """
    for unit in sorted(planned):
        if planned[unit].report.status is Status.UNCHANGED:
            repair_published(context, context.unit(unit))
