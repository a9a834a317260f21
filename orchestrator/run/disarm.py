"""Switches off what protects disposable units from deletion, before any of them is destroyed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.config.catalogue import Unit
from orchestrator.guard.rules.deletion_protection import refusals
from orchestrator.report.model import Notice, Status
from orchestrator.report.text import plural
from orchestrator.run.context import RunContext
from orchestrator.run.executor.interface import Executor
from orchestrator.run.loop import LoopSpec, run_units
from orchestrator.run.plan import record_planned
from orchestrator.run.unit.compare import unannounced
from orchestrator.run.unit.disarm import armed_resources
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues


def switch_off(context: RunContext, approved: Mapping[str, Planned], *, executor: Executor) -> Mapping[str, Planned]:
    """Switch off the protection of every disposable unit, and plan its destruction again.

    A unit that is not disposable, or has nothing to switch off, keeps its plan.

    Args:
        context: the run.
        approved: the approved plans, by unit.
        executor: plans and applies a unit.

    Returns:
        The plans to apply. If one of them may not proceed, nothing may be destroyed.
    """
    units = [context.unit(id_) for id_ in context.run.graph.order]
    wanted = [each for each in units if _protected(context, each, approved)]
    if not wanted:
        return approved
    disarming = _Disarming(context, executor, approved, frozenset(each.id for each in wanted))
    step = LoopSpec(
        command="destroy",
        work=disarming.work,
        record=lambda planned: record_planned(context, planned),
        unblocks_downstreams=lambda planned: planned.may_proceed,
        fail_fast=True,
    )
    return {**approved, **run_units(context, step)}


def _protected(context: RunContext, unit: Unit, approved: Mapping[str, Planned]) -> bool:
    disposable = bool(context.guard.judge.disposable.permission(unit))
    return disposable and approved[unit.id].pending and bool(armed_resources(context, unit))


@dataclass(frozen=True, slots=True)
class _Disarming:
    """Switches off the protection of units. Safe to use from several threads.

    Attributes:
        context: the run.
        executor: plans and applies a unit.
        approved: the approved plans, by unit.
        wanted: ids of the units with something to switch off.
    """

    context: RunContext
    executor: Executor
    approved: Mapping[str, Planned]
    wanted: frozenset[str]

    def work(self, unit: Unit, _ended: Mapping[str, Planned]) -> Planned:
        """Switch off the protection of one unit, and plan its destruction again.

        Raises:
            OrchError: its state or the outputs of its upstreams cannot be read.
        """
        before = self.approved[unit.id]
        if unit.id not in self.wanted:
            return before
        armed = armed_resources(self.context, unit)
        text = f"switching off the protection of {plural(len(armed), 'resource')}"
        self.context.run.sink(Notice(text=text, unit=unit.id))
        values = Upstreams(self.context.catalogue, self.context.aws.states).for_apply(unit)
        upstream = UpstreamValues(values=values, pending=())
        switched = self.executor.plan(self.context, unit, upstream, disarm=True)
        if switched.report.status is not Status.PLANNED:
            return _failed(switched)
        end = self.executor.apply(self.context, unit, switched)
        if end.report.status is not Status.APPLIED:
            return _failed(Planned(end.report))
        again = self.executor.plan(self.context, unit, upstream, destroy=True)
        if again.may_proceed and before.plan is not None and again.plan is not None:
            lines = unannounced(before.plan, again.plan)
            if lines:
                return Planned(replace(again.report, status=Status.STALE, cause="; ".join(lines)))
            left = list(refusals(again.plan.changes))
            if left:
                cause = f"AWS would still refuse to delete it: {'; '.join(left)}"
                return Planned(replace(again.report, status=Status.FAILED, cause=cause))
        return again


def _failed(planned: Planned) -> Planned:
    """Return why the protection could not be switched off; a plan without changes is a failure, too."""
    report = planned.report
    if not planned.may_proceed:
        return Planned(report)
    cause = "its protection could not be switched off: the configuration does not decide it"
    return Planned(replace(report, status=Status.FAILED, cause=cause))
