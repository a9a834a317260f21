"""Records the end of a run, in the words of its report, so that every command tells the same of it."""

from __future__ import annotations

from contextlib import suppress

from orchestrator.errors import InterruptedRunError, OrchError
from orchestrator.report.model import RunReport
from orchestrator.report.outcome import outcome
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.reports import save_report
from orchestrator.run.request import RunRequest


def record_end(journal: Journal, report: RunReport, *, error: str = "") -> None:
    """Record how the units and the run ended.

    The status of a unit is recorded only if it is not the last one that the journal has: of a declined apply it
    has the plans, and of a dry run nothing.

    Args:
        journal: the journal of the run.
        report: the report of the run.
        error: type of the error that ended the run early.
    """
    for unit in report.units:
        if journal.last_status(unit.unit) != unit.status.value:
            journal.note("ended", unit=unit.unit, status=unit.status.value)
    more = {"error": error} if error else {}
    journal.note("run-ended", outcome=str(outcome(report)), **more)


def record_failed_start(
    folders: RunPaths, journal: Journal, request: RunRequest, failure: BaseException, seconds: float
) -> None:
    """Record the end of a run that failed before its first unit; what cannot be written is left out.

    Args:
        folders: the folders of the run.
        journal: its journal.
        request: what it was made for.
        failure: what ended it.
        seconds: how long it took.
    """
    report = RunReport(
        run=folders.run,
        verb=request.command,
        targets=request.options.targets,
        units=(),
        seconds=seconds,
        interrupted=isinstance(failure, InterruptedRunError | KeyboardInterrupt),
        error=error_text(failure),
        refresh=request.options.refresh,
        dry_run=request.dry_run,
    )
    with suppress(OSError):
        save_report(folders, report)
    record_end(journal, report, error=type(failure).__name__)


def error_text(failure: BaseException) -> str:
    """Return what a report says of an error. The text of a bug may contain values, so only its type is shown."""
    return str(failure) if isinstance(failure, OrchError) else type(failure).__name__
