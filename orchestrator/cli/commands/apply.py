"""``orch apply``."""

from __future__ import annotations

from orchestrator.cli.approve import apply_planned
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report
from orchestrator.cli.project import open_project
from orchestrator.cli.session import circumstances, ready_session
from orchestrator.run.approval import check_consent
from orchestrator.run.plan import plan_units
from orchestrator.run.request import RunOptions
from orchestrator.run.unit.replace import check_one, check_there


def run(common: Common, options: RunOptions, *, yes: bool) -> int:
    """Plan, judge, show, ask once, apply; the exit code says how it went."""
    project = open_project(common)
    request = project.request("apply", options)
    check_one(request.selected, options.replace)
    asked = circumstances(common, yes=yes, break_glass=options.break_glass is not None)
    words = check_consent(project.catalogue, request.units, asked)
    with ready_session(common, request) as session:
        check_there(session.context)
        planned = plan_units(session.context, preview_new=not yes)
        reports = apply_planned(common, session, planned, words=words, yes=yes)
        print_report(common, session.finish(reports))
    return session.exit_code()
