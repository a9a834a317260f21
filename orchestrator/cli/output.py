"""What a command prints: results on stdout, progress on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.cli.context import Common
from orchestrator.report.final.report import render_report
from orchestrator.report.final.units import render_units
from orchestrator.report.json import run_json
from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.report.style import use_color, width_of
from orchestrator.report.tables import Column, rows_json, table
from orchestrator.report.text import encodable

_SHOWN = {Status.PLANNED, Status.BLOCKED, Status.AFTER_UPSTREAMS, Status.DRIFTED}


def write(text: str) -> None:
    """Write a result to stdout, without characters that its encoding lacks: an ASCII terminal has no ±."""
    sys.stdout.write(encodable(text, sys.stdout.encoding))
    sys.stdout.flush()


def print_progress(common: Common, text: str) -> None:
    """Print a line about the work in progress on stderr; not with ``--quiet``."""
    if not common.quiet:
        sys.stderr.write(encodable(text, sys.stderr.encoding) + "\n")
        sys.stderr.flush()


def color_on(common: Common) -> bool:
    """Return whether to color what is written to stdout."""
    return use_color(sys.stdout, os.environ, no_color=common.no_color)


def print_units(common: Common, reports: Sequence[UnitReport]) -> None:
    """Print the changes of each unit, attribute by attribute; not with ``--json``."""
    if common.json:
        return
    shown = [each for each in reports if each.status in _SHOWN or (common.verbose and each.changes)]
    if shown:
        write(render_units(shown, colour=color_on(common), width=width_of(sys.stdout)) + "\n\n")


def print_report(common: Common, report: RunReport) -> None:
    """Print the final table, or the whole run as JSON."""
    if common.json:
        write(run_json(report) + "\n")
    else:
        write(render_report(report, colour=color_on(common), width=width_of(sys.stdout)) + "\n")


def print_rows(
    common: Common, kind: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[Column | str] = ()
) -> None:
    """Print a table, or the same rows as JSON."""
    if common.json:
        write(rows_json(kind, rows) + "\n")
    elif rows:
        write(table(rows, columns, width=width_of(sys.stdout), colour=color_on(common)) + "\n")
