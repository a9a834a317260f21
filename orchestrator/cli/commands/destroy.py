"""``orch destroy``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.cli.approve import apply_planned
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.session import circumstances, ready_session
from orchestrator.errors import UsageError
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.approval import check_consent
from orchestrator.run.plan import plan_destroy
from orchestrator.run.request import RunOptions, RunRequest
from orchestrator.run.session import Session


def run(common: Common, options: RunOptions, *, yes: bool) -> int:
    """Destroy the selection, downstreams first; what is protected is blocked like in any plan."""
    project = open_project(common)
    request = project.request("destroy", options, reverse=True)
    words = check_consent(project.catalogue, request.units, circumstances(common, yes=yes))
    with ready_session(common, request) as session:
        _check_readers(project, session, request)
        destroy_all_or_none(common, session, words=words, yes=yes)
    return session.exit_code()


def destroy_all_or_none(common: Common, session: Session, *, words: Sequence[str], yes: bool) -> None:
    """Plan the destruction of all units of a run, and destroy them if all of them may go; print how it went.

    Args:
        common: the options of every verb.
        session: the run.
        words: what must be typed, for restricted accounts.
        yes: nobody is asked.
    """
    planned = plan_destroy(session.context)
    if all(each.go_on for each in planned.values()):
        reports = apply_planned(common, session, planned, words=words, yes=yes, destroy=True)
    else:  # what could go first is what stands in front of what must stay
        reports = [_kept(each.report) for each in planned.values()]
    print_report(common, session.finish(reports))


def _kept(report: UnitReport) -> UnitReport:
    if report.status is not Status.PLANNED:
        return report
    return replace(report, status=Status.SKIPPED, cause="kept: another unit of this destroy cannot go")


def _check_readers(project: Project, session: Session, request: RunRequest) -> None:
    """Refuse to destroy what a unit outside of the selection still stands on.

    Raises:
        UsageError: there is such a unit, and it has resources.
    """
    selected = set(request.selected)
    for id_ in project.graph.order:
        unit = project.catalogue.units[id_]
        if id_ in selected or not set(unit.upstreams) & selected:
            continue
        state = session.context.aws.states.read(unit)
        if state is not None and state.addresses:
            below = sorted(set(unit.upstreams) & selected)[0]
            message = f"{id_} stands on {below} and still has {len(state.addresses)} resources"
            raise UsageError(
                message, hint=f"destroy it as well: orch destroy {' '.join(request.options.targets)} {below}+"
            )
