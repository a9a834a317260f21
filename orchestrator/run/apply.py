"""Applies the approved plans of a run: each unit as soon as its upstreams are done, and only what was announced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.report.model import Notice, Phase, Status, UnitPhase, UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.disposable.disarm import Disarming
from orchestrator.run.disposable.record import record_stages
from orchestrator.run.executor.interface import Executor
from orchestrator.run.executor.local import THREADS
from orchestrator.run.loop import LoopSpec, not_run, run_units
from orchestrator.run.scheduler import UnitEnd
from orchestrator.run.unit.compare import destroys, unannounced
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.prepare import initialize_ahead
from orchestrator.run.unit.publish import repair_published
from orchestrator.run.unit.reports import failure_report, worker_field
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues

_SUCCEEDED = frozenset({Status.UNCHANGED, Status.APPLIED, Status.DESTROYED, Status.DRIFTED})
"""Units whose downstreams may start. One that only AWS changed, and nobody approved to change back, stays as it is."""


class AskAgain(Protocol):
    """Asks about one unit whose plan could not be shown before its upstreams were applied."""

    def __call__(self, report: UnitReport) -> bool:
        """Return whether the unit may be applied as the report shows it."""


class Recheck(Protocol):
    """Decides what to do with a unit's plan when its upstreams are done."""

    def __call__(self, unit: Unit, before: Planned) -> Planned:
        """Return the plan to apply, or a preview to plan again.

        Raises:
            OrchError: the unit cannot be applied.
        """


@dataclass(frozen=True, slots=True)
class _Applier:
    """Decides what of a run is applied, on the machine where it was approved. Safe to use from several threads.

    Attributes:
        context: the run.
        executor: plans and applies a unit.
        ask_again: asks about units that could not be previewed; None with ``--yes``.
        destroy: the plans destroy.
        recheck: decides right before a unit's turn what to do with its plan; None applies it.
        exact: a plan that can no longer be applied is not made again: it would be another one than the approved one.
    """

    context: RunContext
    executor: Executor
    ask_again: AskAgain | None = None
    destroy: bool = False
    recheck: Recheck | None = None
    exact: bool = False

    def apply(self, unit: Unit, before: Planned) -> UnitReport:
        """Apply a unit's approved plan; a preview is planned first, and applied only if it does what was announced.

        Raises:
            OrchError: the unit could not be applied.
        """
        if before.may_proceed and self.recheck is not None:
            before = self.recheck(unit, before)
        if not before.may_proceed:
            return before.report
        real = before
        if before.preview:
            real = self._plan_again(unit)
            stopped = self._objection(before, real)
            if stopped is not None:
                return stopped
        if real.report.status is Status.UNCHANGED:
            if not self.destroy:
                repair_published(self.context, unit)
            return real.report
        if not self.destroy:
            real = Disarming(self.context, self.executor).run(unit, real)
            if not real.may_proceed:
                return real.report
        return self._apply_or_plan_again(unit, real)

    def _plan_again(self, unit: Unit) -> Planned:
        values = Upstreams(self.context.catalogue, self.context.aws.states).for_apply(unit)
        return self.executor.plan(self.context, unit, UpstreamValues(values=values, pending=()))

    def _apply_or_plan_again(self, unit: Unit, real: Planned) -> UnitReport:
        """Apply; if that fails because another run was faster, plan again, and apply only what was approved.

        The same when a plan of an earlier run, or of another folder, can no longer be applied.
        """
        context = self.context
        end = self.executor.apply(context, unit, real, destroy=self.destroy)
        if self.exact:
            moved = "another run changed its state after it was approved"
            return replace(end.report, status=Status.STALE, cause=moved) if end.overtaken else end.report
        resumed = real.receipt is not None and real.receipt.run != context.run.folders.run
        if end.overtaken and not self.destroy and not context.run.stop.is_set():
            why = "another run was faster"
        elif end.objection and (resumed or self.executor.moves) and not self.destroy:
            why = end.objection
        else:
            return end.report
        context.run.sink(Notice(text=f"{why}: planning it again", unit=unit.id))
        again = self._plan_again(unit)
        stopped = self._objection(real, again)
        if stopped is not None:
            return stopped
        if again.report.status is Status.UNCHANGED:
            return again.report
        return self.executor.apply(context, unit, again).report

    def _objection(self, before: Planned, real: Planned) -> UnitReport | None:
        """Return None when the real plan may be applied; else the report that shows why not."""
        if real.plan is None or real.report.status not in {Status.UNCHANGED, Status.PLANNED}:
            return real.report
        if before.plan is not None:
            lines = unannounced(before.plan, real.plan)
            return replace(real.report, status=Status.STALE, cause="; ".join(lines)) if lines else None
        return None if real.plan.empty else self._without_preview(real.report, destroys(real.plan))

    def _without_preview(self, report: UnitReport, lost: tuple[str, ...]) -> UnitReport | None:
        """Ask about a unit that was not previewed; without anybody to ask, apply it only if nothing is lost."""
        if self.ask_again is None:
            cause = f"was not previewed, and would {'; '.join(lost)}"
            return replace(report, status=Status.STALE, cause=cause) if lost else None
        self.context.run.sink(UnitPhase(report.unit, Phase.APPROVE))
        if self.ask_again(report):
            return None
        return replace(report, status=Status.DECLINED, cause="declined")


