"""Rows of the table, what was measured for one, and how the two are compared. Pure: nothing here runs anything."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What the values of a row are."""

    SECONDS = "s"
    CPU_SECONDS = "CPU s"
    MILLISECONDS = "ms"
    GIGABYTES = "GB"


class Compared(StrEnum):
    """How a row's values become the figure that its bar is for."""

    RATIO = "ratio"
    """Ours divided by theirs; less is better."""
    SPEEDUP = "speed-up"
    """Theirs divided by ours: how many times as fast; more is better."""
    VALUE = "value"
    """Ours as it is; less is better."""


class Verdict(StrEnum):
    """How a row did."""

    AIM = "aim met"
    BAR = "bar met"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        id: its name on the command line.
        work: what is measured, in Markdown.
        unit: of its values.
        compared: what is compared with the bar.
        bar: the worst figure that passes.
        aim: the figure that is wanted; None: no better one than the bar.
        default: whether it is measured when no row is named.
    """

    id: str
    work: str
    unit: Unit
    compared: Compared
    bar: float
    aim: float | None = None
    default: bool = True


@dataclass(frozen=True, slots=True)
class Side:
    """What one contender took.

    Attributes:
        name: who, e.g. ``orch plan``.
        values: one for each round, in the row's unit.
    """

    name: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured for a row.

    Attributes:
        row: id of the row.
        ours: orch.
        theirs: what it is compared with; None: the bar is an absolute one.
        beside: others that did the same work in the same rounds.
        notes: what a reader of the figure must know, e.g. who is not on PATH.
    """

    row: str
    ours: Side
    theirs: Side | None = None
    beside: tuple[Side, ...] = ()
    notes: tuple[str, ...] = ()


def ratio(over: Side, under: Side) -> float:
    """Median of the rounds' ratios: a round in which the machine was slow was slow for both."""
    return statistics.median(a / b for a, b in zip(over.values, under.values, strict=True))


def figure(row: Row, measured: Measured) -> float:
    """Return what is compared with the bar and the aim."""
    if row.compared is Compared.VALUE or measured.theirs is None:
        return measured.ours.median
    if row.compared is Compared.SPEEDUP:
        return ratio(measured.theirs, measured.ours)
    return ratio(measured.ours, measured.theirs)


def verdict(row: Row, measured: Measured) -> Verdict:
    """Return whether a row met its aim or its bar, or missed both."""
    found = figure(row, measured)

    def met(limit: float) -> bool:
        return found >= limit if row.compared is Compared.SPEEDUP else found <= limit

    if row.aim is not None and met(row.aim):
        return Verdict.AIM
    return Verdict.BAR if met(row.bar) else Verdict.MISSED


def shown_value(value: float, unit: Unit) -> str:
    """Return a value with its unit, with as many digits as mean something."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}"


def shown_limit(row: Row, limit: float | None) -> str:
    """Return a bar or an aim as the table shows it."""
    if limit is None:
        return "–"
    if row.compared is Compared.VALUE:
        return f"{limit:g} {row.unit}"
    return f"{limit:.2f}" if row.compared is Compared.RATIO else f"{limit:g} ×"


def shown_figure(row: Row, measured: Measured) -> str:
    """Return what is compared, as the table shows it."""
    found = figure(row, measured)
    if row.compared is Compared.VALUE:
        return shown_value(found, row.unit)
    return f"{found:.2f}" if row.compared is Compared.RATIO else f"{found:.1f} ×"


def select(rows: Sequence[Row], names: Sequence[str], *, everything: bool = False) -> tuple[Row, ...]:
    """Return the rows to measure, in the order of the table.

    Args:
        rows: all rows.
        names: ids of rows; none: those that are measured by default.
        everything: all rows, if none is named.

    Raises:
        ValueError: there is no row with such an id.
    """
    known = {row.id for row in rows}
    strange = [name for name in names if name not in known]
    if strange:
        message = f"there is no row {strange[0]!r}; rows: {', '.join(row.id for row in rows)}"
        raise ValueError(message)
    if names:
        return tuple(row for row in rows if row.id in names)
    return tuple(row for row in rows if row.default or everything)
