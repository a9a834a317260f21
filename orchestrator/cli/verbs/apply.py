"""``orch apply``."""

from __future__ import annotations

from orchestrator.cli.approve import apply_planned
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report
from orchestrator.cli.project import open_project
from orchestrator.cli.ready import circumstances, ready_session
from orchestrator.cli.request import RunRequest
from orchestrator.run.approval import check_consent
from orchestrator.run.exit_codes import INTERRUPTED, exit_code
from orchestrator.run.plan import PlanAll
from orchestrator.run.unit.replace import check_one, check_there


def run(common: Common, request: RunRequest, *, yes: bool) -> int:
    """Plan, judge, show, ask once, apply; the exit code says how it went."""
    project = open_project(common)
    selected = project.select(request.targets, exclude=request.exclude, changed=request.changed)
    check_one(selected, request.replace)
    units = [project.catalogue.units[id_] for id_ in selected]
    words = check_consent(
        project.catalogue, units, circumstances(common, yes=yes, break_glass=request.break_glass is not None)
    )
    with ready_session(common, project, selected, request, verb="apply") as session:
        check_there(session.tools)
        planned = PlanAll(session.tools, preview_new=not yes).run()
        reports = apply_planned(common, session, planned, words=words, yes=yes)
        session.tools.sink.close()
        print_report(common, session.report(reports))
    return INTERRUPTED if session.interrupts.level else exit_code(reports)
