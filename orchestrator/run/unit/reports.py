"""The report of a unit, from how its work ended."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.config.adopted_names import missing_names
from orchestrator.config.catalogue import Unit
from orchestrator.errors import ApprovalError, BlockedError, InterruptedRunError, OrchError
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.unit.lock_holders import lock_message
from orchestrator.run.unit.prepare import ConfigurationBlockedError
from orchestrator.terraform.failures import StateInUseError, TerraformError, denied_resources


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


def failure_report(context: RunContext, unit: Unit, error: OrchError, *, preview: bool = False) -> UnitReport:
    """Return the report of a unit that an error ended."""
    if isinstance(error, ConfigurationBlockedError):
        report = unit_report(context, unit, Status.BLOCKED, preview=preview, cause="no plan was made")
        return replace(report, findings=error.findings)
    return unit_report(
        context,
        unit,
        _status(error, preview=preview),
        preview=preview,
        cause=_cause(context, unit, error),
        error=error.block if isinstance(error, TerraformError) else "",
    )


def worker_field(report: UnitReport) -> dict[str, str]:
    """Return the journal's field about the worker that ran a unit; none for this machine."""
    return {"worker": report.worker} if report.worker else {}


def _status(error: OrchError, *, preview: bool) -> Status:
    if isinstance(error, TerraformError):
        if error.stopped:
            return Status.INTERRUPTED
        # Without its upstreams' real values a preview may fail where the plan after their apply succeeds.
        may_succeed_later = preview and not error.timed_out and not error.advice
        return Status.AFTER_UPSTREAMS if may_succeed_later else Status.FAILED
    statuses = {
        InterruptedRunError: Status.INTERRUPTED,
        BlockedError: Status.BLOCKED,
        ApprovalError: Status.STALE,
    }
    return next((status for kind, status in statuses.items() if isinstance(error, kind)), Status.FAILED)


def _cause(context: RunContext, unit: Unit, error: OrchError) -> str:
    if isinstance(error, StateInUseError):
        return lock_message(error.lock, unit, context.catalogue.root)
    if not isinstance(error, TerraformError):
        return str(error)
    advice = error.advice or _name_to_allow(context, unit, error)
    return f"{error.first_line} — {advice}" if advice else error.first_line


def _name_to_allow(context: RunContext, unit: Unit, error: TerraformError) -> str:
    """Return what to do when the apply role was denied to change something because of its name; empty otherwise."""
    missing = missing_names(context.catalogue, unit, denied_resources(error.block))
    if not missing:
        return ""
    place = f"`inputs:` of the stack baseline in {unit.account}"
    return f"the apply role can change it once `{missing}` is in {place} and `orch bootstrap {unit.account}` has run"
