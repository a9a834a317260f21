"""The report of a run as text: its sections, what is unchanged, the table of units, and last the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.report.final.sections import (
    Item,
    Section,
    SharedCause,
    SharedChanges,
    SharedFailure,
    SharedFinding,
    SharedOutputs,
    UnitBlock,
    arrange,
)
from orchestrator.report.final.units import (
    shared_changes_text,
    shared_finding_text,
    shared_outputs_text,
    unit_text,
)
from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.report.outcome import RunOutcome, done, outcome, statuses, totals
from orchestrator.report.style import ACTION_STYLES, STATUS_STYLES, Paint
from orchestrator.report.tables import Column, table
from orchestrator.report.text import (
    COUNTED,
    clean_block,
    command_text,
    duration,
    extras,
    listed,
    status_text,
    wrap,
)
from orchestrator.terraform.model import Action
from orchestrator.util.plural import plural

_ERROR_LINES = 60
"""Lines shown of one error; the log has the others."""

_GOOD = frozenset({RunOutcome.DONE, RunOutcome.PLANNED, RunOutcome.UNCHANGED})


def render_report(
    report: RunReport,
    *,
    shown: Iterable[UnitReport] = (),
    verbose: bool = False,
    color: bool = False,
    width: int = 120,
) -> str:
    """Return the report of a run as text, without a newline at its end.

    Args:
        report: the run.
        shown: reports of units that were shown before, such as the plans before the question of ``orch apply``: what
            they show is not repeated.
        verbose: show the changes of units that were applied, and a row of the table for each unchanged unit.
        color: whether to color.
        width: columns of the terminal; prose is wrapped, addresses and ids are never broken.
    """
    shown = tuple(shown)
    paint = Paint(color)
    parts = []
    if not _nothing_new(report, shown):
        parts += [section_text(section, paint, width) for section in arrange(report, shown=shown, verbose=verbose)]
        parts += [_unchanged(report, verbose=verbose), _table(report, color, width, verbose=verbose)]
    parts.append("\n".join(_end(report, paint, width)))
    return "\n\n".join(part for part in parts if part)


def render_changes(
    report: RunReport, *, verbose: bool = False, brief: bool = False, color: bool = False, width: int = 120
) -> str:
    """Return the sections of a report alone, without table and verdict; empty if there is nothing to show.

    ``brief``: resources without their attributes, unless ``verbose`` is set.
    """
    paint, found = Paint(color), arrange(report, verbose=verbose, brief=brief)
    return "\n\n".join(section_text(section, paint, width) for section in found)


def section_text(section: Section, paint: Paint, width: int) -> str:
    """Return a section as text. Blocks of units are separated by blank lines; other items are not."""
    texts = ["\n".join(_item(item, paint, width)) for item in section.items]
    blocks = any(isinstance(item, (UnitBlock, SharedChanges, SharedOutputs)) for item in section.items)
    gap = "\n\n" if blocks else "\n"
    ids = any(isinstance(item, SharedFinding) or _has_findings(item) for item in section.items)
    if ids and section.title == "Blocked":
        hint = "`orch show ID` explains a finding and prints the command that allows it."
        texts.append("\n".join(wrap(hint, width=width, indent="")))
    if any(isinstance(item, UnitBlock) and item.created for item in section.items):
        texts.append(paint("-v shows every attribute of what is created.", "dim"))
    return f"{paint(section.title, section.style)}{gap}{gap.join(texts)}"


def _has_findings(item: Item) -> bool:
    return isinstance(item, UnitBlock) and any(entry.findings for entry in item.entries)


def _item(item: Item, paint: Paint, width: int) -> Iterator[str]:
    match item:
        case UnitBlock():
            yield from unit_text(item, paint, width)
        case SharedChanges():
            yield from shared_changes_text(item, paint, width)
        case SharedOutputs():
            yield from shared_outputs_text(item, width)
        case SharedFinding():
            yield from shared_finding_text(item, paint, width)
        case SharedCause():
            text = listed(item.units) + (f": {item.cause}" if item.cause else "")
            yield from wrap(text, width=width, indent="  ", hang="    ")
        case SharedFailure():
            yield from _failure(item, width)


def _failure(item: SharedFailure, width: int) -> Iterator[str]:
    """Yield the units that failed alike, the cause, Terraform's error once, and every log."""
    first = item.units[0]
    yield from wrap(listed(unit.unit for unit in item.units), width=width, indent="  ")
    block = clean_block(first.error)
    if first.cause and not any(first.cause in line for line in block):
        yield from wrap(first.cause, width=width, indent="    ")
    for line in block[:_ERROR_LINES]:
        lead = " " * (len(line) - len(line.lstrip()))
        yield from wrap(line, width=width, indent=f"    │ {lead}", hang=f"    │ {lead}  ")
    if len(block) > _ERROR_LINES:
        yield f"    │ … and {plural(len(block) - _ERROR_LINES, 'line')} more in the log"
    for unit in item.units:
        if unit.log:
            yield from wrap(f"log: {unit.log}", width=width, indent="    ", hang="      ")


