"""Tries a migration on copies of the states, judges what the next apply would do, and carries an accepted one out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from orchestrator.report.model import Status, UnitDone, UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.disposable.record import record_stages
from orchestrator.run.migrate.execute import execute_transfer
from orchestrator.run.migrate.journal import check_edits, new_transfer
from orchestrator.run.migrate.request import MigrationRequest, PreparedMigration
from orchestrator.run.migrate.trial import Trial, refused_changes
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.reports import unit_report

STATUSES = {"move": Status.MOVED, "adopt": Status.ADOPTED}
"""Status of a migrated unit, by command."""


@dataclass(frozen=True, slots=True)
class TriedMigration:
    """A migration whose units were planned on copies of their states.

    Attributes:
        prepared: the state writes, with outputs that the plans added.
        reports: what the next apply would do to each unit; blocked where that is not allowed.
    """

    prepared: PreparedMigration
    reports: tuple[UnitReport, ...]

    @property
    def planned(self) -> frozenset[str]:
        """Ids of the units that were planned."""
        return frozenset(unit.id for unit, _ in self.prepared.trials)


def try_migration(context: RunContext, request: MigrationRequest) -> TriedMigration:
    """Plan each unit on a copy of the state that it would get. Nothing in AWS is written.

    Raises:
        OrchError: a state cannot be read, or a trial cannot be made.
    """
    prepared = request.prepare(context)
    trial = Trial(context, prepared.stand_ins)
    with ThreadPoolExecutor(max(1, context.run.options.parallelism), thread_name_prefix="trial") as pool:
        planned = list(pool.map(lambda each: trial.plan(*each), prepared.trials))
    if request.takes_outputs:
        for (unit, _), each in zip(prepared.trials, planned, strict=True):
            state = trial.take_outputs(unit, each)
            prepared = prepared if state is None else prepared.with_state(unit, state)
    tried = {unit.id for unit, _ in prepared.trials}
    rest = (context.unit(id_) for id_ in request.selected if id_ not in tried)
    reports = [*map(_judged, planned), *(unit_report(context, unit, Status.UNCHANGED) for unit in rest)]
    for report in reports:
        context.run.sink(UnitDone(report))
    return TriedMigration(prepared, tuple(reports))


def execute_migration(
    context: RunContext, request: MigrationRequest, tried: TriedMigration, command: str
) -> list[UnitReport]:
    """Record an accepted migration durably, then carry it out. The caller holds the locks of its states.

    Args:
        context: the run.
        request: what was asked for.
        tried: the migration as it was shown.
        command: the words after ``orch``; running them again resumes the migration.

    Raises:
        OrchError: a step failed; the same command resumes.
    """
    folders = context.run.folders
    check_edits(folders.root, request.edits)
    record_stages(context)
    accepted = new_transfer(folders.root, folders.run, command, request.edits, tried.prepared.writes)
    execute_transfer(context, accepted)
    status = STATUSES[command.partition(" ")[0]]
    return [migrated(context, report, status) if report.unit in tried.planned else report for report in tried.reports]


def migrated(context: RunContext, report: UnitReport, status: Status) -> UnitReport:
    """Record and show that a unit was moved or adopted."""
    done = replace(report, status=status)
    context.run.journal.write("ended", unit=report.unit, status=status.value)
    context.run.sink(UnitDone(done))
    return done


def declined(reports: Sequence[UnitReport]) -> list[UnitReport]:
    """Return the reports of a migration that the user declined."""
    return [replace(report, status=Status.DECLINED, cause="nothing was changed") for report in reports]


def _judged(planned: Planned) -> UnitReport:
    report = planned.report
    refused = refused_changes(planned)
    if not refused or report.status not in {Status.PLANNED, Status.BLOCKED}:
        return report
    cause = f"the next apply would {', '.join(refused)}; nothing was changed"
    return replace(report, status=Status.BLOCKED, cause=cause)
