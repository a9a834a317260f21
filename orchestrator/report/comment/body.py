"""The comment of a stage: marker, headline, what is blocked, table, details; at most as long as code hosts accept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.details import before_blocks, detail_blocks, unchanged_block
from orchestrator.report.comment.fit import TextBlock, fit
from orchestrator.report.comment.footer import footer_lines
from orchestrator.report.comment.inert import prose
from orchestrator.report.comment.marker import Marker
from orchestrator.report.comment.notices import (
    blocked_block,
    failures_block,
    run_blocks,
    waivers_block,
    warnings_block,
)
from orchestrator.report.comment.rows import TABLE_HEAD, headline_text, table_rows
from orchestrator.report.comment.stage import StagePlan

LONGEST_COMMENT = 65_535
"""UTF-16 units: GitHub refuses 65,536 characters and more; GitLab takes a million."""

_TOO_LONG = (
    "> [!CAUTION]\n> **This comment does not show everything that is blocked, destroyed, replaced or forgotten.** "
    "It is too much for a comment: read the full report before you approve."
)


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
    yield blocked_block(plan, context)
    yield waivers_block(plan, context)
    yield TextBlock(TABLE_HEAD, tuple(table_rows(plan)), noun="unit")
    yield from detail_blocks(plan, context)
    yield failures_block(plan)
    yield warnings_block(plan, context)
    yield from before_blocks(plan, context)
    yield unchanged_block(plan, context.change)
    yield TextBlock("  \n".join(footer_lines(plan, context)))
