"""A rehearsal as text: what was there before and after, what went wrong, what the emulator does not model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.guard.model import Finding
from orchestrator.report.rehearsal.model import (
    Fate,
    Outcome,
    Rehearsal,
    RehearsedUnit,
    ResourceFate,
    UnmodeledCall,
    rehearsal_headline,
)
from orchestrator.report.style import Paint
from orchestrator.report.tables import Column, table
from orchestrator.report.text import clean, clean_block, duration, wrap
from orchestrator.util.plural import plural

OUTCOME_STYLES: Mapping[Outcome, str] = {
    Outcome.LOST: "bold red",
    Outcome.BLOCKED: "bold red",
    Outcome.FAILED: "bold red",
    Outcome.NOT_REHEARSED: "yellow",
    Outcome.NEW: "green",
    Outcome.REMOVED: "yellow",
    Outcome.SURVIVED: "green",
}
_VERBS = {Outcome.FAILED: "failed", Outcome.NOT_REHEARSED: "was not rehearsed", Outcome.REMOVED: "was removed"}
_ERROR_LINES = 8
_COLUMNS = (
    Column("unit"),
    Column("result"),
    Column("resource"),
    Column("fate"),
    Column("before", right=True),
    Column("after", right=True),
    Column("note", wrap=True),
)


def render_rehearsal(rehearsal: Rehearsal, *, verbose: bool, color: bool, width: int, stack: bool = False) -> str:
    """Return a rehearsal as text without a newline at its end.

    Args:
        rehearsal: what happened.
        verbose: also list the resources that were kept and hold no data, and errors in full.
        color: whether to color.
        width: columns of the terminal.
        stack: see `table`.
    """
    paint = Paint(color)
    rows = [row for unit in rehearsal.units for row in unit_rows(unit, verbose=verbose)]
    styles = {str(outcome): style for outcome, style in OUTCOME_STYLES.items()}

    def style(row: Mapping[str, Any], key: str) -> str:
        if key == "result":
            return styles.get(str(row["result"]), "")
        return "bold red" if key in {"fate", "after"} and row["lost"] else ""

    parts = [
        table(rows, _COLUMNS, width=width, color=color, style=style, stack=stack),
        "\n".join(_problems(rehearsal.units, paint, verbose=verbose, width=width)),
        "\n".join(_emulator(rehearsal, paint)),
        _verdict(rehearsal, paint),
    ]
    return "\n\n".join(part for part in parts if part)


def unit_rows(unit: RehearsedUnit, *, verbose: bool = True) -> list[dict[str, Any]]:
    """Return the rows of one unit: one for each resource that matters, or one for the unit."""
    shown = [each for each in unit.resources if verbose or each.noun or each.note or each.fate is not Fate.KEPT]
    name = {"unit": unit.unit, "result": str(unit.outcome)}
    if not shown:
        return [{**name, "lost": False, "note": unit.cause}]
    rows: list[dict[str, Any]] = []
    for number, each in enumerate(shown):
        head = name if number == 0 else {"unit": "", "result": ""}
        rows.append(
            {
                **head,
                "resource": each.address,
                "fate": str(each.fate),
                "before": number_of(each.before, each.noun) if each.noun else "",
                "after": "?" if each.after is None else each.after if each.noun else "",
                "note": _note(each),
                "lost": each.lost,
            }
        )
    return rows


def number_of(number: int, noun: str) -> str:
    """Return ``3 users``."""
    return plural(number, noun)


def call_text(call: UnmodeledCall) -> str:
    """Return one call in words: ``cognito-idp SetRiskConfiguration, called twice for head``."""
    times = f"{call.times} times" if call.times > 1 else "once"
    return f"{call.service} {call.action}, called {times} for {call.during}" + (" (failed)" if call.failed else "")


def _verdict(rehearsal: Rehearsal, paint: Paint) -> str:
    """Return the last two lines: which run from which revision, and how it ended."""
    worst = next(iter(sorted((unit.outcome for unit in rehearsal.units), key=list(Outcome).index)), Outcome.SURVIVED)
    words = paint(rehearsal_headline(rehearsal.units), OUTCOME_STYLES[worst])
    base = clean(rehearsal.base) + (f" ({rehearsal.base_commit[:7]})" if rehearsal.base_commit else "")
    targets = " ".join(clean(each) for each in rehearsal.targets)
    run = f"run {rehearsal.run} from {base}, {duration(rehearsal.seconds)}"
    return f"{run}\norch rehearse {targets}: {words}"


def _note(each: ResourceFate) -> str:
    return ", ".join(part for part in (f"now {each.now}" if each.now else "", each.note) if part)


def _problems(units: Iterable[RehearsedUnit], paint: Paint, *, verbose: bool, width: int) -> Iterator[str]:
    for unit in units:
        blocking = [each for each in unit.findings if each.blocks]
        if unit.outcome is Outcome.BLOCKED:
            yield paint(f"{clean(unit.unit)} is blocked, so nothing in it is lost", "bold")
        elif unit.cause:
            yield paint(f"{clean(unit.unit)} {_VERBS.get(unit.outcome, unit.outcome)}", "bold")
        texts = [f"{each.rule}  {clean(each.message)}" for each in blocking] or (
            [clean(unit.cause)] if unit.cause else []
        )
        for number, text in enumerate(texts):
            yield from wrap(text, width=width, indent="  ", hang="    ")
            for label, fact in _facts(blocking[number]) if blocking else ():
                yield from wrap(f"{label}: {clean(fact)}", width=width, indent="    ", hang="      ")
        lines = [line for line in clean_block(unit.error) if line.strip()]
        for line in lines if verbose else lines[:_ERROR_LINES]:
            yield from wrap(line, width=width, indent="    ", hang="      ")


def _facts(finding: Finding) -> Iterator[tuple[str, str]]:
    facts = (("why", finding.cause), ("what is in it", finding.inside), ("way out", finding.hint))
    yield from ((label, text) for label, text in facts if text)


def _emulator(rehearsal: Rehearsal, paint: Paint) -> Iterator[str]:
    if rehearsal.calls:
        yield paint("The emulator does not model these calls, so AWS may behave differently:", "bold")
        yield from (f"  {clean(call_text(call))}" for call in rehearsal.calls)
    else:
        yield "The emulator models every call that was made."
    if rehearsal.differences:
        yield paint("How it differs from AWS:", "bold")
    yield from (f"  {clean(text)}" for text in rehearsal.differences)
    if rehearsal.placeholders:
        yield f"  These secrets had a placeholder: {', '.join(clean(each) for each in rehearsal.placeholders)}"
