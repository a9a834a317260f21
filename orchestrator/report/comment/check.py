"""The check of a stage: how it ended, and notes on the lines of the change, for the checks page of a code host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.errors import Location
from orchestrator.guard.model import Finding, Severity
from orchestrator.report.check_result import CheckResult
from orchestrator.report.comment.body import StageComment
from orchestrator.report.comment.rows import UnitKind, headline_text, kinds_of
from orchestrator.report.comment.stage import StagePlan
from orchestrator.report.text import shorten

_FOLDERS = ("live/", "modules/", "policies/")
"""Where notes on lines may stand."""
_LONGEST_NOTE = 4_000
"""Characters of a note: GitHub refuses a check with one of more than 64 KB."""


class Conclusion(StrEnum):
    """How a check ended. A code host lets a change merge after the first two."""

    SUCCESS = "success"
    """Nothing changes."""
    NEUTRAL = "neutral"
    """There are changes to read, and nothing is wrong with them."""
    FAILURE = "failure"
    """A unit could not be planned, or the run ended early."""
    ACTION_REQUIRED = "action_required"
    """A policy blocks: change the configuration, or agree on a waiver."""


class NoteLevel(StrEnum):
    """How a note on a line is shown."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A note on a line.

    Attributes:
        where: the line; 1 if only the file is known.
        level: how it is shown.
        title: the rule, and the units in which it found something.
        message: what is wrong, why, and what to do: plain text.
    """

    where: Location
    level: NoteLevel
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class StageCheck:
    """The check of one stage.

    Attributes:
        name: ``orch: prod``.
        conclusion: how it ended.
        title: one line.
        summary: Markdown: the comment.
        annotations: notes on lines of the repository.
    """

    name: str
    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[Annotation, ...]


def stage_check(plan: StagePlan, comment: StageComment) -> StageCheck:
    """Return the check of a stage.

    Args:
        plan: the plans of the stage.
        comment: the comment about them. One that had to leave out what is destroyed requires somebody's action.
    """
    headline = headline_text(plan, plan.stage)
    conclusion = Conclusion.ACTION_REQUIRED if comment.hides_losses else _conclusion(plan)
    return StageCheck(
        name=f"orch: {plan.stage}",
        conclusion=conclusion,
        title=headline.partition(" ")[2],
        summary=comment.text.partition("\n")[2],
        annotations=tuple(_annotations(finding for unit in plan.report.units for finding in unit.findings)),
    )


def finding_results(plan: StagePlan) -> Iterator[CheckResult]:
    """Yield the findings of a stage as results of checks, for SARIF and JUnit; one line for each unit without any."""
    for unit in plan.report.units:
        for finding in unit.findings:
            text = _message(finding)
            blocks = finding.severity is Severity.BLOCK
            yield CheckResult(
                check="plan",
                subject=f"{unit.unit}: {finding.address}",
                problem=text if blocks else "",
                note="" if blocks else text,
                where=finding.where,
                rule=finding.rule,
            )
        if not unit.findings:
            problem = (unit.cause or "failed") if kinds_of(plan)[unit.unit] is UnitKind.FAILED else ""
            yield CheckResult("plan", unit.unit, problem)


def _conclusion(plan: StagePlan) -> Conclusion:
    kinds = set(kinds_of(plan).values())
    failed = {UnitKind.FAILED, UnitKind.UNKNOWN, UnitKind.STALE, UnitKind.INTERRUPTED, UnitKind.SKIPPED}
    if UnitKind.BLOCKED in kinds:
        return Conclusion.ACTION_REQUIRED
    if plan.report.error or plan.report.interrupted or kinds & failed:
        return Conclusion.FAILURE
    done = {UnitKind.UNCHANGED, UnitKind.APPLIED, UnitKind.DESTROYED, UnitKind.MOVED, UnitKind.ADOPTED}
    return Conclusion.SUCCESS if kinds <= done and not plan.before else Conclusion.NEUTRAL


def _annotations(findings: Iterable[Finding]) -> Iterator[Annotation]:
    """Yield a note for each line and message, once for all units that have it."""
    levels = {Severity.BLOCK: NoteLevel.FAILURE, Severity.WARN: NoteLevel.WARNING, Severity.WAIVED: NoteLevel.NOTICE}
    groups: dict[tuple[Location, NoteLevel, str, str], list[str]] = {}
    for finding in findings:
        where = finding.where
        if where is None or not where.file.startswith(_FOLDERS) or ".." in where.file.split("/"):
            continue
        place = Location(where.file, max(where.line, 1), where.column)
        units = groups.setdefault((place, levels[finding.severity], finding.rule, _message(finding)), [])
        units.append(finding.unit)
    for (place, level, rule, message), units in groups.items():
        shown = shorten(message, limit=_LONGEST_NOTE)
        yield Annotation(place, level, f"{rule} in {', '.join(dict.fromkeys(units))}"[:255], shown)


def _message(finding: Finding) -> str:
    parts = (
        finding.message,
        f"because {finding.cause}" if finding.cause and finding.cause not in finding.message else "",
        f"allowed by {finding.waiver}" if finding.waiver else finding.hint,
    )
    return "; ".join(part for part in parts if part)
