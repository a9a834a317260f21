"""``orch apply --resume``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.prompt import Prompt
from orchestrator.cli.ready import circumstances, ready_session
from orchestrator.cli.request import RunRequest
from orchestrator.cli.session import Session
from orchestrator.errors import ApprovalError, OrchError, UsageError
from orchestrator.report.model import UnitReport
from orchestrator.run.apply import ApplyAll
from orchestrator.run.approval import check_clean
from orchestrator.run.exit_codes import INTERRUPTED, exit_code
from orchestrator.run.history.approval import Approval, approval_of, check_units, find_chain
from orchestrator.run.history.journal import hold_journal
from orchestrator.run.history.runs import PastRun
from orchestrator.run.history.start import user_name
from orchestrator.run.history.unsaved_state import Unsaved, unsaved_in
from orchestrator.run.plan import report_blocked
from orchestrator.run.resume import Resume
from orchestrator.run.unit.push_state import push_unsaved, unit_of


def run(common: Common, request: RunRequest, wanted: str | None) -> int:
    """Apply what is left of what a past run had approved; the exit code says how it went.

    Args:
        common: the options of every verb.
        request: limits of the new run; it has no selection of its own.
        wanted: id of the past run; None: the newest that was interrupted or cut off.

    Raises:
        UsageError: there is no such run.
        ApprovalError: its approval does not hold any more. A state that it could not save is saved before that is said.
    """
    project = open_project(common)
    root = project.catalogue.root
    chain = find_chain(root / ".orch" / "runs", wanted)
    newest = chain[-1]
    states = [state for past in chain for state in unsaved_in(past.folder)]
    approval, refusal = _approval(project, chain)
    if refusal is not None and not states:
        raise refusal
    selected = _selected(project, approval, states)
    check_clean(project.catalogue, [project.catalogue.units[id_] for id_ in selected], emulated=common.emulator)
    request = replace(request, targets=chain[0].targets, replace=tuple(chain[0].begun.get("replace", ())))
    with hold_journal(newest.folder / "journal.jsonl") as mine:
        if not mine:
            raise UsageError(f"run {newest.run} still goes on", hint="wait for its end; `orch runs` tells of it")
        with ready_session(common, project, selected, request, verb="apply", continues=newest.run) as session:
            if approval is None:
                _push(session, states)
                raise refusal or ApprovalError("nothing was approved")
            reports = _go_on(common, session, approval)
            session.tools.sink.close()
            print_report(common, session.report(reports))
    return INTERRUPTED if session.interrupts.level else exit_code(reports)


def _approval(project: Project, chain: tuple[PastRun, ...]) -> tuple[Approval | None, OrchError | None]:
    """What was approved, or why that does not hold any more."""
    try:
        approval = approval_of(chain, datetime.now(UTC))
        check_units(approval, project.catalogue.units)
    except (ApprovalError, UsageError) as error:
        return None, error
    return approval, None


def _selected(project: Project, approval: Approval | None, states: Sequence[Unsaved]) -> tuple[str, ...]:
    if approval is not None:
        return approval.units
    folders = {state.folder for state in states}
    return tuple(id_ for id_ in project.graph.order if project.catalogue.units[id_].folder in folders)


def _push(session: Session, states: Sequence[Unsaved]) -> None:
    for state in states:
        push_unsaved(session.tools, unit_of(session.tools, state), state)


def _go_on(common: Common, session: Session, approval: Approval) -> list[UnitReport]:
    tools = session.tools
    resume = Resume(tools, approval)
    planned = resume.planned()
    how = f"as approved in run {approval.first.run}"
    tools.journal.write("approved", how=how, by=user_name(), since=approval.at.isoformat())
    asks = circumstances(common, yes=False).terminal and not approval.yes
    asker = Prompt(common, tools.sink, tools.stop)
    apply = ApplyAll(tools, planned, ask_again=asker.again if asks else None, look=resume.look)
    return [*(each.report for each in report_blocked(tools).values()), *apply.run().values()]
