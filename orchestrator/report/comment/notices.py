"""What a comment says in words: what is blocked and the way out, waivers, warnings, failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.guard.model import Finding, Severity
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.diff import shown_values
from orchestrator.report.comment.fit import Piece, Rank, TextBlock
from orchestrator.report.comment.inert import changed_place, code, fence, prose
from orchestrator.report.comment.stage import StagePlan
from orchestrator.report.final.past import waive_command
from orchestrator.report.final.sections import SharedFailure, SharedFinding, arrange, group_alike
from orchestrator.report.model import ApprovedPlans, Status
from orchestrator.report.text import NO_REFRESH, clean_block, short_address, shorten
from orchestrator.util.plural import plural

_ERROR_LINES = (60, 8)
"""Lines shown of one error, and fewer when the comment is long."""
_UNITS = 20
"""Units that one notice names."""
_FORCING = 3
"""Attributes that force a replacement of which a notice shows the values."""
_VALUE = 200
_WHAT = {
    "delete": "destroyed",
    "replace": "destroyed, then created again, empty",
    "forget": "forgotten: Terraform no longer manages it",
}
_IN_PLACE = " cannot be changed in place"
"""How the guard's cause ends if attributes force the replacement."""
_LOSING = frozenset({"delete", "replace"})


def blocked_block(plan: StagePlan, context: CommentContext) -> TextBlock:
    """Return every blocking finding: what, why, where, and the way out. Findings that differ in unit only are one."""
    pieces = []
    for group in group_alike(_findings(plan, Severity.BLOCK)):
        full = "\n".join(_quoted(_blocked(group, plan, context)))
        short = "\n".join(_quoted(_blocked_briefly(group)))
        pieces.append(Piece((full, short, ""), (Rank.FINDING_FACTS, Rank.FINDING)))
    # A unit can be blocked without a finding, such as by a state that somebody changed.
    known = {finding.unit for finding in _findings(plan, Severity.BLOCK)}
    for unit in plan.report.units:
        if unit.status is Status.BLOCKED and unit.unit not in known:
            text = f"> **{code(unit.unit)} is blocked:** {prose(unit.cause or unit.error)}"
            pieces.append(Piece((text, ""), (Rank.FINDING,)))
    return TextBlock("> [!CAUTION]", tuple(_separated(pieces)), noun="blocking finding")


def waivers_block(plan: StagePlan, context: CommentContext) -> TextBlock:
    """Return every finding that a waiver allows, with the owner and the reason."""
    pieces = []
    for group in group_alike(_findings(plan, Severity.WAIVED)):
        finding = group.findings[0]
        first = f"> - {_subject(group)}: {_message(finding)} ({code(finding.rule)})"
        facts = [f"allowed by {prose(finding.waiver)}", *_place(finding, plan, context)]
        pieces.append(Piece(("; ".join([first, *facts]), first, ""), (Rank.FINDING_FACTS, Rank.FINDING)))
    head = "> [!WARNING]\n> **Allowed by a waiver; without it, this would be blocked:**"
    return TextBlock(head, tuple(pieces), noun="finding that a waiver allows")


def warnings_block(plan: StagePlan, context: CommentContext) -> TextBlock:
    """Return the warnings, folded."""
    groups = group_alike(_findings(plan, Severity.WARN))
    pieces = []
    for group in groups:
        finding = group.findings[0]
        first = f"- {_subject(group)}: {_message(finding)} ({code(finding.rule)})"
        facts = [prose(finding.hint)] if finding.hint else []
        text = "; ".join([first, *facts, *_place(finding, plan, context)])
        pieces.append(Piece((text, ""), (Rank.WARNING,)))
    head = f"<details><summary>{plural(len(groups), 'warning')}</summary>"
    return TextBlock(head, tuple(pieces), "</details>", noun="warning")


def run_blocks(plan: StagePlan) -> Iterator[TextBlock]:
    """Yield what must be known of the run as a whole."""
    report = plan.report
    if report.error:
        yield TextBlock(f"> [!CAUTION]\n> **The run ended early:** {prose(report.error)}")
    if report.interrupted:
        yield TextBlock("> [!WARNING]\n> **The run was interrupted.** Units that are missing here were not planned.")
    if not report.refresh:
        yield TextBlock(f"> [!NOTE]\n> {NO_REFRESH}")
    if report.approved is not None:
        yield _applied(report.run, report.approved)


def _applied(run: str, approved: ApprovedPlans) -> TextBlock:
    """Return what was applied of the approved plans, by which run, and what was not as approved."""
    as_approved = sum(1 for each in approved.units if each.as_approved)
    planned = f", planned by {', '.join(code(each) for each in approved.runs)}" if approved.runs else ""
    others = [each for each in approved.units if not each.as_approved]
    head = f"**Applied by run {code(run)}**{planned}: {plural(as_approved, 'unit')} as approved"
    pieces = [
        Piece(
            (f"> - {code(each.unit)}: {': '.join(text for text in (prose(each.how), prose(each.cause)) if text)}", ""),
            (Rank.FINDING_FACTS,),
        )
        for each in others
    ]
    if not pieces:
        return TextBlock(f"> [!NOTE]\n> {head}.")
    return TextBlock(f"> [!WARNING]\n> {head}; {plural(len(others), 'other')}:", tuple(pieces), noun="unit")


