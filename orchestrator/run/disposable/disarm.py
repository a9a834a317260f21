"""Switches off what protects resources of disposable units from deletion, before they are deleted or replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.config.catalogue import Unit
from orchestrator.guard.rules.deletion_protection import refusals, switched_resources
from orchestrator.report.model import Notice, Status
from orchestrator.run.context import RunContext
from orchestrator.run.executor.interface import Executor
from orchestrator.run.loop import LoopSpec, run_units
from orchestrator.run.plan import record_planned
from orchestrator.run.unit.compare import unannounced
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.terraform.model import Action
from orchestrator.util.plural import plural


def switch_off_all(
    context: RunContext, approved: Mapping[str, Planned], *, executor: Executor
) -> Mapping[str, Planned]:
    """Switch off the protection of every disposable unit that is about to be destroyed, and plan that again.

    Args:
        context: the run.
        approved: the approved plans, by unit.
        executor: plans and applies a unit.

    Returns:
        The plans to apply. If one of them may not proceed, nothing may be destroyed.
    """
    disarming = Disarming(context, executor, destroy=True)
    if not any(disarming.addresses(context.unit(id_), approved[id_]) for id_ in context.run.graph.order):
        return approved
    step = LoopSpec(
        command="destroy",
        work=lambda unit, _ended: disarming.run(unit, approved[unit.id]),
        record=lambda planned: record_planned(context, planned),
        unblocks_downstreams=lambda planned: planned.may_proceed,
        fail_fast=True,
    )
    return {**approved, **run_units(context, step)}


@dataclass(frozen=True, slots=True)
class Disarming:
    """Switches off the protection of what a unit's approved plan deletes or replaces. Safe to use from several threads.

    Attributes:
        context: the run.
        executor: plans and applies a unit.
        destroy: the plans destroy whole units.
    """

    context: RunContext
    executor: Executor
    destroy: bool = False

    def addresses(self, unit: Unit, planned: Planned) -> tuple[str, ...]:
        """Return the resources whose protection is in the way of a plan; none in a unit that is not disposable."""
        if planned.plan is None or planned.preview or not self.context.guard.judge.disposable.permission(unit):
            return ()
        return switched_resources(planned.plan.changes)

    def run(self, unit: Unit, approved: Planned) -> Planned:
        """Switch off the protection of one unit, and plan again what was approved.

        Returns:
            The plan to apply; the approved one if nothing is in its way. It may not proceed if the protection cannot be
            switched off, or if the new plan does something that was not approved.

        Raises:
            OrchError: the outputs of its upstreams cannot be read.
        """
        addresses = self.addresses(unit, approved)
        if not addresses:
            return approved
        text = f"switching off the protection of {plural(len(addresses), 'resource')}"
        self.context.run.sink(Notice(text=text, unit=unit.id))
        values = Upstreams(self.context.catalogue, self.context.aws.states).for_apply(unit)
        upstream = UpstreamValues(values=values, pending=())
        switched = _only_switches(self.executor.plan(self.context, unit, upstream, disarm=addresses), addresses)
        if switched.report.status is Status.PLANNED:
            end = self.executor.apply(self.context, unit, switched)
            switched = Planned(end.report)
        if switched.report.status is not Status.APPLIED:
            return _failed(switched)
        return self._checked(approved, self.executor.plan(self.context, unit, upstream, destroy=self.destroy))

    def _checked(self, approved: Planned, again: Planned) -> Planned:
        """Return a new plan, stopped if it does what was not approved or if AWS would still refuse it."""
        if not again.may_proceed or approved.plan is None or again.plan is None:
            return again
        lines = unannounced(approved.plan, again.plan)
        if lines:
            return Planned(replace(again.report, status=Status.STALE, cause="; ".join(lines)))
        left = list(refusals(again.plan.changes))
        if left:
            cause = f"AWS would still refuse to delete it: {'; '.join(left)}"
            return Planned(replace(again.report, status=Status.FAILED, cause=cause))
        # What was shown and approved: the new plan differs only in what was switched off.
        shown = replace(again.report, changes=approved.report.changes, findings=approved.report.findings)
        return replace(again, report=shown)


def _only_switches(planned: Planned, addresses: tuple[str, ...]) -> Planned:
    """Return a plan that switches protection off, failed if it does anything else: nobody approved that."""
    changes = planned.plan.changes if planned.plan is not None else ()
    for each in changes:
        changing = each.mode == "managed" and each.action not in {Action.NOOP, Action.READ}
        if changing and (each.address not in addresses or each.action is not Action.UPDATE):
            cause = f"its protection cannot be switched off alone: {each.action.value} {each.address} comes along"
            return Planned(replace(planned.report, status=Status.FAILED, cause=cause))
    return planned


def _failed(planned: Planned) -> Planned:
    """Return why the protection could not be switched off; a plan without changes is a failure, too."""
    report = planned.report
    if not planned.may_proceed:
        return Planned(report)
    cause = "its protection could not be switched off: the configuration does not decide it"
    return Planned(replace(report, status=Status.FAILED, cause=cause))
