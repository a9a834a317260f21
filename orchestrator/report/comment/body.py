"""The comment of a stage: marker, headline, what is blocked, table, details; at most as long as code hosts accept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.guard.model import Severity
from orchestrator.report.comment.details import before_blocks, detail_blocks, unchanged_block
from orchestrator.report.comment.fit import TextBlock, fit
from orchestrator.report.comment.inert import code, prose
from orchestrator.report.comment.marker import Marker
from orchestrator.report.comment.notices import (
    blocked_block,
    failures_block,
    run_blocks,
    waivers_block,
    warnings_block,
)
from orchestrator.report.comment.rows import TABLE_HEAD, UnitKind, headline_text, kinds_of, table_rows
from orchestrator.report.comment.stage import StagePlan
from orchestrator.util.plural import plural

LONGEST_COMMENT = 65_535
"""UTF-16 units: GitHub refuses 65,536 characters and more; GitLab takes a million."""

_TOO_LONG = (
    "> [!CAUTION]\n> **This comment does not show everything that is blocked, destroyed, replaced or forgotten.** "
    "It is too much for a comment: read the full report before you approve."
)


@dataclass(frozen=True, slots=True)
class CommentContext:
    """What a comment says of the run of the CI that makes it.

    Attributes:
        run: number and attempt of the CI's run (``1187.1``), or orch's run id.
        head: the commit; empty if not known.
        source_url: address of the repository's files at that commit; empty: no links.
        report_url: address of the full report; empty: no link.
    """

    run: str
    head: str = ""
    source_url: str = ""
    report_url: str = ""


@dataclass(frozen=True, slots=True)
class StageComment:
    """The comment of one stage.

    Attributes:
        stage: the stage.
        marker: its first line.
        text: the Markdown, the marker included.
        hides_losses: not even everything that is blocked or destroyed fits into it.
    """

    stage: str
    marker: Marker
    text: str
    hides_losses: bool = False


def stage_comment(plan: StagePlan, context: CommentContext, *, limit: int = LONGEST_COMMENT) -> StageComment:
    """Return the comment of a stage.

    Args:
        plan: the plans of the stage.
        context: the run of the CI.
        limit: the largest length, in UTF-16 units.
    """
    marker = Marker(plan.stage, context.run, context.head, plan.plans)
    title = TextBlock(f"{marker}\n### {headline_text(plan, prose(plan.stage))}")
    blocks = list(_blocks(plan, context))
    fitted = fit([title, *blocks], limit)
    if fitted.hides_losses:
        fitted = fit([title, TextBlock(_TOO_LONG), *blocks], limit)
    return StageComment(plan.stage, marker, fitted.text, fitted.hides_losses)


def _blocks(plan: StagePlan, context: CommentContext) -> Iterator[TextBlock]:
    yield from run_blocks(plan)
    yield blocked_block(plan, context.source_url)
    yield waivers_block(plan, context.source_url)
    yield TextBlock(TABLE_HEAD, tuple(table_rows(plan)), noun="unit")
    yield from detail_blocks(plan)
    yield failures_block(plan)
    yield warnings_block(plan, context.source_url)
    yield from before_blocks(plan)
    yield unchanged_block(plan)
    yield TextBlock("  \n".join(_footer(plan, context)))


def _footer(plan: StagePlan, context: CommentContext) -> Iterator[str]:
    facts = []
    if plan.receipts:
        checks = {check for receipt in plan.receipts.values() for check in receipt.checks}
        facts.append(f"Judged: {plural(len(checks), 'check')} ran on {plural(len(plan.receipts), 'plan')}")
    if context.report_url:
        facts.append(f"[full report]({context.report_url})")
    facts.append(f"run {code(context.run)}" + (f" of commit {code(context.head[:7])}" if context.head else ""))
    yield " · ".join(facts)
    if text := _next_step(plan):
        yield f"**Next:** {text}"


def _next_step(plan: StagePlan) -> str:
    kinds = set(kinds_of(plan).values())
    if plan.report.verb == "drift":
        return _next_after_drift(plan) if kinds - {UnitKind.UNCHANGED} else ""
    apply = f"after the merge, {code(f'orch apply {plan.stage}')}."
    if UnitKind.BLOCKED in kinds:
        return f"resolve what is blocked; {apply}"
    if plan.report.error or kinds & {UnitKind.FAILED, UnitKind.UNKNOWN, UnitKind.STALE, UnitKind.INTERRUPTED}:
        return "repair what failed, and plan again."
    if kinds <= {UnitKind.UNCHANGED, UnitKind.APPLIED, UnitKind.DESTROYED, UnitKind.MOVED, UnitKind.ADOPTED}:
        return f"{apply[0].upper()}{apply[1:]}" if plan.before else ""
    waived = any(finding.severity is Severity.WAIVED for unit in plan.report.units for finding in unit.findings)
    return f"read what the waiver allows; {apply}" if waived else apply


def _next_after_drift(plan: StagePlan) -> str:
    back = code(f"orch apply {plan.stage}")
    return f"{back} sets what {code('live/')} says again; to keep a change that somebody made, write it there first."