def failures_block(plan: StagePlan) -> TextBlock:
    """Return what failed, each error once for all units that failed with it."""
    items = (item for section in arrange(plan.report) for item in section.items)
    pieces = tuple(_failure(item) for item in items if isinstance(item, SharedFailure))
    return TextBlock("", pieces, noun="error")


def _failure(failure: SharedFailure) -> Piece:
    first = failure.units[0]
    head = f"**{_named([unit.unit for unit in failure.units])} failed:** {prose(first.cause or 'no reason is known')}"
    lines = clean_block(first.error)
    forms = [f"{head}\n\n{fence(_first_lines(lines, number), 'text')}\n" for number in _ERROR_LINES if lines]
    return Piece((*forms, f"{head}\n", ""), (*(Rank.ERROR for _ in forms), Rank.FINDING_FACTS))


def _first_lines(lines: list[str], number: int) -> list[str]:
    more = [f"… {plural(len(lines) - number, 'more line')}"] if len(lines) > number else []
    return [line[:500] for line in lines[:number]] + more


def _blocked(group: SharedFinding, plan: StagePlan, context: CommentContext) -> Iterator[str]:
    finding = group.findings[0]
    yield f"{_headline(group)} Nothing in {prose(plan.stage)} can be applied while this stands."
    command = waive_command(finding)
    way_out = prose(finding.hint) or "change what the plan does"
    said = (
        "orch waive" in finding.hint or "the waiver " in finding.hint
    )  # the hint has the command, or says why there is a waiver that does not count
    facts = (
        ("What", f"{code(finding.address)} {_WHAT[finding.action]}" if finding.action in _WHAT else ""),
        ("Why", _why(finding, plan, whole=context.whole)),
        ("Lost", prose(finding.lost)),
        ("Where", ", ".join(_place(finding, plan, context))),
        ("Way out", f"{way_out}; or, after agreement, {code(command)}" if command and not said else way_out),
        ("Finding", f"{code(finding.rule)} {_ids(group)}"),
    )
    for name, text in facts:
        if text:
            yield f"- **{name}:** {text}"


def _why(finding: Finding, plan: StagePlan, *, whole: bool) -> str:
    """Return the cause of a finding, with the values of the attributes that force the replacement."""
    forcing = list(_forcing(finding, plan, whole=whole))
    if forcing and finding.cause.endswith(_IN_PLACE):
        return f"{'; '.join(forcing)}, and {_IN_PLACE.strip()}"
    return "; ".join([*([prose(finding.cause)] if finding.cause else []), *forcing])


def _forcing(finding: Finding, plan: StagePlan, *, whole: bool) -> Iterator[str]:
    """Yield how each attribute changes that forces the replacement of a finding's resource."""
    changes = [change for unit in plan.report.units if unit.unit == finding.unit for change in unit.changes]
    attributes = [
        each for change in changes if change.address == short_address(finding.address) for each in change.attributes
    ]
    for each in [each for each in attributes if each.forces_replacement][:_FORCING]:
        values = shown_values(each, whole=whole)
        before, after = (code(text if whole else shorten(text, limit=_VALUE)) for text in values)
        how = (
            f"changed from {before} to {after}"
            if before and after
            else f"is new: {after}"
            if after
            else f"was {before}"
        )
        yield f"{code(each.path)} {how}"


def _blocked_briefly(group: SharedFinding) -> Iterator[str]:
    yield f"{_headline(group)} {code(group.findings[0].rule)} {_ids(group)}"


def _headline(group: SharedFinding) -> str:
    finding = group.findings[0]
    if finding.inside[:1].isdigit() and not finding.inside.startswith("0 ") and finding.action in _LOSING:
        return f"**{_subject(group)} would lose {prose(finding.inside)}: {_message(finding)}.**"
    inside = f" It contains {prose(finding.inside)}." if finding.inside else ""
    return f"**{_subject(group)}: {_message(finding)}.**{inside}"


def _message(finding: Finding) -> str:
    """Return the message of a finding, with the address if it does not say it."""
    address = finding.address.removeprefix("module.this.")
    text = prose(finding.message).removesuffix(".")
    return text if not address or address in finding.message else f"{text} ({code(address)})"


def _subject(group: SharedFinding) -> str:
    return _named([finding.unit for finding in group.findings])


def _named(units: Iterable[str]) -> str:
    names = list(dict.fromkeys(units))
    more = f" and {plural(len(names) - _UNITS, 'more unit')}" if len(names) > _UNITS else ""
    return ", ".join(code(name) for name in names[:_UNITS]) + more


def _ids(group: SharedFinding) -> str:
    ids = [finding.id for finding in group.findings]
    return ", ".join(code(each) for each in ids[:_UNITS]) + (" …" if len(ids) > _UNITS else "")


def _place(finding: Finding, plan: StagePlan, context: CommentContext) -> list[str]:
    return [changed_place(finding.where, plan.report, context)] if finding.where else []


def _findings(plan: StagePlan, severity: Severity) -> list[Finding]:
    return [each for unit in plan.report.units for each in unit.findings if each.severity is severity]


def _quoted(lines: Iterable[str]) -> Iterator[str]:
    yield from (f"> {line}" for line in lines)


def _separated(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield pieces of one quote, each a paragraph of its own."""
    for number, piece in enumerate(pieces):
        yield piece if not number else Piece(tuple(form and f">\n{form}" for form in piece.forms), piece.ranks)
