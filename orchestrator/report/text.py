"""Small pieces of text: cleaned, quoted, shortened, counted, wrapped. Nothing here knows a plan."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

from orchestrator.report.model import ChangeLine, Notice, Status, UnitReport
from orchestrator.terraform.model import Action

COUNTED = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE, Action.FORGET)
"""The actions that are counted, in the order of every table."""

VALUE_LIMIT = 120
"""Characters of a value that are shown; a longer one is cut around its first difference."""

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Cc and Cf can move the cursor, colour the terminal or turn the reading direction (U+202E); a lone surrogate (Cs)
# cannot be written at all; Zl and Zp break lines.
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ASCII = str.maketrans(
    {"✓": "v", "✗": "x", "•": "*", "○": "o", "●": ">", "…": "~", "±": "-/+", "·": "-", "—": "-", "→": "->"}
    | {"│": "|", "├": "|", "└": "`", "─": "-"}
)
_PLAIN = re.compile(r"[\x20-\x7e]*\Z")


def clean(text: str) -> str:
    r"""One line that cannot control a terminal.

    Newlines and tabs are written as ``\n`` and ``\t``; other control characters are removed.
    """
    if _PLAIN.match(text):
        return text
    return "".join(_ESCAPES.get(c, "" if unicodedata.category(c) in _HARMFUL else c) for c in text)


def clean_block(text: str) -> list[str]:
    """The lines of a text, each cleaned, without blank lines at either end."""
    lines = [clean(line.expandtabs(4)).rstrip() for line in re.split(r"\r?\n|\r", text)]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def quote(text: str) -> str:
    """A string value as it is shown: in double quotes, on one line, harmless."""
    return '"' + clean(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def shorten(text: str, *, limit: int = VALUE_LIMIT, start: int = 0) -> str:
    """A raw text cut to ``limit`` characters from ``start`` on; an ellipsis stands where something is left out."""
    if len(text) <= limit:
        return text
    start = max(0, min(start, len(text) - limit))
    shown = text[start : start + limit]
    return f"{'…' if start else ''}{shown}{'…' if start + limit < len(text) else ''}"


def first_difference(one: str, other: str) -> int:
    """Index of the first character in which two texts differ; the shorter one's length when it starts the other."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))


def short_address(address: str) -> str:
    """A resource's address as people write it: cleaned and without the leading ``module.this.``."""
    return clean(address.removeprefix("module.this."))


def duration(seconds: float) -> str:
    """``12s``, ``1m30s``, ``2h05m``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def encodable(text: str, encoding: str | None) -> str:
    """A text that a stream of that encoding can take: signs it lacks become ASCII, anything else a question mark."""
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII).encode("ascii", "replace").decode()
    return text


def plural(number: int, noun: str) -> str:
    """``1 unit``, ``2 units``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Iterable[str], *, at_most: int | None = None) -> str:
    """Names with commas; those beyond ``at_most`` become ``… and 4 more``."""
    every = [clean(name) for name in names]
    if at_most is None or len(every) <= at_most:
        return ", ".join(every)
    return f"{', '.join(every[:at_most])} … and {len(every) - at_most} more"


def cell_width(text: str) -> int:
    """Columns that a cleaned text takes on a terminal: East Asian wide characters take two, combining ones none."""
    if _PLAIN.match(text):
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """A cleaned text filled with spaces to a number of columns; never cut."""
    space = " " * max(0, width - cell_width(text))
    return space + text if right else text + space


def wrap(text: str, *, width: int, indent: str, hang: str | None = None) -> Iterator[str]:
    """Lines of prose within ``width`` columns; words such as addresses are never broken, so nothing becomes unreadable.

    Args:
        text: one paragraph; it is cleaned here.
        width: columns, the indent included; at least 20 are used for text.
        indent: what the first line begins with.
        hang: what further lines begin with; as ``indent`` when not given.
    """
    hang = " " * len(indent) if hang is None else hang
    room = max(width, len(indent) + 20)
    yield from textwrap.wrap(
        clean(text),
        width=room,
        initial_indent=indent,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent.rstrip()]


def signs(unit: UnitReport) -> str:
    """``+3 ~1 ±0``: how many resources are treated how, without those that are none; empty when nothing changes."""
    counts = ((action, unit.count(action)) for action in COUNTED)
    return " ".join(f"{action.sign}{number}" for action, number in counts if number)


def extras(changes: Iterable[ChangeLine]) -> str:
    """``2 moved, 1 imported``: what counts as no change and is worth knowing."""
    lines = tuple(changes)
    moved = sum(1 for c in lines if c.moved_from)
    imported = sum(1 for c in lines if c.imported_id)
    return ", ".join(text for text, n in ((f"{moved} moved", moved), (f"{imported} imported", imported)) if n)


def status_text(unit: UnitReport) -> str:
    """How a unit ended: ``planned (preview)``, ``planned, outputs only``."""
    text = str(unit.status)
    if unit.status is Status.PLANNED and unit.outputs_changed and not unit.changes:
        text += ", outputs only"
    return f"{text} (preview)" if unit.preview else text


def done_line(unit: UnitReport) -> str:
    """One unit's end on one line: ``prod/data applied, +3 ~1, 12s``, with the cause when it did not go well."""
    facts = [status_text(unit)]
    facts += [text for text in (signs(unit), extras(unit.changes)) if text]
    if unit.findings:
        facts.append(plural(len(unit.findings), "finding"))
    if unit.seconds >= 1:
        facts.append(duration(unit.seconds))
    # What a preview was made against is worth a line in the unit's own report, not here.
    cause = "" if unit.preview and unit.status in {Status.PLANNED, Status.UNCHANGED} else clean(unit.cause)
    return f"{clean(unit.unit)} {', '.join(facts)}" + (f": {cause}" if cause else "")


def notice_line(notice: Notice) -> str:
    """A notice on one line, with its unit in front and its fields behind."""
    fields = ", ".join(f"{clean(key)}: {clean(value)}" for key, value in notice.fields.items())
    unit = f"{clean(notice.unit)}: " if notice.unit else ""
    return f"{unit}{clean(notice.text)}" + (f" ({fields})" if fields else "")
