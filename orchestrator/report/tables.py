"""Tables for people, and the same rows as JSON. Rows hold plain values; no cell is ever cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.report.style import Paint
from orchestrator.report.text import NARROWEST, cell_width, clean, pad, wrap

TABLE_FORMAT = 1
"""Version of the JSON shapes of tables; ``docs/output.md`` describes them."""

_GAP = "  "
_BELOW = "    "
"""Indent of a cell that is too wide for its column."""

Style = Callable[[Mapping[str, Any], str], str]
"""Maps a row and the key of a column to a style of ``style.py``, or to an empty string."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        key: its key in the rows.
        title: its heading; the key if empty.
        right: align to the right.
        optional: leave the column out on a terminal that is too narrow, the last optional column first.
        wrap: continue long cells on further lines, which lets the table be narrower; only for the last column.
        detail: show the column only with ``--verbose``.
    """

    key: str
    title: str = ""
    right: bool = False
    optional: bool = False
    wrap: bool = False
    detail: bool = False


def table(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[Column | str] = (),
    *,
    width: int = 120,
    color: bool = False,
    style: Style | None = None,
    stack: bool = False,
) -> str:
    """Return a table as text, without a newline at its end; an empty string if there are no rows.

    Args:
        rows: column key -> value: text, a number, a list (shown with commas), True and False (yes and no), None.
        columns: in order; a string is a column with that key. By default the keys of the first row.
        width: columns of the terminal. A table that is still too wide without its optional columns is not cut.
        stack: make of each row of such a table several lines, one for each cell, so that the terminal breaks no word.
        color: whether to color.
        style: returns the style of each cell.
    """
    every = [dict(row) for row in rows]
    if not every:
        return ""
    shown = [c if isinstance(c, Column) else Column(c) for c in (columns or tuple(every[0]))]
    texts = [{column.key: cell(row.get(column.key)) for column in shown} for row in every]
    widths = {c.key: max(cell_width(_title(c)), *(cell_width(t[c.key]) for t in texts)) for c in shown}
    fitting = _fitting(shown, widths, width)
    narrow = stack and len(fitting) > 1 and _needed(fitting, widths) > width
    paint = Paint(color)
    heading = {c.key: _title(c) for c in shown}
    lines = [] if narrow else [_line(fitting, widths, heading, lambda _, text: paint(text, "dim"))]
    for row, text in zip(every, texts, strict=True):

        def painted(key: str, padded: str, row: Mapping[str, Any] = row) -> str:
            return paint(padded, style(row, key)) if style else padded

        lines += _stacked(shown, text, width, painted) if narrow else _row_lines(fitting, widths, text, width, painted)
    return "\n".join(lines)


def rows_json(kind: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the rows of a table as JSON: ``{"format": 1, "kind": "list", "rows": [...]}``.

    Args:
        kind: the kind of table: the name of the command.
        rows: as for ``table``; values keep their types.
    """
    return dump({"format": TABLE_FORMAT, "kind": kind, "rows": [dict(row) for row in rows]})


def dump(value: Mapping[str, Any]) -> str:
    """Return JSON as every command prints it: indented, keys in the documented order, text in UTF-8.

    Control characters are escaped, so printing the JSON on a terminal is harmless.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c == "\n" or c.isprintable() else _escaped(c) for c in text)


def cell(value: Any) -> str:
    """Return a value as the text of one cell."""
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
    """Return the columns without those optional ones for which there is no room."""
    shown = list(columns)
    while _full(shown, widths) > width:
        optional = [c for c in shown if c.optional]
        if not optional:
            break
        shown.remove(optional[-1])
    return shown


def _full(columns: Sequence[Column], widths: Mapping[str, int]) -> int:
    """Return how wide a table is with every cell on one line."""
    return sum(widths[c.key] + len(_GAP) for c in columns) - len(_GAP)


def _needed(columns: Sequence[Column], widths: Mapping[str, int]) -> int:
    """Return how wide a table is at least: a last column that wraps needs room for its title and a short line."""
    last = columns[-1]
    return _full(columns, {**widths, last.key: min(widths[last.key], NARROWEST)} if last.wrap else widths)


def _stacked(
    columns: Sequence[Column], texts: Mapping[str, str], width: int, paint: Callable[[str, str], str]
) -> Iterator[str]:
    """Yield the lines of one row of a table that does not fit: its first cell, then the others below it with titles."""
    first, *others = columns
    yield from (paint(first.key, line) for line in wrap(texts[first.key], width=width, indent=""))
    for column in others:
        text = texts[column.key]
        title = f"{_BELOW}{_title(column)}: "
        if not text:
            continue
        if max(cell_width(word) for word in text.split(" ")) + len(title) > width:
            yield title.rstrip()
            title = _BELOW * 2
        yield from wrap(text, width=width, indent=title, hang=_BELOW * 2)


def _row_lines(
    columns: Sequence[Column],
    widths: Mapping[str, int],
    texts: Mapping[str, str],
    width: int,
    paint: Callable[[str, str], str],
) -> Iterator[str]:
    """Yield the lines of one row: several if the last column wraps. Words that are too wide for it go below the row.

    A table that is too wide even without its last column, in a pipe, keeps one line for each row.
    """
    last = columns[-1]
    text = texts[last.key]
    room = width - sum(widths[c.key] + len(_GAP) for c in columns[:-1])
    if not last.wrap or cell_width(text) <= room or room < NARROWEST:
        yield _line(columns, widths, texts, paint)
    elif any(cell_width(word) > room for word in text.split(" ")):
        yield _line(columns[:-1], widths, texts, paint)
        yield from (_BELOW + paint(last.key, line) for line in wrap(text, width=width - len(_BELOW), indent=""))
    else:
        first, *others = wrap(text, width=room, indent="")
        yield _line(columns, widths, {**texts, last.key: first}, paint)
        for line in others:
            yield _line(columns, widths, {**dict.fromkeys(texts, ""), last.key: line}, paint)


def _line(
    columns: Sequence[Column], widths: Mapping[str, int], texts: Mapping[str, str], paint: Callable[[str, str], str]
) -> str:
    """Return one line. Padding is outside the color, and there is none at the end."""
    parts = []
    for number, column in enumerate(columns):
        text = texts[column.key]
        space = pad("", widths[column.key] - cell_width(text))
        last = number == len(columns) - 1
        painted = paint(column.key, text)
        parts.append(space + painted if column.right else painted + ("" if last else space))
    return _GAP.join(parts).rstrip()
