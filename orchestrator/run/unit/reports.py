"""The report of a unit, from how its work ended."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.config.catalogue import Unit
from orchestrator.errors import ApprovalError, BlockedError, InterruptedRunError, OrchError
from orchestrator.render.build import BuildError
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.failure.hints import hint_for
from orchestrator.run.failure.wrong_inputs import is_wrong_for_sure, wrong_inputs
from orchestrator.run.unit.lock_holders import lock_message
from orchestrator.run.unit.prepare import ConfigurationBlockedError
from orchestrator.terraform.diagnostics import printed_errors
from orchestrator.terraform.failures import StateInUseError, TerraformError
from orchestrator.terraform.model import PlanRecord


def unit_report(
    context: RunContext, unit: Unit, status: Status, *, preview: bool = False, cause: str = "", error: str = ""
) -> UnitReport:
    """Return a unit's report without changes or findings."""
    folders = context.run.folders
    return UnitReport(
        unit=unit.id,
        account=unit.account,
        region=unit.region,
        status=status,
        preview=preview,
        refresh=context.run.options.refresh,
        cause=cause,
        error=error,
        log=folders.log(unit).relative_to(folders.root).as_posix(),
    )


def failure_report(
    context: RunContext, unit: Unit, error: OrchError, *, preview: bool = False, plan: PlanRecord | None = None
) -> UnitReport:
    """Return the report of a unit that an error ended. ``plan``: the plan that was being applied, if any."""
    if isinstance(error, ConfigurationBlockedError):
        report = unit_report(context, unit, Status.BLOCKED, preview=preview, cause="no plan was made")
        return replace(report, findings=error.findings)
    return unit_report(
        context,
        unit,
        _status(unit, error, preview=preview),
        preview=preview,
        cause=_cause(context, unit, error, plan),
        error=error.block if isinstance(error, TerraformError | BuildError) else "",
    )


def worker_field(report: UnitReport) -> dict[str, str]:
    """Return the journal's field about the worker that ran a unit; none for this machine."""
    return {"worker": report.worker} if report.worker else {}


def _status(unit: Unit, error: OrchError, *, preview: bool) -> Status:
    if isinstance(error, TerraformError):
        if error.stopped:
            return Status.INTERRUPTED
        # Without its upstreams' real values a preview may fail where the plan after their apply succeeds.
        may_succeed_later = preview and not error.timed_out and not error.advice and not is_wrong_for_sure(unit, error)
        return Status.AFTER_UPSTREAMS if may_succeed_later else Status.FAILED
    statuses = {
        InterruptedRunError: Status.INTERRUPTED,
        BlockedError: Status.BLOCKED,
        ApprovalError: Status.STALE,
    }
    return next((status for kind, status in statuses.items() if isinstance(error, kind)), Status.FAILED)


def _cause(context: RunContext, unit: Unit, error: OrchError, plan: PlanRecord | None) -> str:
    if isinstance(error, StateInUseError):
        return lock_message(error.lock, unit, context.catalogue.root, asking=context.run.folders.run)
    if not isinstance(error, TerraformError):
        return str(error)
    wrong = "; ".join(str(each) for each in wrong_inputs(unit, printed_errors(error.block)))
    what = wrong or error.first_line
    advice = error.advice or hint_for(context.catalogue, unit, error, plan)
    return f"{what} — {advice}" if advice else what
