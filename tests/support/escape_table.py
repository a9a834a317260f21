"""The table of escapes: rows from test reports, as text for a terminal and for ``docs/escapes.md``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "escapes.md"
"""The page that has the table."""

BEGIN = "<!-- escapes: written by `make escapes` -->"
END = "<!-- escapes: end -->"
PEOPLE = ("careless", "sly author", "owner of the machine")
"""The people of ``docs/threat-model.md``; what holds against one holds against those before."""
NO_CASE = "–"
"""The cell of a tool that has nothing to look at."""

HEAD = ("item", "way", "against", "stopped by", "pool alive", "`prevent_destroy`", "checkov")


@dataclass(frozen=True, order=True)
class Row:
    """One way to lose a protected resource.

    Attributes:
        item: the group it belongs to, as ``docs/escapes.md`` lists them.
        way: what the test does, in words.
        against: the strongest person against whom it is stopped; one of ``PEOPLE``.
        stopped: what stopped orch.
        alive: whether the pool was unchanged afterwards.
        prevented: what plain Terraform did with ``prevent_destroy``.
        checked: what checkov's documented check did.
    """

    item: str
    way: str
    against: str
    stopped: str
    alive: str
    prevented: str
    checked: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells in the order of the table's head."""
        return (self.item, self.way, self.against, self.stopped, self.alive, self.prevented, self.checked)


def row_of(properties: Iterable[tuple[str, object]], *, passed: bool) -> Row | None:
    """Return the row of a test, or None if the test is not marked as a way. A failed test proves nothing."""
    noted = {name: str(value) for name, value in properties}
    if "way" not in noted:
        return None
    stopped = noted.get("stopped", "nothing") if passed else "NOT SHOWN: the test failed"
    return Row(
        item=noted["item"],
        way=noted["way"],
        against=noted.get("against", ""),
        stopped=stopped,
        alive=noted.get("alive", "?") if passed else "?",
        prevented=noted.get("prevented", NO_CASE),
        checked=noted.get("checked", NO_CASE),
    )


def merged(old: Iterable[Row], new: Iterable[Row]) -> tuple[Row, ...]:
    """Return the old rows updated with the new ones, sorted. Ways that did not run keep their old row."""
    rows = {row.way: row for row in old}
    rows.update({row.way: row for row in new})
    return tuple(sorted(rows.values()))


def markdown(rows: Iterable[Row]) -> str:
    """Return the table as Markdown."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD)), *(_line(row.cells) for row in rows)]
    return "\n".join(lines) + "\n"


def plain(rows: Iterable[Row]) -> str:
    """Return the table for a terminal, with aligned columns."""
    table = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(cells[number]) for cells in table) for number in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in table)


def read(page: Path) -> tuple[Row, ...]:
    """Return the rows between the two markers of a page."""
    lines = [line for line in _between(page.read_text()).splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return tuple(Row(*each) for each in cells)


def write(page: Path, rows: Iterable[Row]) -> None:
    """Replace the table between the two markers of a page."""
    text = page.read_text()
    page.write_text(text.replace(_between(text), f"\n\n{markdown(rows)}\n"))


def counts(rows: Iterable[Row]) -> Mapping[str, int]:
    """Return the number of ways, and how many of them orch, ``prevent_destroy`` and checkov stop."""
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
