"""The end of a run: a table of units, what is lost in full, what went wrong and why, and one line that sums it up.

What matters most stands last, where a person's eye is when the run ends. Destroys are never cut or folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator.report.final.sections import sections
from orchestrator.report.final.units import render_unit, render_units
from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.report.style import ACTION_STYLES, STATUS_STYLES, Paint
from orchestrator.report.tables import Column, table
from orchestrator.report.text import COUNTED, clean, duration, extras, plural, status_text, wrap
from orchestrator.terraform.model import Action

__all__ = ["outcome", "render_report", "render_unit", "render_units", "sums"]

_UNCHANGED_ROWS = 12
"""More unchanged units than this share one row."""

_DONE = frozenset({Status.APPLIED, Status.DESTROYED, Status.MOVED, Status.ADOPTED})
_OUTCOMES: Mapping[Status, str] = {
    Status.INTERRUPTED: "interrupted",
    Status.BLOCKED: "blocked by policy",
    Status.STALE: "stopped: no longer as approved",
    Status.DECLINED: "declined",
    Status.FAILED: "failed",
    Status.SKIPPED: "failed",
}
"""How a run ended by the worst that a unit met, the worst first; the order is that of the exit codes."""

_ORDER = (
    Status.APPLIED,
    Status.DESTROYED,
    Status.MOVED,
    Status.ADOPTED,
    Status.PLANNED,
    Status.AFTER_UPSTREAMS,
    Status.DRIFTED,
    Status.UNCHANGED,
    *reversed(tuple(_OUTCOMES)),
)


def render_report(report: RunReport, *, colour: bool = False, width: int = 120) -> str:
    """The final report of a run.

    Args:
        report: the run.
        colour: whether to colour.
        width: of the terminal, in columns; prose is wrapped, addresses and values are not cut.

    Returns:
        Lines without a newline at the end; the same for the same report.
    """
    paint = Paint(colour)
    parts = [_table(report, colour, width), *sections(report, paint, width), "\n".join(_end(report, paint, width))]
    return "\n\n".join(part for part in parts if part)


def outcome(report: RunReport) -> str:
    """How a run ended in a few words, such as ``changes planned`` or ``blocked by policy``."""
    statuses = {unit.status for unit in report.units}
    if report.interrupted:
        return _OUTCOMES[Status.INTERRUPTED]
    bad = next((words for status, words in _OUTCOMES.items() if status in statuses), None)
    if bad is not None or report.error:
        return bad or _OUTCOMES[Status.FAILED]
    if statuses & {Status.PLANNED, Status.AFTER_UPSTREAMS}:
        return "changes planned"
    if Status.DRIFTED in statuses:
        return "changed outside"
    return "done" if statuses & _DONE else "nothing to do"


def sums(units: Sequence[UnitReport]) -> dict[Action, int]:
    """How many resources are treated how, over several units; every counted action is there."""
    return {action: sum(unit.count(action) for unit in units) for action in COUNTED}


def _table(report: RunReport, colour: bool, width: int) -> str:
    quiet = [u for u in report.units if u.status is Status.UNCHANGED and not u.findings]
    folded = {u.unit for u in quiet} if len(quiet) > _UNCHANGED_ROWS else set()
    rows: list[dict[str, Any]] = [_row(unit) for unit in report.units if unit.unit not in folded]
    if folded:
        rows.append({"unit": plural(len(folded), "more unit"), "status": str(Status.UNCHANGED), "_": Status.UNCHANGED})
    forgets = any(unit.count(Action.FORGET) for unit in report.units)
    columns = [Column("unit"), Column("status")]
    columns += [
        Column(action.value, action.sign, right=True) for action in COUNTED if action is not Action.FORGET or forgets
    ]
    columns.append(Column("time", right=True, optional=True))
    return table(rows, columns, width=width, colour=colour, style=_style)


def _row(unit: UnitReport) -> dict[str, Any]:
    status = ", ".join(text for text in (status_text(unit), extras(unit.changes)) if text)
    row: dict[str, Any] = {"unit": unit.unit, "status": status, "_": unit.status}
    row |= {action.value: unit.count(action) or None for action in COUNTED}
    row["time"] = duration(unit.seconds) if unit.seconds else None
    return row


def _style(row: Mapping[str, Any], key: str) -> str:
    if key == "status":
        return STATUS_STYLES[row["_"]]
    return ACTION_STYLES[Action(key)] if key in {action.value for action in COUNTED} else ""


def _end(report: RunReport, paint: Paint, width: int) -> Iterator[str]:
    """Notes, then the run in four lines."""
    for note in report.notes:
        yield from wrap(note, width=width, indent="")
    words = outcome(report)
    style = "bold" if words in {"done", "changes planned", "nothing to do"} else "bold red"
    yield paint(f"orch {clean(report.verb)} {' '.join(clean(t) for t in report.targets)}: {words}", style)
    for text in (_statuses(report), _totals(report), f"run {clean(report.run)}, {duration(report.seconds)}"):
        if text:
            yield from wrap(text, width=width, indent="  ")


def _statuses(report: RunReport) -> str:
    """``3 applied, 54 unchanged, 1 blocked``."""
    numbers = {status: sum(1 for unit in report.units if unit.status is status) for status in _ORDER}
    return ", ".join(f"{number} {status}" for status, number in numbers.items() if number) or "no units"


def _totals(report: RunReport) -> str:
    """What was done, and what was planned and not done: two different numbers."""
    done = _signs([unit for unit in report.units if unit.status in _DONE])
    rest = _signs([unit for unit in report.units if unit.status not in _DONE])
    if not done:
        return f"planned: {rest}" if rest else ""
    return "; ".join(f"{words}: {text}" for words, text in (("done", done), ("not done", rest)) if text)


def _signs(units: Sequence[UnitReport]) -> str:
    return " ".join(f"{action.sign}{number}" for action, number in sums(units).items() if number)
