"""``orch plan``."""

from __future__ import annotations

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report, print_units
from orchestrator.cli.project import open_project
from orchestrator.cli.session import ready_session
from orchestrator.run.plan import plan_units
from orchestrator.run.request import RunOptions
from orchestrator.run.unit.replace import check_one, check_there


def run(common: Common, options: RunOptions, *, detailed_exitcode: bool) -> int:
    """Plan the selection, show it, and end with the code that its units ask for."""
    request = open_project(common).request("plan", options)
    check_one(request.selected, options.replace)
    with ready_session(common, request) as session:
        check_there(session.context)
        reports = [each.report for each in plan_units(session.context).values()]
        report = session.finish(reports)
        print_units(common, reports)
        print_report(common, report)
    return session.exit_code(detailed=detailed_exitcode)
