"""Applies one unit's judged plan: confirm the receipt, back up, apply, record what was written, publish."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from orchestrator.aws.identity.roles import AnyRole
from orchestrator.config.catalogue import Unit
from orchestrator.errors import BlockedError, InterruptedRunError, OrchError
from orchestrator.guard.model import Severity, Verdict
from orchestrator.guard.receipt.receipt import Receipt, StateMovedError
from orchestrator.guard.trust.waivers import canonical
from orchestrator.report.model import Phase, Status, UnitPhase, UnitReport
from orchestrator.report.values.changes import scrub
from orchestrator.run.context import RunContext
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.unit.backups import save_copies
from orchestrator.run.unit.lock_holders import report_lock_waits
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.progress import ChangeDetector, progress_callback, warning_callback
from orchestrator.run.unit.publish import publish_state, record_in_ledger
from orchestrator.run.unit.push_state import report_unsaved
from orchestrator.run.unit.receipts import confirm_plan, record_writes
from orchestrator.run.unit.reports import failure_report
from orchestrator.run.unit.role import apply_role, role_fields
from orchestrator.terraform.failures import StalePlanError
from orchestrator.terraform.model import Action, PlanRecord
from orchestrator.terraform.plan.sealed import SealedPlan, seal_plan

_LOSING = frozenset({Action.DELETE, Action.REPLACE, Action.FORGET})


@dataclass(frozen=True, slots=True)
class ApplyEnd:
    """How an apply ended.

    Attributes:
        report: what is shown of it.
        overtaken: nothing was applied, because another run changed the state after the plan was made.
        objection: nothing was applied, because something differs from what the receipt binds: one sentence.
    """

    report: UnitReport
    overtaken: bool = False
    objection: str = ""


def apply_plan(context: RunContext, unit: Unit, real: Planned, *, destroy: bool = False) -> ApplyEnd:
    """Apply a judged plan that was approved. A failure is a report, never an exception.

    Args:
        context: the run.
        unit: the unit.
        real: its plan, with verdict and receipt; never a preview.
        destroy: the plan destroys.
    """
    try:
        return ApplyEnd(_Applying(context, unit, destroy=destroy).run(real))
    except OrchError as error:
        failure = failure_report(context, unit, error)
        report = replace(failure, changes=real.report.changes, findings=real.report.findings)
        overtaken = isinstance(error, StalePlanError | StateMovedError)
        objection = error.what if isinstance(error, BlockedError) and not overtaken else ""
        return ApplyEnd(report, overtaken=overtaken, objection=objection)


@dataclass(frozen=True, slots=True)
class _Applying:
    """The apply of one unit. See `apply_plan`."""

    context: RunContext
    unit: Unit
    destroy: bool

    def run(self, real: Planned) -> UnitReport:
        """Confirm the receipt, back up, apply, record, publish.

        Raises:
            StalePlanError, StateMovedError: another run changed the state after the plan was made.
            BlockedError: the plan may not be applied now.
            OrchError: the unit could not be applied.
        """
        context, unit = self.context, self.unit
        if real.plan is None or real.receipt is None or real.verdict is None:
            message = f"{unit.id}: there is no plan that may be applied"
            raise BlockedError(message, hint="this is a bug in orch: an apply needs a judged plan and its receipt")
        if real.verdict.blocked:
            return real.report
        if context.run.stop.is_set():
            message = f"{unit.id} was not applied: the run was interrupted"
            raise InterruptedRunError(message)
        role = apply_role(context, unit, real.verdict)
        receipt = self._confirm_receipt(real, real.receipt, role)
        with _sealed(real.plan, receipt) as sealed:
            self._release(real.plan, real.verdict)
            return self._apply(real.plan, real.report, receipt, role, sealed)

    def _apply(
        self, plan: PlanRecord, shown: UnitReport, receipt: Receipt, role: AnyRole, sealed: SealedPlan
    ) -> UnitReport:
        """Run Terraform, and record what it wrote."""
        context, unit = self.context, self.unit
        verb = "destroy" if self.destroy else "apply"
        context.run.journal.write(f"{verb}-started", unit=unit.id, plan=receipt.plan_sha256, **role_fields(role))
        context.run.sink(UnitPhase(unit.id, Phase.DESTROY if self.destroy else Phase.APPLY))
        folder = RunPaths(root=context.run.folders.root, run=receipt.run).unit(unit)
        detector = ChangeDetector(progress_callback(context.run.sink, unit.id))
        try:
            context.terraform.cli.apply(
                context.apply_root(unit, folder, role),
                sealed.path,
                timeout=context.run.options.timeout or unit.timeouts.apply,
                on_line=report_lock_waits(context, unit, detector),
                on_warning=warning_callback(context.run.sink, unit.id),
                lock_timeout=context.run.options.terraform_lock_timeout,
                handles=sealed.handles,
            )
        except StalePlanError:
            context.run.journal.write(f"{verb}-ended", unit=unit.id, ok=False, cause="the plan is out of date")
            raise
        except OrchError as error:
            self._record_failed(receipt, began=detector.began)
            failed = report_unsaved(context, unit, receipt.run, self._failed(plan, shown, error))
            context.run.journal.note(f"{verb}-ended", unit=unit.id, ok=False, cause=failed.cause[:500])
            return failed
        finally:
            context.aws.states.forget(unit.id)
        try:
            receipt = record_writes(context, unit, receipt, ok=True)
        finally:
            context.run.journal.note(f"{verb}-ended", unit=unit.id, ok=True, **_state_fields(receipt))
            publish_state(context, unit, evaluated=() if self.destroy else _evaluated(plan))
        return replace(shown, status=Status.DESTROYED if self.destroy else Status.APPLIED)

    def _record_failed(self, receipt: Receipt, *, began: bool) -> None:
        """Record what a failed apply wrote. ``began``: whether Terraform began to change anything."""
        with suppress(OrchError):  # A notice reported it, and the failed apply matters more.
            record_writes(self.context, self.unit, receipt, ok=False, began=began)
        if began:  # If not, a state that differs from the ledger is not this apply's work.
            record_in_ledger(self.context, self.unit)

    def _confirm_receipt(self, real: Planned, judged: Receipt, role: AnyRole) -> Receipt:
        """Return the receipt of a plan that may be applied now, after copying the protected resources it changes."""
        context, unit = self.context, self.unit
        plan = real.plan if judged.run == context.run.folders.run else None
        receipt, plan = confirm_plan(context, unit, expected=judged, plan=plan, run=judged.run)
        if save_copies(context, unit, plan, role):  # This may take minutes.
            receipt, _ = confirm_plan(context, unit, expected=judged, plan=plan, run=judged.run)
        return receipt

    def _release(self, plan: PlanRecord, verdict: Verdict) -> None:
        """Say in the ledger which resources this apply may delete, so that their loss is explained if it is killed.

        Raises:
            OrchError: the entry cannot be written; nothing was applied.
        """
        waived = {canonical(each.address) for each in verdict.findings if each.severity is Severity.WAIVED}
        lost = {each.address for each in plan.changes if each.action in _LOSING and canonical(each.address) in waived}
        if lost:
            self.context.aws.ledger.record(self.unit, released=lost)

    def _failed(self, plan: PlanRecord, shown: UnitReport, error: OrchError) -> UnitReport:
        """Return the report of a failed apply, without sensitive values that a provider's message may repeat."""
        failure = failure_report(self.context, self.unit, error, plan=plan)
        return replace(shown, status=failure.status, cause=scrub(plan, failure.cause), error=scrub(plan, failure.error))


def _state_fields(receipt: Receipt) -> dict[str, str | int]:
    """Return the journal's fields about the state that an apply wrote."""
    wrote = receipt.wrote
    return {} if wrote is None else {"lineage": wrote.lineage, "serial": wrote.last}


@contextmanager
def _sealed(plan: PlanRecord, receipt: Receipt) -> Iterator[SealedPlan]:
    """Give Terraform the bytes that the receipt binds, whatever happens to the file from now on.

    Raises:
        BlockedError: the file changed after its receipt was confirmed.
        UnitError: it cannot be read.
    """
    with seal_plan(plan.file) as sealed:
        if sealed.sha256 != receipt.plan_sha256:
            message = f"{plan.file} was changed after the plan was judged"
            raise BlockedError(message, hint="plan again")
        yield sealed


def _evaluated(plan: PlanRecord) -> frozenset[str]:
    """Return the names of the outputs that an applied plan evaluated; a plan has also those that stay as they are."""
    return frozenset(name for name, change in plan.outputs.items() if change.action is not Action.DELETE)
