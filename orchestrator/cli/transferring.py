"""From a wish to moved states: locks, plans on copies, judgement, a question, and then step by step. Move and adopt."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report, print_units, write
from orchestrator.cli.project import Project, project_of
from orchestrator.cli.prompt import Prompt
from orchestrator.cli.ready import circumstances, ready_session
from orchestrator.cli.request import RunRequest
from orchestrator.cli.session import Session
from orchestrator.config.catalogue import Unit
from orchestrator.report.model import RunStarted, Status, UnitDone, UnitReport
from orchestrator.run.approval import check_consent
from orchestrator.run.context import Tools
from orchestrator.run.exit_codes import INTERRUPTED, exit_code
from orchestrator.run.migrate.execute import carry_out
from orchestrator.run.migrate.journal import OnStep, Transfer, check_edits, new_transfer
from orchestrator.run.migrate.request import MigrationRequest, PreparedMigration
from orchestrator.run.migrate.trial import Trial, objections
from orchestrator.run.unit.planned import Planned

_LEFT = "What is listed is not done by this: the next `orch apply` would do it."
_ENDS = {"move": Status.MOVED, "adopt": Status.ADOPTED}


@dataclass(frozen=True, slots=True)
class MigrationOptions:
    """How it was asked for.

    Attributes:
        command: the words, without ``orch``: what finds an unfinished one again.
        dry_run: show, change nothing, take no lock.
        yes: nobody is asked.
        on_step: called after each step.
        wait: seconds to wait for locks that others hold.
    """

    command: str
    dry_run: bool
    yes: bool
    on_step: OnStep
    wait: float = 0.0

    @property
    def verb(self) -> str:
        """The first word."""
        return self.command.partition(" ")[0]


def transfer(common: Common, wish: MigrationRequest, ask: MigrationOptions) -> int:
    """Do what is wished, if the plans on copies of the states allow it; the exit code says how it went."""
    project = project_of(wish.catalogue)
    units = [wish.catalogue.units[id_] for id_ in wish.selected]
    words: Sequence[str] = ()
    if not ask.dry_run:
        words = check_consent(wish.catalogue, units, circumstances(common, yes=ask.yes))
    with _session(common, project, wish.selected, ask) as session:
        tools = session.tools
        if ask.dry_run:
            prepared, reports = _tried(tools, wish, wish.prepare(tools))
            _show(common, session, wish, prepared, reports)
        else:
            with tools.locks.holding(wish.locked, wish.operation, purpose=ask.command, wait=ask.wait):
                ask.on_step("locked")
                reports = _locked(common, session, wish, ask, words)
        tools.sink.close()
        print_report(common, session.report(reports, _notes(reports)))
    return INTERRUPTED if session.interrupts.level else exit_code(reports)


def go_on(common: Common, project: Project, begun: Transfer, ask: MigrationOptions) -> int:
    """Carry out what is left of a transfer that was accepted and cut off. It is not planned and not asked for again."""
    units = [write.unit_in(project.catalogue) for write in begun.writes]
    selected = tuple(dict.fromkeys(write.like for write in begun.writes))
    sys.stderr.write(f"`orch {begun.command}` was cut off after it was accepted: going on.\n")
    with _session(common, project, selected, ask) as session:
        with session.tools.locks.holding(units, f"orch {ask.verb}", purpose=begun.command, wait=ask.wait):
            carry_out(session.tools, begun, ask.on_step)
        tools = session.tools
        plain = [_plain(tools, project.catalogue.units[id_], Status.UNCHANGED) for id_ in selected]
        reports = [_done(tools, report, _ENDS[ask.verb]) for report in plain]
        session.tools.sink.close()
        print_report(common, session.report(reports))
    return exit_code(reports)


@contextmanager
def _session(common: Common, project: Project, selected: Sequence[str], ask: MigrationOptions) -> Iterator[Session]:
    request = RunRequest.of(selected, None, None, None, fail_fast=False, timeout=None)
    verb = "plan" if ask.dry_run else ask.verb
    with ready_session(common, project, selected, request, verb=verb) as session:
        graph = session.tools.graph
        units = {unit: graph.upstreams(unit) for unit in graph.order}
        tools = session.tools
        tools.sink(RunStarted(run=tools.folders.run, verb=ask.verb, units=units, slots=tools.options.slots))
        try:
            yield session
        finally:  # copies of states may hold secrets: they are gone with the command
            for name in ("trials", "states"):
                shutil.rmtree(tools.folders.of_run / name, ignore_errors=True)


def _locked(
    common: Common, session: Session, wish: MigrationRequest, ask: MigrationOptions, words: Sequence[str]
) -> list[UnitReport]:
    tools = session.tools
    prepared, reports = _tried(tools, wish, wish.prepare(tools))
    _show(common, session, wish, prepared, reports)
    ask.on_step("planned")
    if exit_code(reports) or tools.stop.is_set() or not (prepared.writes or wish.edits):
        return reports
    if not ask.yes and not Prompt(common, tools.sink, tools.stop).confirm(
        _question(prepared, wish, reports), words=words
    ):
        tools.journal.write("declined")
        return [replace(report, status=Status.DECLINED, cause="nothing was changed") for report in reports]
    tools.journal.write("approved", yes=ask.yes)
    check_edits(tools.folders.root, wish.edits)
    accepted = new_transfer(tools.folders.root, tools.folders.run, ask.command, wish.edits, prepared.writes)
    ask.on_step("accepted")
    carry_out(tools, accepted, ask.on_step)
    tried = {unit.id for unit, _ in prepared.trials}
    return [_done(tools, report, _ENDS[ask.verb]) if report.unit in tried else report for report in reports]


def _tried(
    tools: Tools, wish: MigrationRequest, prepared: PreparedMigration
) -> tuple[PreparedMigration, list[UnitReport]]:
    """Every unit planned on its copy, side by side, and what that means for the transfer."""
    trial = Trial(tools, prepared.stand_ins)
    with ThreadPoolExecutor(max(1, tools.options.slots), thread_name_prefix="trial") as pool:
        planned = list(pool.map(lambda each: trial.plan(*each), prepared.trials))
    if wish.takes_outputs:
        for (unit, _), each in zip(prepared.trials, planned, strict=True):
            whole = trial.take_outputs(unit, each)
            prepared = prepared if whole is None else prepared.with_state(unit, whole)
    reports = [_judged(each) for each in planned]
    tried = {report.unit for report in reports}
    rest = (tools.catalogue.units[id_] for id_ in wish.selected if id_ not in tried)
    reports += [_plain(tools, unit, Status.UNCHANGED) for unit in rest]
    for report in reports:
        tools.sink(UnitDone(report))
    return prepared, reports


def _judged(planned: Planned) -> UnitReport:
    report = planned.report
    refused = objections(planned)
    if not refused or report.status not in {Status.PLANNED, Status.BLOCKED}:
        return report
    cause = f"afterwards the next apply would {', '.join(refused)}; nothing was changed"
    return replace(report, status=Status.BLOCKED, cause=cause)


def _show(
    common: Common, session: Session, wish: MigrationRequest, prepared: PreparedMigration, reports: Sequence[UnitReport]
) -> None:
    if common.json:
        return
    with Prompt(common, session.tools.sink, session.tools.stop).paused():
        bucket = {unit.id: session.tools.catalogue.account_of(unit).state_bucket for unit in wish.locked}
        for edit in wish.edits:
            write(edit.diff().rstrip("\n") + "\n\n")
        for each, _ in prepared.writes:
            key = each.unit_in(session.tools.catalogue).state_key
            what = f"{each.resources} resources" if each.resources else "emptied"
            write(f"s3://{bucket[each.unit]}/{key}: {what}, serial {each.serial}\n")
        write("".join(f"{line}\n" for line in prepared.said) + "\n")
        print_units(common, reports)


def _question(prepared: PreparedMigration, wish: MigrationRequest, reports: Sequence[UnitReport]) -> str:
    states = f"write {len(prepared.writes)} states"
    files = f", change {len(wish.edits)} files" if wish.edits else ""
    left = [report.unit for report in reports if report.changes]
    more = f" ({', '.join(left)}: see above what the next apply would do)" if left else ""
    return f"{wish.operation.removeprefix('orch ').capitalize()}: {states}{files}?{more}"


def _notes(reports: Sequence[UnitReport]) -> tuple[str, ...]:
    return (_LEFT,) if any(report.changes for report in reports) and not exit_code(reports) else ()


def _done(tools: Tools, report: UnitReport, status: Status) -> UnitReport:
    done = replace(report, status=status)
    tools.journal.write("ended", unit=report.unit, status=status.value)
    tools.sink(UnitDone(done))
    return done


def _plain(tools: Tools, unit: Unit, status: Status) -> UnitReport:
    log = tools.folders.log(unit).relative_to(tools.folders.root).as_posix()
    return UnitReport(unit=unit.id, account=unit.account, region=unit.region, status=status, log=log)
