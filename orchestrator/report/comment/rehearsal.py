"""A rehearsal as the comment of a pull request and its check: for forks, whose runs have no credentials."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from orchestrator.guard.model import Finding
from orchestrator.report.comment.body import LONGEST_COMMENT, StageComment
from orchestrator.report.comment.check import Conclusion, StageCheck
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.credentials import without_credentials
from orchestrator.report.comment.fit import Piece, Rank, TextBlock, fit
from orchestrator.report.comment.inert import code, fence, place_link, prose, signed
from orchestrator.report.comment.marker import Marker
from orchestrator.report.rehearsal.model import (
    Fate,
    Outcome,
    Rehearsal,
    RehearsedUnit,
    ResourceFate,
    UnmodeledCall,
    rehearsal_headline,
)
from orchestrator.report.text import clean_block
from orchestrator.util.plural import plural

_SIGNS = {
    Outcome.LOST: "🛑",
    Outcome.BLOCKED: "🛑",
    Outcome.FAILED: "❌",
    Outcome.NOT_REHEARSED: "⏸️",
    Outcome.NEW: "✅",
    Outcome.REMOVED: "⚠️",
    Outcome.SURVIVED: "✅",
}
_REHEARSE = "rehearse."
_TABLE = "| | unit | resource | fate | before | after |\n|---|---|---|---|--:|--:|"
_ERROR_LINES = 12
_DIGITS = 8
_IMPORTANT = frozenset({Outcome.LOST, Outcome.BLOCKED, Outcome.FAILED})


def rehearsal_stage(stage: str) -> str:
    """Return the name under which the rehearsal of a stage has a comment and a check of its own.

    Whoever can make a fork's run say what they like must not overwrite the comment of a plan, nor pass its check.
    """
    return f"{_REHEARSE}{stage}"


def is_rehearsal_stage(name: str) -> bool:
    """Return whether the name of a comment is that of a rehearsal."""
    return name.startswith(_REHEARSE)


def rehearsal_comments(
    rehearsal: Rehearsal, context: CommentContext, *, limit: int = LONGEST_COMMENT
) -> tuple[tuple[StageComment, StageCheck], ...]:
    """Return comment and check of each stage that a rehearsal was asked for.

    Args:
        rehearsal: what happened.
        context: the run of the CI.
        limit: the largest length of a comment, in UTF-16 units.
    """
    clean = without_credentials(rehearsal)
    stages = dict.fromkeys(unit.stage for unit in clean.units if unit.target and unit.stage)
    return tuple(_stage(clean, stage, context, limit) for stage in stages)


def rehearsal_markdown(rehearsal: Rehearsal) -> str:
    """Return a whole rehearsal as Markdown, for any code host: every stage, and the units that they read from."""
    clean = without_credentials(rehearsal)
    context = CommentContext(clean.run, clean.head_commit)
    head = TextBlock(f"### {_worst_sign(clean.units)} Rehearsal: {rehearsal_headline(clean.units)}")
    return fit([head, *_blocks(clean, clean.units, context)], LONGEST_COMMENT).text


def _stage(rehearsal: Rehearsal, stage: str, context: CommentContext, limit: int) -> tuple[StageComment, StageCheck]:
    units = [unit for unit in rehearsal.units if unit.stage in {stage, ""}]
    name = rehearsal_stage(stage)
    marker = Marker(name, context.run, context.head, _digest(units))
    title = f"{_worst_sign(units)} {prose(stage)}, rehearsed: {rehearsal_headline(units)}"
    fitted = fit([TextBlock(f"{marker}\n### {title}"), *_blocks(rehearsal, units, context)], limit)
    comment = StageComment(name, marker, fitted.text, fitted.hides_losses)
    headline = f"rehearsed: {rehearsal_headline(units)}"
    return comment, StageCheck(
        f"orch rehearse: {stage}", _conclusion(units), headline, fitted.text.partition("\n")[2], ()
    )


def _blocks(rehearsal: Rehearsal, units: Sequence[RehearsedUnit], context: CommentContext) -> Iterator[TextBlock]:
    base = prose(rehearsal.base) + (f" ({code(rehearsal.base_commit[:7])})" if rehearsal.base_commit else "")
    yield TextBlock(
        f"On an emulator, {base} was applied and filled with data, then this change. No AWS account was used."
    )
    yield TextBlock("> [!CAUTION]", tuple(_cautions(units, context.source_url)), noun="loss or blocking finding")
    yield TextBlock(_TABLE, tuple(_rows(units)), noun="resource")
    yield TextBlock("", tuple(_causes(units)), noun="cause")
    calls = tuple(Piece((f"- {_call(each)}", ""), (Rank.WARNING,)) for each in rehearsal.calls)
    yield TextBlock("**The emulator does not model these calls, so AWS may behave differently:**", calls, noun="call")
    texts = [prose(each) for each in rehearsal.differences]
    texts += [f"The secret {code(each)} had a placeholder." for each in rehearsal.placeholders]
    differences = tuple(Piece((f"- {each}", ""), (Rank.UNCHANGED,)) for each in texts)
    summary = "<details><summary>How the emulator differs from AWS</summary>"
    yield TextBlock(summary, differences, "</details>", noun="difference")
    commit = f" of commit {code(context.head[:7])}" if context.head else ""
    yield TextBlock(f"Rehearsed by run {code(context.run)}{commit}")


def _cautions(units: Sequence[RehearsedUnit], source_url: str) -> Iterator[Piece]:
    for unit in _worst_first(units):
        lost = [each for each in unit.resources if each.lost]
        if lost:
            what = "; ".join(_loss(each) for each in lost)
            yield Piece((f"> **{code(unit.unit)} loses:** {what}\n>", ""), (Rank.FINDING,))
        blocking = [each for each in unit.findings if each.blocks]
        for finding in blocking:
            full = "\n".join(_finding(finding, unit, source_url))
            yield Piece((full, full.partition("\n")[0], ""), (Rank.FINDING_FACTS, Rank.FINDING))
        if unit.outcome is Outcome.BLOCKED and not blocking:
            yield Piece((f"> **{code(unit.unit)} is blocked:** {prose(unit.cause)}\n>", ""), (Rank.FINDING,))


def _loss(each: ResourceFate) -> str:
    gone = "an unknown number" if each.after is None else str(each.before - each.after)
    counted = f": {gone} of {_counted(each)}" if each.noun and each.before else ""
    return f"{code(each.address)} ({each.fate}){counted}"


def _counted(each: ResourceFate) -> str:
    """Return how much a resource had: ``3 users``. The noun is from the record, like every other text."""
    return prose(plural(each.before, each.noun))


def _finding(finding: Finding, unit: RehearsedUnit, source_url: str) -> Iterator[str]:
    kept = " Nothing is lost: the apply is stopped." if unit.outcome is Outcome.BLOCKED else ""
    yield f"> **{code(unit.unit)} is blocked:** {prose(finding.message)}.{kept}"
    facts = (
        ("Why", prose(finding.cause)),
        ("Lost", prose(finding.lost)),
        ("Where", place_link(finding.where, source_url) if finding.where else ""),
        ("Way out", prose(finding.hint)),
        ("Finding", f"{code(finding.rule)} {code(finding.id)}"),
    )
    yield from (f"> - **{name}:** {text}" for name, text in facts if text)
    yield ">"


def _rows(units: Sequence[RehearsedUnit]) -> Iterator[Piece]:
    for unit in _worst_first(units):
        rank = Rank.IMPORTANT_ROW if unit.outcome in _IMPORTANT else Rank.ROW
        first = signed(_SIGNS[unit.outcome], unit.outcome)
        name = code(unit.unit) + ("" if unit.target else " (upstream)")
        shown = [each for each in unit.resources if each.noun or each.note or each.fate is not Fate.KEPT]
        if not shown:
            yield Piece((f"| {first} | {name} | | | | |", ""), (rank,))
        for each in shown:
            yield Piece((_row(first, name, each), ""), (Rank.IMPORTANT_ROW if each.lost else rank,))


def _row(first: str, name: str, each: ResourceFate) -> str:
    after = "?" if each.after is None else str(each.after)
    numbers = (_counted(each), f"**{after}**" if each.lost else after) if each.noun else ("", "")
    moved = f", now {code(each.now)}" if each.now else ""
    note = f"; {prose(each.note)}" if each.note else ""
    fate = f"**{each.fate}**" if each.lost else str(each.fate)
    return f"| {first} | {name} | {code(each.address)} | {fate}{moved}{note} | {numbers[0]} | {numbers[1]} |"


def _causes(units: Sequence[RehearsedUnit]) -> Iterator[Piece]:
    """Yield why units failed or were not rehearsed."""
    for unit in units:
        if unit.outcome in {Outcome.FAILED, Outcome.NOT_REHEARSED}:
            head = f"**{code(unit.unit)} {unit.outcome}:** {prose(unit.cause or 'no reason is known')}\n"
            lines = [line[:500] for line in clean_block(unit.error)[:_ERROR_LINES]]
            forms = [f"{head}\n{fence(lines, 'text')}\n"] if lines else []
            yield Piece((*forms, head, ""), (*(Rank.ERROR for _ in forms), Rank.FINDING_FACTS))


def _call(call: UnmodeledCall) -> str:
    times = f"{call.times} times" if call.times > 1 else "once"
    failed = "; the emulator itself failed" if call.failed else ""
    return f"{code(f'{call.service} {call.action}')}, called {times} for {prose(call.during)}{failed}"


def _worst_first(units: Sequence[RehearsedUnit]) -> list[RehearsedUnit]:
    return sorted(units, key=lambda each: list(Outcome).index(each.outcome))


def _worst_sign(units: Sequence[RehearsedUnit]) -> str:
    found = {unit.outcome for unit in units}
    return next((_SIGNS[outcome] for outcome in Outcome if outcome in found), "✅")


def _conclusion(units: Sequence[RehearsedUnit]) -> Conclusion:
    found = {unit.outcome for unit in units}
    if found & {Outcome.LOST, Outcome.BLOCKED}:
        return Conclusion.ACTION_REQUIRED
    if found & {Outcome.FAILED, Outcome.NOT_REHEARSED}:
        return Conclusion.FAILURE
    return Conclusion.SUCCESS


def _digest(units: Sequence[RehearsedUnit]) -> str:
    return hashlib.sha256(repr(units).encode()).hexdigest()[:_DIGITS]
