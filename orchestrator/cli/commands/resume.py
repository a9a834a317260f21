"""``orch apply --resume``: continues a past run as it was approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report
from orchestrator.cli.project import Project, open_project, start_folder
from orchestrator.cli.prompt import Prompt
from orchestrator.cli.session import circumstances, ready_session
from orchestrator.config.load import find_root
from orchestrator.errors import ApprovalError, OrchError, UsageError
from orchestrator.report.model import UnitReport
from orchestrator.run.apply import apply_units
from orchestrator.run.apply_rules import check_clean
from orchestrator.run.history.journal import hold_journal
from orchestrator.run.history.past_approval import Approval, approval_of, check_units, find_chain
from orchestrator.run.history.runs import PastRun
from orchestrator.run.history.start import user_name
from orchestrator.run.history.unsaved_state import UnsavedState, unsaved_in
from orchestrator.run.request import RunOptions
from orchestrator.run.resume import Resume
from orchestrator.run.session import Session
from orchestrator.run.unit.push_state import push_unsaved, unit_of


def resume_run(common: Common, options: RunOptions, wanted: str | None) -> int:
    """Apply the units that a past run was approved for and did not finish; return the exit code.

    Args:
        common: the options of every command.
        options: limits of the new run, without a selection.
        wanted: id of the past run; None: the newest that was interrupted or cut off.

    Raises:
        UsageError: there is no such run, or it is still running.
        ApprovalError: its approval is no longer valid. States that it could not save are saved first.
    """
    root = find_root(start_folder(common))
    chain = find_chain(root / ".orch" / "runs", wanted)
    project = _project_of_run(common, chain[0])
    newest = chain[-1]
    states = [state for past in chain for state in unsaved_in(past.folder)]
    approval, refusal = _approval(project, chain)
    if refusal is not None and not states:
        raise refusal
    selected = _selected(project, approval, states)
    check_clean(project.catalogue, [project.catalogue.units[id_] for id_ in selected], emulated=common.emulator)
    options = replace(options, targets=chain[0].targets, replace=tuple(chain[0].start.get("replace", ())))
    request = project.request_for("apply", options, selected, continues=newest.run)
    with hold_journal(newest.folder / "journal.jsonl") as mine:
        if not mine:
            raise UsageError(f"run {newest.run} is still running", hint="wait until it ends; `orch runs` shows it")
        with ready_session(common, request) as session:
            if approval is None:
                _push(session, states)
                raise refusal or ApprovalError("nothing was approved")
            reports = _continue(common, session, approval)
            print_report(common, session.finish(reports))
    return session.exit_code()


def _project_of_run(common: Common, past: PastRun) -> Project:
    """Load the configuration with the values that a past run recorded."""
    try:
        return open_project(common, given=past.values)
    except UsageError as error:
        if not past.values:
            raise
        message = f"run {past.run} was planned with values that live/ no longer has: {error.what}"
        hint = f"plan again: orch apply {' '.join(past.targets)}"
        raise ApprovalError(message, where=error.where, hint=hint) from error


def _approval(project: Project, chain: tuple[PastRun, ...]) -> tuple[Approval | None, OrchError | None]:
    """Return the approval of a run, or the error that makes it invalid."""
    try:
        approval = approval_of(chain, datetime.now(UTC))
        check_units(approval, project.catalogue.units)
    except (ApprovalError, UsageError) as error:
        return None, error
    return approval, None


def _selected(project: Project, approval: Approval | None, states: Sequence[UnsavedState]) -> tuple[str, ...]:
    if approval is not None:
        return approval.units
    folders = {state.folder for state in states}
    return tuple(id_ for id_ in project.graph.order if project.catalogue.units[id_].folder in folders)


def _push(session: Session, states: Sequence[UnsavedState]) -> None:
    for state in states:
        push_unsaved(session.context, unit_of(session.context, state), state)


def _continue(common: Common, session: Session, approval: Approval) -> list[UnitReport]:
    context = session.context
    resume = Resume(context, approval)
    planned = resume.planned()
    how = f"as approved in run {approval.first.run}"
    context.run.journal.write("approved", how=how, by=user_name(), since=approval.at.isoformat())
    asks = circumstances(common, yes=False).terminal and not approval.yes
    asker = Prompt(common, context.run.sink, context.run.stop)
    applied = apply_units(
        context, planned, executor=session.executor, ask_again=asker.again if asks else None, recheck=resume.recheck
    )
    return list(applied.values())
