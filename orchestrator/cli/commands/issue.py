"""``orch issue``: one issue for each stage that drifted, from the records of ``orch drift``, without AWS."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.ci.connect import open_code_host
from orchestrator.ci.drift_issue import DriftIssue, drift_issue, update_drift_issue
from orchestrator.ci.place import find_place
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.output import print_rows, write
from orchestrator.cli.project import start_folder
from orchestrator.config.load import find_root
from orchestrator.errors import UsageError
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.stage import stage_plans
from orchestrator.report.result_files import write_result
from orchestrator.run.history.reports import run_record
from orchestrator.util.ci import ci_run


@command_without_details
def issue(
    common: Common,
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids of runs of `orch drift`.")],
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Write the Markdown to this file instead; - is stdout.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Open, update or close the issue of each stage that drifted.

    Reads the records of the runs, without AWS credentials. A stage has one issue, which is updated in place, and closed
    once nothing differs.
    """
    root = find_root(start_folder(common))
    records = [run_record(root, run) for run in dict.fromkeys(runs)]
    others = [each.report.run for each in records if each.report.verb != "drift"]
    if others:
        message = f"{', '.join(others)}: not a run of orch drift"
        raise UsageError(message, hint="`orch comment` shows plans and applies")
    ci = ci_run(os.environ)
    newest = max(each.report.run for each in records)
    context = CommentContext(ci.run, ci.head, ci.source_url, ci.report_url) if ci else CommentContext(newest)
    issues = [drift_issue(plan, context) for plan in stage_plans(records)]
    if file is not None:
        text = "\n".join(each.body for each in issues)
        write(text) if str(file) == "-" else write_result(file, text)
        return 0
    print_rows(common, "issue", _post(issues))
    return 0


def _post(issues: list[DriftIssue]) -> list[dict[str, object]]:
    """Bring the issues on the code host up to date; return a row for each."""
    place = find_place(os.environ)
    if place is None:
        message = "the environment names no repository for the issues"
        raise UsageError(message, hint="run this in GitHub Actions or GitLab CI, or write a file with --file FILE")
    host = open_code_host(place)
    rows: list[dict[str, object]] = []
    for each in issues:
        outcome, found = update_drift_issue(host, each)
        row = {"stage": each.stage, "drifted": each.drifted, "compared": "all" if each.complete else "not all"}
        rows.append({**row, "issue": str(outcome), "url": found.url if found else ""})
    return rows
