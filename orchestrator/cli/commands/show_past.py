"""``orch show RUN`` and ``orch show FINDING``: read from the records of this machine, without AWS."""

from __future__ import annotations

import sys

from orchestrator.cli.context import Common
from orchestrator.cli.output import color_on, write
from orchestrator.cli.project import start_folder
from orchestrator.config.load import find_root
from orchestrator.report.final.past import finding_shown_form, render_finding, render_run, run_shown_form
from orchestrator.report.style import width_of
from orchestrator.report.tables import dump
from orchestrator.run.history.reports import find_finding, past_run


def show_run(common: Common, run: str) -> int:
    """Print a run: units, receipts, findings, backups, journal."""
    shown = past_run(find_root(start_folder(common)), run)
    if common.json:
        write(dump(run_shown_form(shown)) + "\n")
    else:
        width, stack = width_of(sys.stdout), sys.stdout.isatty()
        text = render_run(shown, verbose=common.verbose, color=color_on(common), width=width, stack=stack)
        write(text + "\n")
    return 0


def show_finding(common: Common, finding_id: str) -> int:
    """Print a finding as the newest run reported it."""
    found = find_finding(find_root(start_folder(common)), finding_id)
    if common.json:
        write(dump(finding_shown_form(found.run, found.finding)) + "\n")
    else:
        text = render_finding(found.run, found.finding, color=color_on(common), width=width_of(sys.stdout))
        write(text + "\n")
    return 0
