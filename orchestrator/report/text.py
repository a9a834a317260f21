"""Text for terminals: clean, quote, shorten, count, wrap; and single lines about a unit."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from orchestrator.report.model import ChangeLine, Notice, Status, UnitReport
from orchestrator.terraform.model import Action
from orchestrator.util.plural import plural

COUNTED = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE, Action.FORGET)
"""The actions that are counted, in the order of every table."""

VALUE_LIMIT = 120
"""Characters shown of a value; a longer value is cut around its first difference."""

NO_REFRESH = (
    "Planned without refresh: changes made outside of Terraform since the last apply are not seen, and these plans are "
    "never applied. `orch apply` plans again."
)
"""What a reader must know of every plan of ``orch plan --no-refresh``."""

PREVIEWED_AGAINST = "previewed against the plans of "
"""The cause of a preview: this, then its upstreams with pending changes."""


def values_note(values: Mapping[str, str | int | float | bool | None]) -> Iterator[str]:
    """Yield a line with the values of a run; nothing if it has none."""
    if values:
        yield "Values of this run: " + ", ".join(f"{key}={json.dumps(value)}" for key, value in sorted(values.items()))


_PLANS = frozenset({Status.PLANNED, Status.UNCHANGED, Status.BLOCKED})
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Cc and Cf can move the cursor, color the terminal or change the reading direction (U+202E); a lone surrogate (Cs)
# cannot be encoded; Zl and Zp break lines.
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ASCII = str.maketrans(
    {"✓": "v", "✗": "x", "•": "*", "○": "o", "●": ">", "…": "~", "±": "-/+", "·": "-", "—": "-", "→": "->"}
    | {"│": "|", "├": "|", "└": "`", "─": "-"}
)
_PLAIN = re.compile(r"[\x20-\x7e]*\Z")
NARROWEST = 20
"""Columns that wrapped text gets at least, however narrow the terminal."""


def clean(text: str) -> str:
    r"""Return a text as one line that cannot control a terminal.

    Newlines and tabs become ``\n`` and ``\t``; other control characters are removed.
    """
    if _PLAIN.match(text):
        return text
    return "".join(_ESCAPES.get(c, "" if unicodedata.category(c) in _HARMFUL else c) for c in text)


def clean_block(text: str) -> list[str]:
    """Return the lines of a text, each cleaned, without blank lines at either end."""
    lines = [clean(line.expandtabs(4)).rstrip() for line in re.split(r"\r?\n|\r", text)]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def quote(text: str) -> str:
    """Return a string value in double quotes, on one line, cleaned."""
    return '"' + clean(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def shorten(text: str, *, limit: int = VALUE_LIMIT, start: int = 0) -> str:
    """Return ``limit`` characters of a raw text from ``start`` on; an ellipsis marks each part that is left out."""
    if len(text) <= limit:
        return text
    start = max(0, min(start, len(text) - limit))
    shown = text[start : start + limit]
    return f"{'…' if start else ''}{shown}{'…' if start + limit < len(text) else ''}"


def first_difference(one: str, other: str) -> int:
    """Return the index of the first character that differs; the length of the shorter text if it starts the other."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))


def short_address(address: str) -> str:
    """Return a resource address for people: cleaned and without the leading ``module.this.``."""
    return clean(address.removeprefix("module.this."))


def duration(seconds: float) -> str:
    """Return a duration such as ``12s``, ``1m30s`` or ``2h05m``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def encodable(text: str, encoding: str | None) -> str:
    """Return a text that a stream can encode: symbols become ASCII, other characters a question mark."""
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII).encode("ascii", "replace").decode()
    return text


def listed(names: Iterable[str]) -> str:
    """Return names, cleaned, separated by commas."""
    return ", ".join(clean(name) for name in names)


def cell_width(text: str) -> int:
    """Return the columns that a cleaned text takes: wide East Asian characters take two, combining ones none."""
    if _PLAIN.match(text):
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return a cleaned text padded with spaces to a number of columns; it is never cut."""
    space = " " * max(0, width - cell_width(text))
    return space + text if right else text + space


