"""Plans of open pull requests that an apply made stale, and the mark in their comments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.ci.applied import WRITING_VERBS, is_written
from orchestrator.ci.host import CodeHost, HostMissingError
from orchestrator.ci.open_plans import OpenPlan
from orchestrator.ci.planned_units import PlannedUnit, PlannedUnits, run_started
from orchestrator.ci.sections import CommentSection, SectionName, quoted, with_sections
from orchestrator.ci.sticky import same_text
from orchestrator.report.comment.check import Conclusion, StageCheck
from orchestrator.report.comment.inert import code
from orchestrator.report.comment.marker import parse_marker
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.model import UnitReport
from orchestrator.report.outcome import sums
from orchestrator.report.text import clean
from orchestrator.terraform.model import Action
from orchestrator.util.plural import plural

_NAMED = 3


@dataclass(frozen=True, slots=True)
class AppliedUnit:
    """A unit whose state an apply wrote.

    Attributes:
        report: how it ended.
        run: orch's id of the run.
        seconds: how long that run took.
        lineage, serial: the state that it wrote; empty and -1 if not known.
    """

    report: UnitReport
    run: str
    seconds: float
    lineage: str = ""
    serial: int = -1


@dataclass(frozen=True, slots=True)
class StaleUnit:
    """A planned unit whose plan is stale. ``cause``: the applied unit that did it: the unit itself or an upstream."""

    unit: str
    cause: AppliedUnit


def applied_units(records: Iterable[RunRecord]) -> list[AppliedUnit]:
    """Return the units whose states the runs wrote: those that failed halfway too."""
    found = []
    for record in records:
        if record.report.verb not in WRITING_VERBS:
            continue
        for unit in record.report.units:
            receipt = record.receipts.get(unit.unit)
            wrote = receipt.wrote if receipt is not None else None
            if is_written(unit) or wrote is not None:
                state = (wrote.lineage, wrote.last) if wrote is not None else ("", -1)
                found.append(AppliedUnit(unit, record.report.run, record.report.seconds, *state))
    return found


def stale_units(
    planned: PlannedUnits, applied: Iterable[AppliedUnit], below: Callable[[str], Collection[str]]
) -> list[StaleUnit]:
    """Return the planned units that an apply made stale: the same unit, or one that reads its changed outputs.

    Args:
        planned: what a pull request plans.
        applied: what was applied.
        below: returns the downstreams of a unit.
    """
    found: dict[str, StaleUnit] = {}
    for each in applied:
        if _planned_later(planned, each):
            continue
        reads = below(each.report.unit) if each.report.outputs_changed else ()
        for unit in planned.units:
            same = unit.unit == each.report.unit and not _from_that_state(unit, each)
            if same or unit.unit in reads:
                found.setdefault(unit.unit, StaleUnit(unit.unit, each))
    return list(found.values())


def stale_section(stale: Iterable[StaleUnit], by: str) -> CommentSection:
    """Return the mark of a comment whose plans are stale.

    Args:
        stale: the units.
        by: Markdown: the pull request and the run that did it.
    """
    units = list(stale)
    lines = [f"**These plans are stale: {by} applied other changes.** Plan again before you approve or apply."]
    lines += [f"- {code(each.unit)}: {_change(each)}" for each in units]
    return CommentSection(quoted("WARNING", lines), tuple(each.unit for each in units))


def stale_check(stage: str, stale: Sequence[StaleUnit], by: str, section: CommentSection) -> StageCheck:
    """Return the check of a stage whose plans are stale. It passes again with the next plan.

    Args:
        stage: the stage.
        stale: the units, at least one.
        by: plain text: the pull request or the run that did it.
        section: the mark of its comment.
    """
    first, *others = stale
    applied = first.cause.report
    counts = ", ".join(_counts(applied)) or "changed"
    unit = first.unit if first.unit == applied.unit else f"{first.unit} reads {applied.unit}"
    more = f", and {plural(len(others), 'more unit')}" if others else ""
    title = clean(f"stale: {unit}, applied by {by} ({counts}){more}; plan again")
    return StageCheck(f"orch: {stage}", Conclusion.ACTION_REQUIRED, title, section.text, ())


def set_stale_check(host: CodeHost, plan: OpenPlan, check: StageCheck, *, url: str) -> str:
    """Set the check of another pull request, in the place of its plan's; return which kind, or nothing.

    It counts as one of the plan's run: the check of a newer plan stays, and the next plan takes its place. Nothing is
    set if the plan is of another commit than the head.

    Args:
        host: the code host.
        plan: the plan that is stale.
        check: its check.
        url: the page of what made it stale; empty: the comment.

    Raises:
        HostError: as every call of `CodeHost`.
    """
    marker, head = plan.comment.marker, plan.pull_request.head
    if not marker.head or not head.startswith(marker.head):
        return ""
    try:
        return host.set_check(head, check, run=marker.run, url=url or plan.comment.comment.url)
    except HostMissingError:
        return ""


def mark_stale(
    host: CodeHost, plans: Iterable[OpenPlan], found: Mapping[int, CommentSection], *, dry_run: bool = False
) -> list[OpenPlan]:
    """Mark the comments of other pull requests; return those that were marked, or would be.

    Args:
        host: the code host.
        plans: the comments, with the pull requests they belong to.
        found: id of a comment -> its mark.
        dry_run: write nothing.

    Raises:
        HostError: as every call of `CodeHost`.
    """
    return [plan for plan in plans if plan.comment.comment.id in found and _mark(host, plan, found, dry_run=dry_run)]


def _mark(host: CodeHost, plan: OpenPlan, found: Mapping[int, CommentSection], *, dry_run: bool) -> bool:
    """Mark a comment as it is right now; a newer plan that was posted meanwhile is not stale."""
    number, comment = plan.pull_request.number, plan.comment.comment
    try:
        now = host.comment(number, comment.id)
        if parse_marker(now.body) != plan.comment.marker:
            return False
        text = with_sections(now.body, {SectionName.STALE: found[comment.id]})
        if not dry_run and not same_text(text, now.body):
            host.update_comment(number, comment.id, text)
    except HostMissingError:
        return False
    return True


def _planned_later(planned: PlannedUnits, applied: AppliedUnit) -> bool:
    """Return whether the plans were made after the apply had ended."""
    began, start = planned.planned_at, run_started(applied.run)
    return began is not None and start is not None and began > start + timedelta(seconds=applied.seconds)


def _from_that_state(unit: PlannedUnit, applied: AppliedUnit) -> bool:
    """Return whether a unit was planned from the state that an apply wrote, or a later one."""
    return bool(applied.lineage) and unit.lineage == applied.lineage and unit.serial >= applied.serial >= 0


def _change(stale: StaleUnit) -> str:
    report = stale.cause.report
    what = ", ".join([*_counts(report), *_addresses(report)])
    if stale.unit == report.unit:
        return f"its state has changed ({what})" if what else "its state has changed"
    outputs = ", ".join(code(name) for name in report.outputs_changed[:_NAMED])
    return f"its upstream {code(report.unit)} has changed ({what}; outputs {outputs})"


def _counts(report: UnitReport) -> Iterator[str]:
    yield from (f"{number} {action}" for action, number in sums([report]).items() if number)


def _addresses(report: UnitReport) -> Iterator[str]:
    changed = [change.address for change in report.changes if change.action is not Action.READ]
    yield from (code(address) for address in changed[:_NAMED])
    if len(changed) > _NAMED:
        yield f"and {len(changed) - _NAMED} more"
