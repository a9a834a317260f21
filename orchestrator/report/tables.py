"""Tables for people and their JSON twins. A table is rows of plain values; nothing is ever cut from a cell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.report.style import Paint
from orchestrator.report.text import cell_width, clean, pad

TABLE_FORMAT = 1
"""Version of the JSON shapes of tables; ``docs/output.md`` describes them."""

_GAP = "  "

Style = Callable[[Mapping[str, Any], str], str]
"""From a row and a column's key to a style of ``paint.py``, or an empty string."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: of the rows' values.
        title: what stands above; the key when empty.
        right: numbers stand to the right.
        optional: left out on a terminal that is too narrow, the last such column first.
    """

    key: str
    title: str = ""
    right: bool = False
    optional: bool = False


def table(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[Column | str] = (),
    *,
    width: int = 120,
    colour: bool = False,
    style: Style | None = None,
) -> str:
    """A table as text, without a newline at its end; an empty string when there are no rows.

    Args:
        rows: column key -> value: text, a number, a list (shown with commas), True and False (yes and no), None.
        columns: in order; a plain string is a column with that key. When none are given, the first row's keys.
        width: of the terminal, in columns. A table that is still too wide without optional columns is not cut.
        colour: whether to colour.
        style: says the colour of each cell.
    """
    every = [dict(row) for row in rows]
    if not every:
        return ""
    shown = [c if isinstance(c, Column) else Column(c) for c in (columns or tuple(every[0]))]
    texts = [{column.key: cell(row.get(column.key)) for column in shown} for row in every]
    widths = {c.key: max(cell_width(_title(c)), *(cell_width(t[c.key]) for t in texts)) for c in shown}
    shown = _fitting(shown, widths, width)
    paint = Paint(colour)
    lines = [_line(shown, widths, {c.key: _title(c) for c in shown}, lambda _, text: paint(text, "dim"))]
    for row, text in zip(every, texts, strict=True):

        def painted(key: str, padded: str, row: Mapping[str, Any] = row) -> str:
            return paint(padded, style(row, key)) if style else padded

        lines.append(_line(shown, widths, text, painted))
    return "\n".join(lines)


def rows_json(kind: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """The JSON twin of a table: ``{"format": 1, "kind": "list", "rows": [...]}``.

    Args:
        kind: which table it is: the verb's name.
        rows: as for ``table``; values keep their types.
    """
    return dump({"format": TABLE_FORMAT, "kind": kind, "rows": [dict(row) for row in rows]})


def dump(value: Mapping[str, Any]) -> str:
    """JSON as every verb prints it: indented, keys in the order of the documentation, text as it is.

    Control characters of any kind leave as escapes, so that printing the JSON on a terminal is harmless.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    return "".join(c if c == "\n" or c.isprintable() else _escaped(c) for c in text)


def cell(value: Any) -> str:
    """A value as the text of one cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return ", ".join(cell(item) for item in items)
    return clean(str(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _title(column: Column) -> str:
    return column.title or column.key.replace("_", " ")


def _fitting(columns: list[Column], widths: Mapping[str, int], width: int) -> list[Column]:
    shown = list(columns)
    while sum(widths[c.key] + len(_GAP) for c in shown) - len(_GAP) > width:
        optional = [c for c in shown if c.optional]
        if not optional:
            break
        shown.remove(optional[-1])
    return shown


def _line(
    columns: Sequence[Column], widths: Mapping[str, int], texts: Mapping[str, str], paint: Callable[[str, str], str]
) -> str:
    """One line. Spaces are outside the colour, and there are none at the end."""
    parts = []
    for number, column in enumerate(columns):
        text = texts[column.key]
        space = pad("", widths[column.key] - cell_width(text))
        last = number == len(columns) - 1
        painted = paint(column.key, text)
        parts.append(space + painted if column.right else painted + ("" if last else space))
    return _GAP.join(parts).rstrip()
