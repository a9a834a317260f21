"""What an apply did, in the comment of the pull request that it applied: by which run, and whether as approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.ci.planned_units import PlannedUnit, PlannedUnits, digests
from orchestrator.ci.sections import CommentSection
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.fit import length
from orchestrator.report.comment.inert import code, prose
from orchestrator.report.comment.stage import StagePlan
from orchestrator.report.model import Status, UnitReport
from orchestrator.report.outcome import sums
from orchestrator.util.plural import agreeing, plural

WRITING_VERBS = frozenset({"apply", "destroy", "move", "adopt"})
"""Commands whose runs write states."""
_WRITTEN = frozenset({Status.APPLIED, Status.DESTROYED, Status.MOVED, Status.ADOPTED})
_NAMED = 5
_MOST_LINES = 3
_LONGEST_FACT = 300


@dataclass(frozen=True, slots=True)
class _Difference:
    """Units that were not applied as the comment shows them. ``text``: Markdown that says how."""

    units: tuple[str, ...]
    text: str


def is_written(unit: UnitReport) -> bool:
    """Return whether an apply wrote the state of a unit."""
    return unit.status in _WRITTEN and bool(unit.changes or unit.outputs_changed)


def applied_line(plan: StagePlan, context: CommentContext, shown: PlannedUnits | None) -> str:
    """Return one line: what an apply run did in a stage, which run it was, and whether it was as approved.

    Args:
        plan: the units of the apply run, as of a plan.
        context: the run of the CI.
        shown: what the comment shows; None if it does not say.
    """
    units = plan.report.units
    written = [unit for unit in units if is_written(unit)]
    failed = [unit.unit for unit in units if not (unit.status in _WRITTEN or unit.status is Status.UNCHANGED)]
    counts = ", ".join(f"{number} {action}" for action, number in sums(written).items() if number)
    done = f"{plural(len(written), 'unit')}{f' ({counts})' if counts else ''}"
    sign, word = ("❌", "Applied in part") if failed or plan.report.error else ("✅", "Applied")
    if plan.report.verb == "destroy":
        word = word.replace("Applied", "Destroyed")
    run = code(context.run)
    by = f"[{run}]({context.report_url})" if context.report_url else run
    of = f" of commit {code(context.head[:7])}" if context.head else ""
    facts = [_as_approved(plan, written, shown)]
    if failed:
        facts.append(_at_most(f"not done: {_codes(failed)}", f"not done: {plural(len(failed), 'unit')}"))
    return f"{sign} **{word}:** {done}, by run {by}{of}; {'; '.join(facts)}."


def applied_section(old: CommentSection | None, line: str, run: str) -> CommentSection:
    """Return the section with a line added, or replaced if it is of the same run; the newest lines remain."""
    lines = [each for each in (old.text if old else "").splitlines() if each.strip()]
    kept = [
        each.rstrip() for each in lines if f"by run {code(run)}" not in each and f"by run [{code(run)}]" not in each
    ]
    return CommentSection("  \n".join([*kept, line][-_MOST_LINES:]))


def _as_approved(plan: StagePlan, written: list[UnitReport], shown: PlannedUnits | None) -> str:
    """Return whether an apply was as approved, by its own record of stored plans, or else by what the comment shows."""
    if plan.report.approved is not None:
        names = {unit.unit for unit in plan.report.units}
        differ: dict[str, list[str]] = {}
        for each in plan.report.approved.units:
            if each.unit in names and not each.as_approved:
                differ.setdefault(": ".join(text for text in (each.how, each.cause) if text), []).append(each.unit)
        found = [_Difference(tuple(units), prose(how, limit=120)) for how, units in differ.items()]
        return _joined(found) or "exactly as approved"
    if not written:
        return "nothing had to change"
    if shown is None:
        return "this comment does not say which plans it shows, so nobody can tell whether it was as shown"
    return _joined(list(_differences(written, {unit.unit: unit for unit in shown.units}, more=shown.more))) or (
        "the changes were those shown here"
    )


def _differences(written: list[UnitReport], shown: Mapping[str, PlannedUnit], *, more: int) -> Iterator[_Difference]:
    missing = tuple(unit.unit for unit in written if unit.unit not in shown)
    if missing:
        yield _Difference(missing, "perhaps not shown here" if more else "not shown here")
    other = []
    for unit in written:
        planned = shown.get(unit.unit)
        if planned is None:
            continue
        whole, actions = digests(unit.changes)
        if not (whole == planned.shown or (planned.preview and actions == planned.actions)):
            other.append(unit.unit)
    if other:
        yield _Difference(tuple(other), "with other changes than shown here")


def _joined(differences: list[_Difference]) -> str:
    if not differences:
        return ""
    number = sum(len(each.units) for each in differences)
    texts = "; ".join(f"{_codes(each.units)} {each.text}" for each in differences)
    head = f"**{number} {agreeing(number, 'was', 'were')} not as approved**"
    return _at_most(f"{head}: {texts}", head)


def _at_most(text: str, brief: str) -> str:
    """Return a text, or a brief one in its place. Markdown that is cut could end within code, and then act."""
    return text if length(text) <= _LONGEST_FACT else brief


def _codes(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {plural(len(names) - _NAMED, 'more unit')}" if len(names) > _NAMED else ""
    return ", ".join(code(name) for name in names[:_NAMED]) + more
