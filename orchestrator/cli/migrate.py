"""The dialog of move and adopt: lock, try on copies, show, ask, carry out; or resume one that was cut off."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_changes, print_report, write
from orchestrator.cli.project import Project, project_of
from orchestrator.cli.prompt import Prompt
from orchestrator.cli.session import circumstances, ready_session
from orchestrator.report.model import RunStarted, Status, UnitReport
from orchestrator.run.apply_rules import check_apply_allowed
from orchestrator.run.exit_codes import exit_code
from orchestrator.run.migrate.execute import execute_transfer
from orchestrator.run.migrate.flow import (
    STATUSES,
    TriedMigration,
    declined,
    execute_migration,
    migrated,
    try_migration,
)
from orchestrator.run.migrate.journal import Transfer
from orchestrator.run.migrate.request import MigrationRequest, refuse_disposable
from orchestrator.run.request import RunOptions
from orchestrator.run.session import Session
from orchestrator.run.unit.reports import unit_report
from orchestrator.util.plural import plural
from orchestrator.util.streams import write_stderr

_PENDING = "The listed changes were not made: the next `orch apply` makes them."


@dataclass(frozen=True, slots=True)
class MigrationOptions:
    """How a migration was asked for.

    Attributes:
        command: the words after ``orch``; they identify an unfinished migration.
        dry_run: show only; take no lock.
        yes: do not ask.
        wait: seconds to wait for locks held by others.
    """

    command: str
    dry_run: bool
    yes: bool
    wait: float = 0.0

    @property
    def name(self) -> str:
        """``move`` or ``adopt``."""
        return self.command.partition(" ")[0]


def migrate(common: Common, request: MigrationRequest, options: MigrationOptions) -> int:
    """Run a migration if the plans on copies of the states allow it; return the exit code."""
    refuse_disposable(request)
    project = project_of(request.catalogue)
    words: Sequence[str] = ()
    if not options.dry_run:
        units = [request.catalogue.units[id_] for id_ in request.selected]
        words = check_apply_allowed(request.catalogue, units, circumstances(common, yes=options.yes))
    with _session(common, project, request.selected, options) as session:
        context = session.context
        shown: Sequence[str] = ()
        if options.dry_run:
            tried = try_migration(context, request)
            _show(common, session, request, tried)
            reports: Sequence[UnitReport] = tried.reports
            shown = tried.prepared.notes if common.json else ()
        else:
            locks = context.aws.locks
            with locks.holding(request.locked, request.operation, purpose=options.command, wait=options.wait):
                reports = _locked(common, session, request, options, words)
        print_report(common, session.finish(reports, (*shown, *_notes(reports))), shown=reports)
    return session.exit_code()


def resume_migration(common: Common, project: Project, transfer: Transfer, options: MigrationOptions) -> int:
    """Carry out the rest of an accepted migration that was cut off. It is not planned and not asked about again."""
    units = [write.unit_in(project.catalogue) for write in transfer.writes]
    selected = tuple(dict.fromkeys(write.like for write in transfer.writes))
    write_stderr(f"Resuming `orch {transfer.command}`, which was interrupted after it was accepted.\n")
    with _session(common, project, selected, options) as session:
        context = session.context
        operation = f"orch {options.name}"
        with context.aws.locks.holding(units, operation, purpose=transfer.command, wait=options.wait):
            execute_transfer(context, transfer)
        status = STATUSES[options.name]
        done = [
            migrated(context, unit_report(context, context.unit(id_), Status.UNCHANGED), status) for id_ in selected
        ]
        print_report(common, session.finish(done))
    return session.exit_code()


@contextmanager
def _session(common: Common, project: Project, selected: Sequence[str], options: MigrationOptions) -> Iterator[Session]:
    typed = options.command.split(" ")[1:]
    request = project.request_for(options.name, RunOptions.parse(typed), selected)
    with ready_session(common, replace(request, dry_run=options.dry_run)) as session:
        run = session.context.run
        units = {unit: run.graph.upstreams(unit) for unit in run.graph.order}
        run.sink(RunStarted(run=run.folders.run, verb=options.name, units=units, slots=run.options.parallelism))
        try:
            yield session
        finally:  # Copies of states may contain secrets: remove them with the end of the command.
            for name in ("trials", "states"):
                shutil.rmtree(run.folders.of_run / name, ignore_errors=True)


def _locked(
    common: Common, session: Session, request: MigrationRequest, options: MigrationOptions, words: Sequence[str]
) -> Sequence[UnitReport]:
    context = session.context
    tried = try_migration(context, request)
    _show(common, session, request, tried)
    if exit_code(tried.reports) or context.run.stop.is_set() or not (tried.prepared.writes or request.edits):
        return tried.reports
    if not options.yes:
        prompt = Prompt(common, context.run.sink, context.run.stop)
        if not prompt.confirm(_question(request, tried), words=words):
            context.run.journal.write("declined")
            return declined(tried.reports)
    context.run.journal.write("approved", yes=options.yes)
    return execute_migration(context, request, tried, options.command)


def _show(common: Common, session: Session, request: MigrationRequest, tried: TriedMigration) -> None:
    if common.json:
        return
    catalogue = session.context.catalogue
    with Prompt(common, session.context.run.sink, session.context.run.stop).paused():
        bucket = {unit.id: catalogue.account_of(unit).state_bucket for unit in request.locked}
        for edit in request.edits:
            write(edit.diff().rstrip("\n") + "\n\n")
        for each, _ in tried.prepared.writes:
            key = each.unit_in(catalogue).state_key
            what = plural(each.resources, "resource") if each.resources else "emptied"
            write(f"s3://{bucket[each.unit]}/{key}: {what}, serial {each.serial}\n")
        write("".join(f"{line}\n" for line in tried.prepared.notes) + "\n")
        print_changes(common, session.report(tried.reports))


def _question(request: MigrationRequest, tried: TriedMigration) -> str:
    states = f"write {plural(len(tried.prepared.writes), 'state')}"
    files = f", change {plural(len(request.edits), 'file')}" if request.edits else ""
    pending = [report.unit for report in tried.reports if report.changes]
    more = f" ({', '.join(pending)}: the next apply makes the changes shown above)" if pending else ""
    return f"{request.operation.removeprefix('orch ').capitalize()}: {states}{files}{more}?"


def _notes(reports: Sequence[UnitReport]) -> tuple[str, ...]:
    return (_PENDING,) if any(report.changes for report in reports) and not exit_code(reports) else ()
