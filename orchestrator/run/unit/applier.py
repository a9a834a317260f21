"""Applies one unit's judged plan: confirm the receipt, back up, apply, record what was written, publish."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from orchestrator.aws.identity.roles import AnyRole
from orchestrator.config.catalogue import Unit
from orchestrator.errors import BlockedError, InterruptedRunError, OrchError
from orchestrator.guard.receipt.receipt import Receipt, StateMovedError
from orchestrator.report.model import Notice, Phase, Status, UnitPhase, UnitReport
from orchestrator.report.values.changes import scrub
from orchestrator.run.context import RunContext
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.unit.backups import save_copies
from orchestrator.run.unit.compare import destroys, unannounced
from orchestrator.run.unit.lock_holders import report_lock_waits
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.planner import plan_unit
from orchestrator.run.unit.progress import ChangeDetector, progress_callback, warning_callback
from orchestrator.run.unit.publish import publish_state, repair_published
from orchestrator.run.unit.push_state import report_unsaved
from orchestrator.run.unit.receipts import confirm_plan, record_writes
from orchestrator.run.unit.reports import failure_report
from orchestrator.run.unit.role import apply_role, role_fields
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.terraform.failures import StalePlanError
from orchestrator.terraform.model import PlanRecord


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
class Applier:
    """Applies the units of one run. Safe to use from several threads.

    Attributes:
        context: the run.
        ask_again: asks about units that could not be previewed; None with ``--yes``.
        destroy: the plans destroy.
        recheck: decides right before a unit's turn what to do with its plan; None applies it.
    """

    context: RunContext
    ask_again: AskAgain | None = None
    destroy: bool = False
    recheck: Recheck | None = None

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
        return self._apply_or_plan_again(unit, real)

    def _plan_again(self, unit: Unit) -> Planned:
        values = Upstreams(self.context.catalogue, self.context.aws.states).for_apply(unit)
        return plan_unit(self.context, unit, UpstreamValues(values=values, pending=()))

    def _apply_or_plan_again(self, unit: Unit, real: Planned) -> UnitReport:
        """Apply; if that fails because another run was faster, plan again, and apply only what was approved.

        The same when a plan of an earlier run can no longer be applied.
        """
        resumed = real.receipt is not None and real.receipt.run != self.context.run.folders.run
        try:
            return self._apply(unit, real)
        except (StalePlanError, StateMovedError):
            if self.destroy or self.context.run.stop.is_set():
                raise
            why = "another run was faster"
        except BlockedError as error:
            if not resumed:
                raise
            why = error.what
        self.context.run.sink(Notice(text=f"{why}: planning it again", unit=unit.id))
        again = self._plan_again(unit)
        stopped = self._objection(real, again)
        if stopped is not None:
            return stopped
        return again.report if again.report.status is Status.UNCHANGED else self._apply(unit, again)

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

    def _apply(self, unit: Unit, real: Planned) -> UnitReport:
        context = self.context
        if real.plan is None or real.receipt is None or real.verdict is None:
            message = f"{unit.id}: there is no plan that may be applied"
            raise BlockedError(message, hint="this is a bug in orch: an apply needs a judged plan and its receipt")
        if real.verdict.blocked:
            return real.report
        if context.run.stop.is_set():
            message = f"{unit.id} was not applied: the run was interrupted"
            raise InterruptedRunError(message)
        run = real.receipt.run
        role = apply_role(context, unit, real.verdict)
        receipt = self._confirm_receipt(unit, real, real.receipt, role)
        verb = "destroy" if self.destroy else "apply"
        context.run.journal.write(f"{verb}-started", unit=unit.id, plan=receipt.plan_sha256, **role_fields(role))
        context.run.sink(UnitPhase(unit.id, Phase.DESTROY if self.destroy else Phase.APPLY))
        folder = RunPaths(root=context.run.folders.root, run=run).unit(unit)
        root = context.apply_root(unit, folder, role)
        detector = ChangeDetector(progress_callback(context.run.sink, unit.id))
        try:
            context.terraform.cli.apply(
                root,
                real.plan.file,
                timeout=context.run.options.timeout or unit.timeouts.apply,
                on_line=report_lock_waits(context, unit, detector),
                on_warning=warning_callback(context.run.sink, unit.id),
                lock_timeout=context.run.options.terraform_lock_timeout,
            )
        except StalePlanError:
            context.run.journal.write(f"{verb}-ended", unit=unit.id, ok=False, cause="the plan is out of date")
            raise
        except OrchError as error:
            with suppress(OrchError):  # A notice reported it, and the failed apply matters more.
                record_writes(context, unit, receipt, ok=False, began=detector.began)
            failed = report_unsaved(context, unit, run, self._failed(unit, real.plan, real.report, error))
            context.run.journal.note(f"{verb}-ended", unit=unit.id, ok=False, cause=failed.cause[:500])
            return failed
        finally:
            context.aws.states.forget(unit.id)
        try:
            receipt = record_writes(context, unit, receipt, ok=True)
        finally:
            context.run.journal.note(f"{verb}-ended", unit=unit.id, ok=True, **_state_fields(receipt))
            publish_state(context, unit)
        return replace(real.report, status=Status.DESTROYED if self.destroy else Status.APPLIED)

    def _confirm_receipt(self, unit: Unit, real: Planned, judged: Receipt, role: AnyRole) -> Receipt:
        """Return the receipt of a plan that may be applied now, after copying the protected resources it changes."""
        context = self.context
        plan = real.plan if judged.run == context.run.folders.run else None
        receipt, plan = confirm_plan(context, unit, expected=judged, plan=plan, run=judged.run)
        if save_copies(context, unit, plan, role):  # This may take minutes.
            receipt, _ = confirm_plan(context, unit, expected=judged, plan=plan, run=judged.run)
        return receipt

    def _failed(self, unit: Unit, plan: PlanRecord, shown: UnitReport, error: OrchError) -> UnitReport:
        """Return the report of a failed apply, without sensitive values that a provider's message may repeat."""
        failure = failure_report(self.context, unit, error)
        return replace(shown, status=failure.status, cause=scrub(plan, failure.cause), error=scrub(plan, failure.error))


def _state_fields(receipt: Receipt) -> dict[str, str | int]:
    """Return the journal's fields about the state that an apply wrote."""
    wrote = receipt.wrote
    return {} if wrote is None else {"lineage": wrote.lineage, "serial": wrote.last}
