"""``orch drift``."""

from __future__ import annotations

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report, print_units
from orchestrator.cli.project import open_project
from orchestrator.cli.session import ready_session
from orchestrator.run.drift import drift_units
from orchestrator.run.request import RunOptions


def run(common: Common, options: RunOptions, *, detailed_exitcode: bool) -> int:
    """Look at the selection as AWS has it, show what changed outside, and end with the code that it asks for."""
    request = open_project(common).request("drift", options)
    with ready_session(common, request) as session:
        reports = list(drift_units(session.context).values())
        report = session.finish(reports)
        print_units(common, reports)
        print_report(common, report)
    return session.exit_code(detailed=detailed_exitcode)