def wrap(text: str, *, width: int, indent: str, hang: str | None = None) -> Iterator[str]:
    """Yield the lines of one paragraph. Lines break at spaces only: ids, addresses and words stay whole.

    Args:
        text: the paragraph; it is cleaned here.
        width: columns, the indent included; at least 20 are used for text. A longer word gets a line to itself.
        indent: prefix of the first line.
        hang: prefix of the other lines; spaces as wide as ``indent`` if not given.
    """
    hang = " " * len(indent) if hang is None else hang
    room = max(width, len(indent) + NARROWEST)
    line, empty = indent, True
    for word in clean(text).split(" "):
        if not empty and cell_width(line) + 1 + cell_width(word) > room:
            yield line.rstrip()
            line, empty = hang, True
        if empty and not word:
            continue  # spaces at a break
        line, empty = (line if empty else f"{line} ") + word, False
    yield line.rstrip()


def signs(unit: UnitReport) -> str:
    """Return how many resources get which action, such as ``+3 ~1 ±2``; empty if nothing changes."""
    counts = ((action, unit.count(action)) for action in COUNTED)
    return " ".join(f"{action.sign}{number}" for action, number in counts if number)


def extras(changes: Iterable[ChangeLine]) -> str:
    """Return what is not counted as a change but worth knowing: ``2 moved, 1 imported``."""
    lines = tuple(changes)
    moved = sum(1 for c in lines if c.moved_from)
    imported = sum(1 for c in lines if c.imported_id)
    return ", ".join(text for text, n in ((f"{moved} moved", moved), (f"{imported} imported", imported)) if n)


def status_text(unit: UnitReport) -> str:
    """Return how a unit ended: ``planned (preview)``, ``unchanged (without refresh)``, ``planned, outputs only``."""
    text = str(unit.status)
    if unit.status is Status.PLANNED and unit.outputs_changed and not unit.changes:
        text += ", outputs only"
    how = ["preview"] if unit.preview else []
    if not unit.refresh and unit.status in _PLANS:
        how.append("without refresh")
    return f"{text} ({', '.join(how)})" if how else text


def command_text(verb: str, targets: Iterable[str], *, refresh: bool, dry_run: bool = False) -> str:
    """Return the command line of a run: ``orch plan --no-refresh prod``."""
    options = (*(() if refresh else ("--no-refresh",)), *(("--dry-run",) if dry_run else ()))
    return " ".join(("orch", verb, *options, *targets))


def done_line(unit: UnitReport) -> str:
    """Return the end of a unit as one line: ``prod/data applied, +3 ~1, 12s``, with the cause if it did not go well."""
    facts = [status_text(unit)]
    facts += [text for text in (signs(unit), extras(unit.changes)) if text]
    if unit.findings:
        facts.append(plural(len(unit.findings), "finding"))
    if unit.seconds >= 1:
        facts.append(duration(unit.seconds))
    # The upstreams that a preview was planned against are in the report of the unit.
    cause = "" if unit.preview and unit.status in {Status.PLANNED, Status.UNCHANGED} else clean(unit.cause)
    return f"{clean(unit.unit)} {', '.join(facts)}" + (f": {cause}" if cause else "")


def notice_line(notice: Notice) -> str:
    """Return a notice as one line: its unit, its text, its fields."""
    fields = ", ".join(f"{clean(key)}: {clean(value)}" for key, value in notice.fields.items())
    unit = f"{clean(notice.unit)}: " if notice.unit else ""
    return f"{unit}{clean(notice.text)}" + (f" ({fields})" if fields else "")


def moment_text(time: str) -> str:
    """Return a time in ISO 8601 for people: ``24 Nov 14:02 UTC``; any other text as it is."""
    try:
        found = datetime.fromisoformat(time)
    except ValueError:
        return time
    moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return f"{moment.day} {moment:%b %H:%M} UTC"
