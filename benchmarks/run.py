"""``make bench``: measure rows of the table, and write RESULTS.md, results.json and docs/speed.svg.

Exit code 0: every measured row met its bar. 1: one missed it, or could not be measured. 2: wrong command line.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.chart import chart
from benchmarks.figures import Row, Verdict, select, shown_figure, shown_limit, verdict
from benchmarks.page import page
from benchmarks.projects import REPOSITORY
from benchmarks.registry import FAMILIES, ROWS
from benchmarks.results import Origin, Result, here, load_results, results_text
from benchmarks.rows import graph
from benchmarks.tree import BenchError
from benchmarks.turns import Effort, say

_FOLDER = Path(__file__).parent
RESULTS = _FOLDER / "results.json"
PAGE = _FOLDER / "RESULTS.md"
CHART = REPOSITORY / "docs" / "speed.svg"
_CHART_TITLE = "12 AWS units, nothing changed: seconds to plan"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the rows that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Measure the speed of orch.")
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help="rows to measure; default: all but those that --list marks"
    )
    parser.add_argument("--all", action="store_true", help="measure every row")
    parser.add_argument("--list", action="store_true", help="list the rows")
    parser.add_argument(
        "--quick", action="store_true", help="check the harness: small sizes, one round, nothing written"
    )
    given = parser.parse_args(arguments)
    if given.list:
        sys.stdout.writelines(f"{_line(row)}\n" for row in ROWS)
        return 0
    try:
        rows = select(ROWS, given.rows, everything=given.all)
    except ValueError as error:
        parser.error(str(error))
    if given.quick:
        say("quick: this checks the benchmarks; the figures mean nothing")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that emulators and temporary folders go
    try:
        bad = _measure(rows, Effort(given.quick), here(REPOSITORY, (RESULTS, PAGE, CHART)))
    except KeyboardInterrupt:
        return 130
    for text in bad:
        sys.stderr.write(f"{text}\n")
    return 1 if bad else 0


def _line(row: Row) -> str:
    limits = f"bar {shown_limit(row, row.bar)}, aim {shown_limit(row, row.aim)}"
    return f"{row.id:16} {row.work} ({limits}){'' if row.default else '; only when named or with --all'}"


def _measure(rows: Sequence[Row], effort: Effort, origin: Origin) -> list[str]:
    """Measure rows and return what is bad about them, in words: bars that were missed and rows that failed."""
    wanted = frozenset(row.id for row in rows)
    bad: list[str] = []
    for family in FAMILIES:
        asked = {row.id: row for row in family.rows if row.id in wanted}
        if not asked:
            continue
        say(f"measuring {', '.join(asked)}")
        left = dict(asked)
        try:
            for measured in family.measure(effort, wanted):
                row = left.pop(measured.row, None)
                if row is not None:
                    bad += _ended(row, Result(measured, origin), effort)
        except BenchError as error:
            bad.append(f"failed: {', '.join(left) or ', '.join(asked)}: {error}")
            say(bad[-1])
    return bad


def _ended(row: Row, result: Result, effort: Effort) -> list[str]:
    """Save and show a row; return what is bad about it."""
    if not effort.quick:
        _save(result)
    end = verdict(row, result.measured)
    text = f"{row.id}: {shown_figure(row, result.measured)} (bar {shown_limit(row, row.bar)}): {end}"
    say(text)
    return [f"missed: {text}"] if end is Verdict.MISSED and not effort.quick else []


def _save(result: Result) -> None:
    """Add a row to what was measured before, at once: a run that is interrupted keeps what it has."""
    results = load_results(RESULTS, ROWS)
    results[result.measured.row] = result
    RESULTS.write_text(results_text(ROWS, results), encoding="utf-8")
    PAGE.write_text(page(ROWS, results), encoding="utf-8")
    if result.measured.row == graph.PLAN_ROW.id:
        CHART.write_text(chart(result.measured, _CHART_TITLE), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
