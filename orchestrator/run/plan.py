"""Plans every unit of a run: `orch plan`, and the first half of apply and destroy."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.config.catalogue import Unit
from orchestrator.errors import SetupError
from orchestrator.report.model import Status
from orchestrator.run.context import RunContext
from orchestrator.run.executor.interface import Executor
from orchestrator.run.executor.local import THREADS
from orchestrator.run.loop import LoopSpec, run_units
from orchestrator.run.unit.planned import Planned, plan_fields
from orchestrator.run.unit.refused import with_refusals
from orchestrator.run.unit.reports import unit_report, worker_field
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues

NEW = "new: planned when its upstreams are applied"
"""Why a unit without a state is not previewed when nobody reads the preview (``--yes``)."""


def plan_units(context: RunContext, *, executor: Executor = THREADS, preview_new: bool = True) -> Mapping[str, Planned]:
    """Plan every unit of the run, each against what its upstreams' plans say their outputs will be.

    Args:
        context: the run.
        executor: plans a unit.
        preview_new: preview also units that have no state and whose upstreams have pending changes. Such a plan can
            delete or replace nothing, so when nobody reads the preview (``--yes``) making it only costs time.

    Returns:
        Every unit's plan or preview in graph order, after the accounts and former units that block the run.
    """
    upstreams = Upstreams(context.catalogue, context.aws.states)

    def work(unit: Unit, ended: Mapping[str, Planned]) -> Planned:
        values = upstreams.for_preview(unit, ended)
        if values.pending and not preview_new and context.aws.states.read(unit) is None:
            return Planned(unit_report(context, unit, Status.AFTER_UPSTREAMS, preview=True, cause=NEW))
        return executor.plan(context, unit, values)

    step = LoopSpec(
        command="plan",
        work=work,
        record=lambda planned: record_planned(context, planned),
        unblocks_downstreams=lambda planned: planned.may_proceed,
        fail_fast=context.run.options.fail_fast,
        shows_blocked=True,
    )
    return run_units(context, step)


def plan_destroy(context: RunContext, *, executor: Executor = THREADS) -> Mapping[str, Planned]:
    """Plan the destruction of every unit of the run. The graph of the run is the reversed one.

    Args:
        context: the run.
        executor: plans a unit.

    Returns:
        Every unit's plan in the order in which the units would be destroyed.
    """

    def work(unit: Unit, _ended: Mapping[str, Planned]) -> Planned:
        state = context.aws.states.read(unit)
        if state is None or not state.addresses:
            return Planned(unit_report(context, unit, Status.UNCHANGED, cause="nothing there"))
        values = Upstreams(context.catalogue, context.aws.states).for_apply(unit)
        planned = executor.plan(context, unit, UpstreamValues(values=values, pending=()), destroy=True)
        return with_refusals(context, unit, planned)

    step = LoopSpec(
        command="plan",
        work=work,
        record=lambda planned: record_planned(context, planned),
        unblocks_downstreams=lambda _: True,  # Whatever is wrong with one unit, the report shows all that is wrong.
        shows_blocked=True,
    )
    return run_units(context, step)


def record_planned(context: RunContext, planned: Planned) -> None:
    """Write a unit's plan to the journal, with the hashes that a resumed run verifies.

    Raises:
        SetupError: the disk does not take it.
    """
    unit = context.unit(planned.report.unit)
    try:
        fields = plan_fields(planned)
    except OSError as error:
        message = f"cannot save the plan of {unit.id}: {error.strerror}"
        raise SetupError(message, hint="make room on the disk") from error
    context.run.journal.write("planned", unit=unit.id, **fields, **worker_field(planned.report))
