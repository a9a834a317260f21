"""``orch plan``."""

from __future__ import annotations

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report, print_units
from orchestrator.cli.project import open_project
from orchestrator.cli.ready import ready_session
from orchestrator.cli.request import RunRequest
from orchestrator.run.exit_codes import INTERRUPTED, detailed_exit_code, exit_code
from orchestrator.run.plan import PlanAll
from orchestrator.run.unit.replace import check_one, check_there


def run(common: Common, request: RunRequest, *, detailed_exitcode: bool) -> int:
    """Plan the selection, show it, and end with the code that its units ask for."""
    project = open_project(common)
    selected = project.select(request.targets, exclude=request.exclude, changed=request.changed)
    check_one(selected, request.replace)
    with ready_session(common, project, selected, request, verb="plan") as session:
        check_there(session.tools)
        planned = PlanAll(session.tools).run()
        reports = [each.report for each in planned.values()]
        session.tools.sink.close()
        print_units(common, reports)
        print_report(common, session.report(reports))
    if session.interrupts.level:
        return INTERRUPTED
    return detailed_exit_code(reports) if detailed_exitcode else exit_code(reports)
