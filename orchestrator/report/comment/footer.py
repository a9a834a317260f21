"""The last lines of a comment: how much was judged, how long the plans are valid, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.guard.model import Severity
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.inert import code
from orchestrator.report.comment.rows import UnitKind, kinds_of
from orchestrator.report.comment.stage import StagePlan
from orchestrator.report.text import moment_text
from orchestrator.util.plural import plural

_REPAIR = frozenset({UnitKind.FAILED, UnitKind.UNKNOWN, UnitKind.STALE, UnitKind.INTERRUPTED})
_DONE = frozenset({UnitKind.UNCHANGED, UnitKind.APPLIED, UnitKind.DESTROYED, UnitKind.MOVED, UnitKind.ADOPTED})


def footer_lines(plan: StagePlan, context: CommentContext) -> Iterator[str]:
    """Yield the last lines of a comment, as Markdown."""
    yield " · ".join(_facts(plan, context))
    if text := _next_step(plan, context):
        yield f"**Next:** {text}"


def _facts(plan: StagePlan, context: CommentContext) -> Iterator[str]:
    judged = [unit.judged for unit in plan.report.units if unit.judged is not None]
    if judged:
        expected = {check for each in judged for check in each.expected}
        incomplete = {check for each in judged for check in set(each.expected) - set(each.checks)}
        ran = f"{len(expected - incomplete)} of {plural(len(expected), 'check')} ran on " if expected else ""
        yield f"Judged: {ran}{plural(len(judged), 'plan')}"
    if context.report_url:
        yield f"[full report]({context.report_url})"
    if plan.report.stored is not None:
        yield f"plans valid until {_moment(plan.report.stored.expires)} or until their inputs change"
    yield f"run {code(context.run)}" + (f" of commit {code(context.head[:7])}" if context.head else "")


def _moment(time: str) -> str:
    text = moment_text(time)
    return text if text != time else code(time)


def _next_step(plan: StagePlan, context: CommentContext) -> str:
    kinds = set(kinds_of(plan).values())
    if plan.report.verb == "drift":
        return _next_after_drift(plan) if kinds - {UnitKind.UNCHANGED} else ""
    apply = _apply(plan, context)
    if UnitKind.BLOCKED in kinds:
        return f"resolve what is blocked. {apply}"
    if plan.report.error or kinds & _REPAIR:
        return "repair what failed, and plan again."
    if kinds <= _DONE:
        return apply if plan.before else ""
    waived = any(finding.severity is Severity.WAIVED for unit in plan.report.units for finding in unit.findings)
    return f"read what the waiver allows. {apply}" if waived else f"{apply[0].lower()}{apply[1:]}"


def _apply(plan: StagePlan, context: CommentContext) -> str:
    """Return what happens after the merge: stored plans are applied as they are, others are made anew."""
    stored = plan.report.stored
    command = f"orch apply {plan.stage}"
    if stored is not None:
        command += " --approved" if stored.place == "s3" else f" --approved {stored.place}"
    return f"After the merge{' CI runs' if context.in_ci else ':'} {code(command)}."


def _next_after_drift(plan: StagePlan) -> str:
    back = code(f"orch apply {plan.stage}")
    return f"{back} sets what {code('live/')} says again; to keep a change that somebody made, write it there first."