def apply_units(
    context: RunContext,
    approved: Mapping[str, Planned],
    *,
    executor: Executor = THREADS,
    ask_again: AskAgain | None = None,
    destroy: bool = False,
    recheck: Recheck | None = None,
    exact: bool = False,
) -> Mapping[str, UnitReport]:
    """Apply what was planned and approved.

    Args:
        context: the run.
        approved: the approved plans and previews, by unit.
        executor: plans and applies a unit.
        ask_again: asks about units that could not be previewed; None with ``--yes``: then such a unit is applied only
            if its plan deletes, replaces and forgets nothing.
        destroy: the plans destroy.
        recheck: decides right before a unit's turn what to do with its plan (a resumed run).
        exact: apply the approved plans, and none that is made again because theirs is out of date.

    Returns:
        The report of each unit in graph order, after those of the accounts and former units that block the run.

    Raises:
        OrchError: the ledger does not take which stages are disposable; nothing was applied.
    """
    if not destroy:
        record_stages(context)
    applier = _Applier(context, executor, ask_again=ask_again, destroy=destroy, recheck=recheck, exact=exact)

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
            "ended",
            unit=planned.report.unit,
            status=planned.report.status.value,
            **worker_field(planned.report),
        ),
        unblocks_downstreams=lambda planned: planned.report.status in _SUCCEEDED,
        not_run=unit_not_run,
        fail_fast=context.run.options.fail_fast,
        shows_blocked=recheck is not None,  # A resumed run has no plan step that showed them.
    )
    with initialize_ahead(context, () if executor.moves else _not_initialized(context, approved)):
        ended = run_units(context, step)
    blocking = {unit: planned.report for unit, planned in approved.items() if unit not in ended}
    return {**blocking, **{unit: planned.report for unit, planned in ended.items()}}


def _not_initialized(context: RunContext, approved: Mapping[str, Planned]) -> tuple[Unit, ...]:
    """Return the units that are planned when it is their turn, and were not previewed."""
    waiting = (planned.report for planned in approved.values() if planned.report.status is Status.AFTER_UPSTREAMS)
    return tuple(context.unit(report.unit) for report in waiting)


def publish_unchanged(context: RunContext, planned: Mapping[str, Planned]) -> None:
    """When nothing changes: publish again what other units read, where it is missing or out of date.

    Raises:
        OrchError: it cannot be written.
    """
    record_stages(context)
    for unit in sorted(planned):
        if planned[unit].report.status is Status.UNCHANGED:
            repair_published(context, context.unit(unit))
