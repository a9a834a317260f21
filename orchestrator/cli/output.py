"""What a command prints: results on stdout, progress on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.cli.context import Common
from orchestrator.report.final.report import render_changes, render_report
from orchestrator.report.json import run_json
from orchestrator.report.model import RunReport, UnitReport
from orchestrator.report.style import use_color, width_of
from orchestrator.report.tables import Column, rows_json, table
from orchestrator.report.text import encodable
from orchestrator.run.request import RunOptions
from orchestrator.util.streams import write_stderr, write_stdout


def write(text: str) -> None:
    """Write a result to stdout, without characters that its encoding lacks: an ASCII terminal has no ±."""
    write_stdout(encodable(text, sys.stdout.encoding))


def print_progress(common: Common, text: str) -> None:
    """Print a line about the work in progress on stderr; not with ``--quiet``."""
    if not common.quiet:
        write_stderr(encodable(text, sys.stderr.encoding) + "\n")


def color_on(common: Common) -> bool:
    """Return whether to color what is written to stdout."""
    return use_color(sys.stdout, os.environ, no_color=common.no_color)


def print_changes(common: Common, report: RunReport) -> None:
    """Print what the units of a run would change, without table and verdict; not with ``--json``."""
    text = render_changes(report, verbose=common.verbose, color=color_on(common), width=width_of(sys.stdout))
    if text and not common.json:
        write(text + "\n\n")


def print_report(common: Common, report: RunReport, *, shown: Sequence[UnitReport] = ()) -> None:
    """Print the report of a run as text, or the whole run as JSON.

    Args:
        common: the options of every command.
        report: the run.
        shown: reports of units that were printed before; the text does not repeat them.
    """
    if common.json:
        write(run_json(report) + "\n")
        return
    color, width = color_on(common), width_of(sys.stdout)
    write(render_report(report, shown=shown, verbose=common.verbose, color=color, width=width) + "\n")


def print_nothing_changed(common: Common, command: str, options: RunOptions) -> int:
    """Print that no selected unit differs from the revision of ``--changed``, as a report without units; return 0."""
    return print_nothing_selected(common, command, options, f"No selected unit differs from {options.changed}.")


def print_nothing_selected(common: Common, command: str, options: RunOptions, why: str) -> int:
    """Print why no unit is selected, as a report without units; return 0."""
    if not common.json:
        write(f"{why}\n")
    report = RunReport(run="", verb=command, targets=options.targets, units=(), seconds=0.0, refresh=options.refresh)
    print_report(common, report)
    return 0


def print_next(common: Common, *commands: str) -> None:
    """Print the commands that come next, if there are any; not with ``--json`` or ``--quiet``."""
    if commands and not (common.json or common.quiet):
        # With ORCH_AWS=emulator in the environment the command works as it stands.
        option = " --emulator" if common.emulator and os.environ.get("ORCH_AWS") != "emulator" else ""
        write(f"Next: {'; '.join(command + option for command in commands)}\n")


def print_rows(
    common: Common, kind: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[Column | str] = ()
) -> None:
    """Print a table, or the same rows as JSON. Columns with details are in the table only with ``--verbose``."""
    if common.json:
        write(rows_json(kind, rows) + "\n")
    elif rows:
        shown = [each for each in columns if common.verbose or isinstance(each, str) or not each.detail]
        terminal = sys.stdout.isatty()
        text = table(rows, shown, width=width_of(sys.stdout), color=color_on(common), stack=terminal)
        write(text + "\n")
