"""Single lines that the live view, the plain lines and the final report share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.report.model import ChangeLine, Notice, Status, UnitReport
from orchestrator.report.text import clean, duration, plural
from orchestrator.terraform.model import Action

COUNTED = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE, Action.FORGET)
"""The actions that are counted, in the order of every table."""

SYMBOLS: Mapping[Status, str] = {
    Status.UNCHANGED: "=",
    Status.PLANNED: "•",
    Status.DRIFTED: "~",
    Status.APPLIED: "✓",
    Status.DESTROYED: "✓",
    Status.MOVED: "✓",
    Status.ADOPTED: "✓",
    Status.AFTER_UPSTREAMS: "○",
    Status.FAILED: "✗",
    Status.BLOCKED: "✗",
    Status.SKIPPED: "○",
    Status.STALE: "✗",
    Status.INTERRUPTED: "○",
    Status.DECLINED: "○",
}


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
