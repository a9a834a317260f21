"""What a comment says in words: what is blocked and the way out, waivers, warnings, failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.guard.model import Finding, Severity
from orchestrator.report.comment.fit import Piece, Rank, TextBlock
from orchestrator.report.comment.inert import code, fence, place_link, prose
from orchestrator.report.comment.stage import StagePlan
from orchestrator.report.final.past import waive_command
from orchestrator.report.final.sections import SharedFailure, SharedFinding, arrange, group_alike
from orchestrator.report.model import Status
from orchestrator.report.text import NO_REFRESH, clean_block
from orchestrator.util.plural import plural

_ERROR_LINES = (60, 8)
"""Lines shown of one error, and fewer when the comment is long."""
_UNITS = 20
"""Units that one notice names."""


def blocked_block(plan: StagePlan, source_url: str) -> TextBlock:
    """Return every blocking finding: what, why, where, and the way out. Findings that differ in unit only are one."""
    pieces = []
    for group in group_alike(_findings(plan, Severity.BLOCK)):
        full = "\n".join(_quoted(_blocked(group, plan.stage, source_url)))
        short = "\n".join(_quoted(_blocked_briefly(group)))
        pieces.append(Piece((full, short, ""), (Rank.FINDING_FACTS, Rank.FINDING)))
    # A unit can be blocked without a finding, such as by a state that somebody changed.
    known = {finding.unit for finding in _findings(plan, Severity.BLOCK)}
    for unit in plan.report.units:
        if unit.status is Status.BLOCKED and unit.unit not in known:
            text = f"> **{code(unit.unit)} is blocked:** {prose(unit.cause or unit.error)}"
            pieces.append(Piece((text, ""), (Rank.FINDING,)))
    return TextBlock("> [!CAUTION]", tuple(_separated(pieces)), noun="blocking finding")


def waivers_block(plan: StagePlan, source_url: str) -> TextBlock:
    """Return every finding that a waiver allows, with the owner and the reason."""
    pieces = []
    for group in group_alike(_findings(plan, Severity.WAIVED)):
        finding = group.findings[0]
        first = f"> - {_subject(group)}: {_message(finding)} ({code(finding.rule)})"
        facts = [f"allowed by {prose(finding.waiver)}", *_place(finding, source_url)]
        pieces.append(Piece(("; ".join([first, *facts]), first, ""), (Rank.FINDING_FACTS, Rank.FINDING)))
    head = "> [!WARNING]\n> **Allowed by a waiver; without it, this would be blocked:**"
    return TextBlock(head, tuple(pieces), noun="finding that a waiver allows")


def warnings_block(plan: StagePlan, source_url: str) -> TextBlock:
    """Return the warnings, folded."""
    groups = group_alike(_findings(plan, Severity.WARN))
    pieces = []
    for group in groups:
        finding = group.findings[0]
        first = f"- {_subject(group)}: {_message(finding)} ({code(finding.rule)})"
        facts = [prose(finding.hint)] if finding.hint else []
        text = "; ".join([first, *facts, *_place(finding, source_url)])
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


def _blocked(group: SharedFinding, stage: str, source_url: str) -> Iterator[str]:
    finding = group.findings[0]
    yield f"{_headline(group)} Nothing in {prose(stage)} can be applied while this stands."
    command = waive_command(finding)
    way_out = prose(finding.hint) or "change what the plan does"
    facts = (
        ("Why", prose(finding.cause)),
        ("Lost", prose(finding.lost)),
        ("Where", ", ".join(_place(finding, source_url))),
        ("Way out", f"{way_out}; or, after agreement, {code(command)}" if command else way_out),
        ("Finding", f"{code(finding.rule)} {_ids(group)}"),
    )
    for name, text in facts:
        if text:
            yield f"- **{name}:** {text}"


def _blocked_briefly(group: SharedFinding) -> Iterator[str]:
    yield f"{_headline(group)} {code(group.findings[0].rule)} {_ids(group)}"


def _headline(group: SharedFinding) -> str:
    finding = group.findings[0]
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


def _place(finding: Finding, source_url: str) -> list[str]:
    return [place_link(finding.where, source_url)] if finding.where else []


def _findings(plan: StagePlan, severity: Severity) -> list[Finding]:
    return [each for unit in plan.report.units for each in unit.findings if each.severity is severity]


def _quoted(lines: Iterable[str]) -> Iterator[str]:
    yield from (f"> {line}" for line in lines)


def _separated(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield pieces of one quote, each a paragraph of its own."""
    for number, piece in enumerate(pieces):
        yield piece if not number else Piece(tuple(form and f">\n{form}" for form in piece.forms), piece.ranks)
