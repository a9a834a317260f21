"""``orch drift``."""

from __future__ import annotations

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report, print_units
from orchestrator.cli.project import open_project
from orchestrator.cli.ready import ready_session
from orchestrator.cli.request import RunRequest
from orchestrator.run.drift import DriftAll
from orchestrator.run.exit_codes import INTERRUPTED, detailed_exit_code, exit_code


def run(common: Common, request: RunRequest, *, detailed_exitcode: bool) -> int:
    """Look at the selection as AWS has it, show what changed outside, and end with the code that it asks for."""
    project = open_project(common)
    selected = project.select(request.targets, exclude=request.exclude, changed=request.changed)
    with ready_session(common, project, selected, request, verb="drift") as session:
        reports = list(DriftAll(session.tools).run().values())
        session.tools.sink.close()
        print_units(common, reports)
        print_report(common, session.report(reports))
    if session.interrupts.level:
        return INTERRUPTED
    return detailed_exit_code(reports) if detailed_exitcode else exit_code(reports)
