"""The headline of a comment and its table: how many units end how, and a row for each unit that changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum

from orchestrator.guard.model import Severity
from orchestrator.report.comment.fit import Piece, Rank
from orchestrator.report.comment.inert import code, prose, signed
from orchestrator.report.comment.stage import StagePlan
from orchestrator.report.model import Status, UnitReport
from orchestrator.report.text import PREVIEWED_AGAINST, extras
from orchestrator.terraform.model import Action
from orchestrator.util.plural import plural

TABLE_HEAD = "| | unit | create | update | replace | destroy | note |\n|---|---|--:|--:|--:|--:|---|"
_LISTED = 3
"""Addresses that a row names; the details have all."""
_CAUSE = 160


class UnitKind(Enum):
    """What a reader of the headline wants to know of a unit, the most important first: its sign, and its word."""

    BLOCKED = "🛑", "blocked"
    FAILED = "❌", "failed"
    UNKNOWN = "❌", "unknown"
    STALE = "❌", "no longer as approved"
    DESTROY = "⚠️", "destroy"
    REPLACE = "⚠️", "replace"
    FORGET = "⚠️", "forget"
    INTERRUPTED = "⏸️", "interrupted"
    SKIPPED = "⏸️", "skipped"
    DECLINED = "⏸️", "declined"
    DRIFTED = "📝", "changed outside"
    CREATE = "📝", "create"
    UPDATE = "📝", "update"
    WAITING = "⏳", "planned after its upstreams"
    APPLIED = "✅", "applied"
    DESTROYED = "✅", "destroyed"
    MOVED = "✅", "moved"
    ADOPTED = "✅", "adopted"
    UNCHANGED = "✅", "unchanged"

    @property
    def sign(self) -> str:
        """The sign in front of the word."""
        return self.value[0]

    @property
    def word(self) -> str:
        """The word."""
        return self.value[1]

    @property
    def never_dropped(self) -> bool:
        """Whether a unit of this kind has its row however long the comment is."""
        return self in _NEVER_DROPPED


_NEVER_DROPPED = frozenset(tuple(UnitKind)[: tuple(UnitKind).index(UnitKind.FORGET) + 1])
_BY_STATUS = {
    Status.BLOCKED: UnitKind.BLOCKED,
    Status.FAILED: UnitKind.FAILED,
    Status.UNKNOWN: UnitKind.UNKNOWN,
    Status.STALE: UnitKind.STALE,
    Status.INTERRUPTED: UnitKind.INTERRUPTED,
    Status.SKIPPED: UnitKind.SKIPPED,
    Status.DECLINED: UnitKind.DECLINED,
    Status.AFTER_UPSTREAMS: UnitKind.WAITING,
    Status.APPLIED: UnitKind.APPLIED,
    Status.DESTROYED: UnitKind.DESTROYED,
    Status.MOVED: UnitKind.MOVED,
    Status.ADOPTED: UnitKind.ADOPTED,
    Status.UNCHANGED: UnitKind.UNCHANGED,
}
_LOSSES = {
    Action.DELETE: UnitKind.DESTROY,
    Action.REPLACE: UnitKind.REPLACE,
    Action.FORGET: UnitKind.FORGET,
}


def unit_kind(unit: UnitReport, plan: StagePlan) -> UnitKind:
    """Return the kind of a unit: the most important thing about it."""
    if any(finding.severity is Severity.BLOCK for finding in unit.findings):
        return UnitKind.BLOCKED
    if unit.status in _BY_STATUS:
        return _BY_STATUS[unit.status]
    lost = next((kind for action, kind in _LOSSES.items() if unit.count(action)), None)
    if lost is not None:
        return lost
    if unit.status is Status.DRIFTED:
        return UnitKind.DRIFTED
    receipt = plan.receipts.get(unit.unit)
    new = receipt is None or not receipt.lineage
    return UnitKind.CREATE if new and _only_creates(unit) else UnitKind.UPDATE


def kinds_of(plan: StagePlan) -> dict[str, UnitKind]:
    """Return the kind of each unit of a stage by its name, the most important first."""
    order = list(UnitKind)
    found = {unit.unit: unit_kind(unit, plan) for unit in plan.report.units}
    return dict(sorted(found.items(), key=lambda each: order.index(each[1])))


def headline_text(plan: StagePlan, stage: str) -> str:
    """Return the headline: ``🛑 prod: 1 blocked, 3 update, 20 unchanged``. It counts units.

    Args:
        plan: the plans of the stage.
        stage: the name of the stage, as it is shown.
    """
    counts = Counter(kinds_of(plan).values())
    if not counts:
        text = "the run failed" if plan.report.error else "no unit is affected"
        return f"{'❌' if plan.report.error else '✅'} {stage}: {text}"
    words = [f"{counts[kind]} {kind.word}" for kind in UnitKind if counts[kind]]
    if set(counts) == {UnitKind.UNCHANGED}:
        words.insert(0, "no changes")
    worst = next(kind for kind in UnitKind if counts[kind])
    if plan.report.error and worst is not UnitKind.BLOCKED:
        worst = UnitKind.FAILED
    return f"{worst.sign} {stage}: {', '.join(words)}"


def table_rows(plan: StagePlan) -> Iterator[Piece]:
    """Yield a row for each unit that is not unchanged, the most important first. The columns count resources."""
    units = {unit.unit: unit for unit in plan.report.units}
    for name, kind in kinds_of(plan).items():
        unit = units[name]
        if kind is UnitKind.UNCHANGED and not unit.findings:
            continue
        rank = Rank.IMPORTANT_ROW if kind.never_dropped else Rank.ROW
        note = "; ".join([*_judged(unit), *_notes(unit, plan)])
        yield Piece((_row(unit, kind, note), ""), (rank,))


def _row(unit: UnitReport, kind: UnitKind, note: str) -> str:
    plain = [str(unit.count(action) or "") for action in (Action.CREATE, Action.UPDATE)]
    bold = [f"**{number}**" if (number := unit.count(a)) else "" for a in (Action.REPLACE, Action.DELETE)]
    cells = [signed(kind.sign, kind.word), code(unit.unit), *plain, *bold, note]
    return f"| {' | '.join(cells)} |".replace("  ", " ")


def _judged(unit: UnitReport) -> Iterator[str]:
    """Yield what the guard found in a unit, and what the unit loses."""
    rules = [finding.rule for finding in unit.findings if finding.severity is Severity.BLOCK]
    waived = [finding.rule for finding in unit.findings if finding.severity is Severity.WAIVED]
    lost = [change.address for change in unit.changes if change.action.destructive]
    if rules:
        yield _codes(rules)
    if waived:
        yield f"{_codes(waived)} allowed by a waiver"
    if forgotten := unit.count(Action.FORGET):
        yield f"forgets {plural(forgotten, 'resource')}"
    if lost and not rules:
        yield _codes(lost)


def _notes(unit: UnitReport, plan: StagePlan) -> Iterator[str]:
    """Yield what a unit waits for or why it ended, what it only moves, and where else it changes alike."""
    if unit.preview and unit.cause.startswith(PREVIEWED_AGAINST):
        yield f"preview, after {_codes(unit.cause.removeprefix(PREVIEWED_AGAINST).split(', '))}"
    elif unit.preview:
        yield "preview"
    if unit.cause and not unit.cause.startswith(PREVIEWED_AGAINST) and unit.status is not Status.BLOCKED:
        yield prose(unit.cause, limit=_CAUSE)
    if more := extras(unit.changes):
        yield more
    if unit.outputs_changed and not unit.changes and unit.status is Status.PLANNED:
        yield f"only outputs: {_codes(unit.outputs_changed)}"
    if unit.unit in plan.same:
        yield f"same change in {_codes(plan.same[unit.unit])}"


def _codes(names: Iterable[str]) -> str:
    """Return a few names as code, and how many more there are."""
    listed = list(dict.fromkeys(names))
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return ", ".join(code(name) for name in listed[:_LISTED]) + more


def _only_creates(unit: UnitReport) -> bool:
    return bool(unit.changes) and all(change.action in {Action.CREATE, Action.READ} for change in unit.changes)
