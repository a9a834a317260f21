"""The text of ``RESULTS.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.figures import (
    Compared,
    Measured,
    Row,
    Side,
    Verdict,
    ratio,
    shown_figure,
    shown_limit,
    shown_value,
    verdict,
)
from benchmarks.results import Result

_HEAD = """\
# Speed

Written by `make bench`; `make bench-all` measures `make test` too. The figures of each row are taken in one run, side
by side: in each of three rounds every contender runs once, in each round another one first. Seconds are medians of the
rounds. A ratio is the median of the rounds' ratios, and means more than seconds, which belong to the machine.
[README.md](README.md) says how it is measured, [results.json](results.json) has every round.
"""
_SIGNS = {Verdict.AIM: "aim met", Verdict.BAR: "bar met", Verdict.MISSED: "**missed**"}


def page(rows: Sequence[Row], results: Mapping[str, Result]) -> str:
    """Return the page: a table of all rows, then who else did the same work.

    Args:
        rows: all rows, in the order of the table.
        results: what was measured, by row; rows without a result are listed as not measured.
    """
    return "\n".join([_HEAD, *_table(rows, results), "", *_beside(rows, results), *_origins(rows, results)])


def _table(rows: Sequence[Row], results: Mapping[str, Result]) -> Iterator[str]:
    yield "| row | work | ours | theirs | ratio | bar | aim | | measured |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        limits = f"{shown_limit(row, row.bar)} | {shown_limit(row, row.aim)}"
        result = results.get(row.id)
        if result is None:
            yield f"| `{row.id}` | {row.work} | | | | {limits} | not measured | |"
            continue
        measured, origin = result.measured, result.origin
        ours = shown_value(measured.ours.median, row.unit)
        theirs = shown_value(measured.theirs.median, row.unit) if measured.theirs else "–"
        compared = "–" if row.compared is Compared.VALUE else shown_figure(row, measured)
        yield (
            f"| `{row.id}` | {row.work} | {ours} | {theirs} | {compared} | {limits} "
            f"| {_SIGNS[verdict(row, measured)]} | {origin.date}, {origin.commit} |"
        )


def _beside(rows: Sequence[Row], results: Mapping[str, Result]) -> Iterator[str]:
    """Yield a table of all contenders for each row that has more than two."""
    for row in rows:
        result = results.get(row.id)
        if result is None or not (result.measured.beside or result.measured.notes):
            continue
        measured = result.measured
        yield f"## `{row.id}`"
        yield ""
        yield from (f"{note}\n" for note in measured.notes)
        if measured.beside:
            yield from _contenders(row, measured)


def _contenders(row: Row, measured: Measured) -> Iterator[str]:
    base = measured.theirs or measured.ours
    yield f"| | {row.unit} | to {base.name} |"
    yield "|---|---|---|"
    for side in _sides(measured):
        yield f"| {side.name} | {shown_value(side.median, row.unit)} | {ratio(side, base):.2f} |"
    yield ""


def _sides(measured: Measured) -> list[Side]:
    theirs = [measured.theirs] if measured.theirs else []
    return sorted([measured.ours, *theirs, *measured.beside], key=lambda side: -side.median)


def _origins(rows: Sequence[Row], results: Mapping[str, Result]) -> Iterator[str]:
    """Yield the machines and versions that the figures belong to."""
    yield "## Measured on"
    yield ""
    seen: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.id in results:
            origin = results[row.id].origin
            seen.setdefault((origin.machine, origin.versions), []).append(row.id)
    for (machine, versions), ids in seen.items():
        which = "" if len(seen) == 1 else f": {', '.join(f'`{each}`' for each in ids)}"
        yield f"- {machine}; {versions}{which}"
    yield ""
