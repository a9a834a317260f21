"""``orch show RUN`` and ``orch show FINDING``: read from the records of this machine, without AWS."""

from __future__ import annotations

import sys

from orchestrator.cli.context import Common
from orchestrator.cli.output import color_on, write
from orchestrator.cli.project import start_folder
from orchestrator.config.load import find_root
from orchestrator.report.final.past import finding_shown_form, render_finding, render_run, run_shown_form
from orchestrator.report.rehearsal.json_form import rehearsal_form
from orchestrator.report.rehearsal.text import render_rehearsal
from orchestrator.report.style import width_of
from orchestrator.report.tables import dump
from orchestrator.run.history.reports import find_finding, past_run
from orchestrator.run.rehearse.record import saved_rehearsal


def show_run(common: Common, run: str) -> int:
    """Print a run: units, receipts, findings, backups, journal. Of a rehearsal what survived; with ``-v`` both."""
    root = find_root(start_folder(common))
    shown, rehearsal = past_run(root, run), saved_rehearsal(root, run)
    if common.json:
        more = {"rehearsal": rehearsal_form(rehearsal) if rehearsal is not None else None}
        write(dump(run_shown_form(shown) | more) + "\n")
        return 0
    verbose, color, width, stack = common.verbose, color_on(common), width_of(sys.stdout), sys.stdout.isatty()
    texts = []
    if rehearsal is not None:
        texts.append(render_rehearsal(rehearsal, verbose=verbose, color=color, width=width, stack=stack))
    if rehearsal is None or verbose:
        texts.append(render_run(shown, verbose=verbose, color=color, width=width, stack=stack))
    write("\n\n".join(texts) + "\n")
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
