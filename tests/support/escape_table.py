"""The table of escapes: rows from test reports, text for a terminal and for the README."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

BEGIN = "<!-- escapes: written by `make escapes` -->"
END = "<!-- escapes: end -->"
NO_CASE = "–"
"""Where the other tool was not asked: it has no such case."""

HEAD = ("item", "way", "stopped by", "pool alive", "`prevent_destroy`", "checkov")


@dataclass(frozen=True, order=True)
class Row:
    """One way. ``item``: number in the list of what the guard stops."""

    item: str
    way: str
    stopped: str
    alive: str
    prevented: str
    checked: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Its cells, in the order of the head."""
        return (self.item, self.way, self.stopped, self.alive, self.prevented, self.checked)


def row_of(properties: Iterable[tuple[str, object]], *, passed: bool) -> Row | None:
    """The row that a test made; None for a test that is no way. A test that failed proves nothing."""
    noted = {name: str(value) for name, value in properties}
    if "way" not in noted:
        return None
    stopped = noted.get("stopped", "nothing") if passed else "NOT SHOWN: the test failed"
    return Row(
        item=noted["item"],
        way=noted["way"],
        stopped=stopped,
        alive=noted.get("alive", "?") if passed else "?",
        prevented=noted.get("prevented", NO_CASE),
        checked=noted.get("checked", NO_CASE),
    )


def merged(old: Iterable[Row], new: Iterable[Row]) -> tuple[Row, ...]:
    """The rows of a run over those of earlier ones, in order: a run of some ways leaves the others as they are."""
    rows = {row.way: row for row in old}
    rows.update({row.way: row for row in new})
    return tuple(sorted(rows.values()))


def markdown(rows: Iterable[Row]) -> str:
    """The table as the README has it."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD)), *(_line(row.cells) for row in rows)]
    return "\n".join(lines) + "\n"


def plain(rows: Iterable[Row]) -> str:
    """The table for a terminal, columns aligned."""
    table = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(cells[number]) for cells in table) for number in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in table)


def read(readme: Path) -> tuple[Row, ...]:
    """The rows that the README has."""
    lines = [line for line in _between(readme.read_text()).splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return tuple(Row(*each) for each in cells)


def write(readme: Path, rows: Iterable[Row]) -> None:
    """Put the table between the README's two markers."""
    text = readme.read_text()
    readme.write_text(text.replace(_between(text), f"\n\n{markdown(rows)}\n"))


def counts(rows: Iterable[Row]) -> Mapping[str, int]:
    """How many ways there are, and how many of them each of the three stops."""
    rows = tuple(rows)
    return {
        "ways": len(rows),
        "orch": sum(row.alive == "yes" for row in rows),
        "prevent_destroy": sum(row.prevented == "stops it" for row in rows),
        "checkov": sum(row.checked == "stops it" for row in rows),
    }


def _between(text: str) -> str:
    return text.split(BEGIN, 1)[1].split(END, 1)[0]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
