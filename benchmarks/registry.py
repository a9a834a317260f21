"""All rows, in the order of the table, and the modules that measure them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.figures import Measured, Row
from benchmarks.rows import boxes, catalogue, clone, graph, latency, memory, scale, single, start, thousand
from benchmarks.turns import Effort

Measure = Callable[[Effort, frozenset[str]], Iterable[Measured]]
"""Measures rows: takes the effort and the ids of the rows that are wanted, and yields at least those."""


@dataclass(frozen=True, slots=True)
class Family:
    """Rows that are measured on the same thing, one after the other."""

    rows: tuple[Row, ...]
    measure: Measure


FAMILIES = (
    Family(graph.ROWS, graph.measure),
    Family(single.ROWS, single.measure),
    Family(memory.ROWS, memory.measure),
    Family(latency.ROWS, latency.measure),
    Family(scale.ROWS, scale.measure),
    Family(thousand.ROWS, thousand.measure),
    Family(boxes.ROWS, boxes.measure),
    Family(catalogue.ROWS, catalogue.measure),
    Family(start.ROWS, start.measure),
    Family(clone.ROWS, clone.measure),
)
ROWS = tuple(row for family in FAMILIES for row in family.rows)