def _nothing_new(report: RunReport, shown: tuple[UnitReport, ...]) -> bool:
    """Return whether only the verdict is new, since everything that was shown was declined."""
    declined = [unit for unit in report.units if unit.status is Status.DECLINED]
    return bool(shown and declined) and all(unit in declined or unit in shown for unit in report.units)


def _unchanged(report: RunReport, *, verbose: bool) -> str:
    number = sum(1 for unit in report.units if _quiet(unit))
    how = "" if report.refresh else " (without refresh)"
    return f"{plural(number, 'unit')} unchanged{how}" if number and not verbose else ""


def _quiet(unit: UnitReport) -> bool:
    return unit.status is Status.UNCHANGED and not unit.findings


def _table(report: RunReport, color: bool, width: int, *, verbose: bool) -> str:
    rows = [_row(unit) for unit in report.units if verbose or not _quiet(unit)]
    forgets = any(unit.count(Action.FORGET) for unit in report.units)
    columns = [Column("unit"), Column("status")]
    columns += [
        Column(action.value, action.sign, right=True) for action in COUNTED if action is not Action.FORGET or forgets
    ]
    columns.append(Column("time", right=True, optional=True))
    if any(extras(unit.changes) for unit in report.units):
        columns.append(Column("also", optional=True))
    return table(rows, columns, width=width, color=color, style=_style)


def _row(unit: UnitReport) -> dict[str, Any]:
    row: dict[str, Any] = {"unit": unit.unit, "status": status_text(unit), "_": unit.status}
    row |= {action.value: unit.count(action) or None for action in COUNTED}
    row["time"] = duration(unit.seconds) if unit.seconds else None
    row["also"] = extras(unit.changes)
    return row


def _style(row: Mapping[str, Any], key: str) -> str:
    if key == "status":
        return STATUS_STYLES[row["_"]]
    return ACTION_STYLES[Action(key)] if key in {action.value for action in COUNTED} else ""


def _end(report: RunReport, paint: Paint, width: int) -> Iterator[str]:
    """Yield the notes, the run, and the verdict."""
    for note in report.notes:
        yield from wrap(note, width=width, indent="")
    units = statuses(report)
    if report.run:
        facts = [f"run {report.run}", duration(report.seconds), *([units] if units else ())]
        yield from wrap(", ".join(facts), width=width, indent="", hang="  ")
    words = outcome(report)
    verdict = f"{command_text(report.verb, report.targets, refresh=report.refresh, dry_run=report.dry_run)}: {words}"
    numbers = "nothing was changed" if words is RunOutcome.DECLINED and not done(report) else totals(report)
    style = "bold" if words in _GOOD else "bold red"
    for line in wrap(verdict + (f" ({numbers})" if numbers else ""), width=width, indent="", hang="  "):
        yield paint(line, style)
