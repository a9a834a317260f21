"""The resources of each unit, folded: what is lost first, then what units change alone, then what they change alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.diff import change_piece, columns_of
from orchestrator.report.comment.fit import Piece, Rank, TextBlock
from orchestrator.report.comment.inert import code, html_code
from orchestrator.report.comment.rows import UnitKind, kinds_of
from orchestrator.report.comment.stage import StagePlan
from orchestrator.report.final.sections import Entry, SharedChanges, SharedOutputs, UnitBlock, arrange
from orchestrator.report.model import AttributeChange, ChangeLine, RunReport
from orchestrator.terraform.model import Action
from orchestrator.util.plural import plural

_OPEN_LINES = 30
"""Lines of attributes up to which the details are unfolded; what is lost always is."""
_COUNTED = (
    (Action.DELETE, "destroy"),
    (Action.REPLACE, "replace"),
    (Action.FORGET, "forget"),
    (Action.CREATE, "create"),
    (Action.UPDATE, "update"),
    (Action.READ, "read"),
)
_BEFORE = (
    "#### Differed before this {change}\n\nThe base commit plans these changes as well: AWS and the configuration "
    "differed already. An apply makes them too."
)


def detail_blocks(plan: StagePlan, context: CommentContext) -> Iterator[TextBlock]:
    """Yield the changes of each unit, then those that several units make, each once."""
    whole = context.whole
    items = [item for section in arrange(plan.report) for item in section.items]
    units = [item for item in items if isinstance(item, UnitBlock) and (item.entries or item.outputs)]
    shared = [item for item in items if isinstance(item, SharedChanges)]
    few = _lines(units, shared) <= _OPEN_LINES
    kinds = kinds_of(plan)
    for item in units:
        kind = kinds[item.unit.unit]
        yield _unit_block(item, kind, unfold=few or kind.never_dropped, whole=whole)
    for group in shared:
        yield _shared_block(group, plan.report, unfold=few, whole=whole)
    for outputs in (item for item in items if isinstance(item, SharedOutputs)):
        yield _outputs_block(outputs)


def before_blocks(plan: StagePlan, context: CommentContext) -> Iterator[TextBlock]:
    """Yield the changes that the base commit plans as well, under a heading of their own."""
    if plan.before:
        yield TextBlock(_BEFORE.format(change=context.change))
    for unit in plan.before:
        entries = [Entry(change) for change in unit.changes]
        columns = columns_of(entries, whole=context.whole)
        pieces = tuple(change_piece(entry, columns, before=True) for entry in entries)
        head = _folded(f"{html_code(unit.unit)}: {_counts(unit.changes)}", unfold=False)
        yield TextBlock(head, pieces, "</details>", noun="resource", language="diff")


def unchanged_block(plan: StagePlan, change: str) -> TextBlock:
    """Return the names of the units that do not change; ``change``: what the code host calls a change."""
    names = [name for name, kind in kinds_of(plan).items() if kind is UnitKind.UNCHANGED]
    differed = sum(1 for unit in plan.before if unit.unit in names)
    before = f"; {differed} had drifted before this {change}" if differed else ""
    head = _folded(f"{len(names)} unchanged{before}", unfold=False)
    text = ", ".join(code(name) for name in names)
    pieces = (Piece((text, ""), (Rank.UNCHANGED,)),) if names else ()
    return TextBlock(head, pieces, "</details>", noun="list of unchanged units")


def _unit_block(item: UnitBlock, kind: UnitKind, *, unfold: bool, whole: bool) -> TextBlock:
    unit = item.unit
    counts = _counts(unit.changes)
    preview = " (preview)" if unit.preview else ""
    title = f"{kind.sign} {html_code(unit.unit)}{f': {counts}' if counts else ''}{preview}"
    columns = columns_of(item.entries, whole=whole)
    pieces = [change_piece(entry, columns) for entry in item.entries]
    if item.outputs:
        text = f"  outputs that change: {', '.join(item.outputs)}"
        pieces.append(Piece((text, ""), (Rank.CHANGE,)))
    tail = "</details>"
    if item.elsewhere:
        tail = f"Also {plural(item.elsewhere, 'change')} that other units make, shown below.\n\n</details>"
    return TextBlock(_folded(title, unfold=unfold), tuple(pieces), tail, noun="resource", language="diff")


def _shared_block(group: SharedChanges, report: RunReport, *, unfold: bool, whole: bool) -> TextBlock:
    title = f"📝 the same in {plural(len(group.units), 'unit')}: {_counts(group.changes)}"
    names = ", ".join(code(unit) for unit in group.units)
    entries = [Entry(change) for change in _of_all(group, report)]
    columns = columns_of(entries, whole=whole)
    pieces = tuple(change_piece(entry, columns) for entry in entries)
    return TextBlock(
        _folded(title, unfold=unfold), pieces, f"In {names}\n\n</details>", noun="resource", language="diff"
    )


def _of_all(group: SharedChanges, report: RunReport) -> Iterator[ChangeLine]:
    """Yield the changes of a group with the lines that set their values, where these are the same in all units."""
    units = [unit for unit in report.units if unit.unit in set(group.units)]
    made: dict[ChangeLine, list[ChangeLine]] = {change: [] for change in group.changes}
    for change in (change for unit in units for change in unit.changes if change in made):
        made[change].append(change)
    for change, versions in made.items():
        columns = zip(*(each.attributes for each in versions), strict=True)
        yield replace(change, attributes=tuple(_of_each(each) for each in columns) or change.attributes)


def _of_each(versions: Sequence[AttributeChange]) -> AttributeChange:
    """Return an attribute that changes alike in several units."""
    places = {each.where for each in versions}
    upstreams = tuple(sorted({unit for each in versions for unit in each.upstreams}))
    return replace(versions[0], where=versions[0].where if len(places) == 1 else None, upstreams=upstreams)


def _outputs_block(outputs: SharedOutputs) -> TextBlock:
    units = ", ".join(code(unit) for unit in outputs.units)
    text = f"Outputs that change in {units}: {', '.join(code(name) for name in outputs.names)}"
    return TextBlock("", (Piece((text, ""), (Rank.CHANGE,)),), noun="list of outputs")


def _folded(title: str, *, unfold: bool) -> str:
    return f"<details{' open' if unfold else ''}><summary>{title}</summary>"


def _counts(changes: Iterable[ChangeLine]) -> str:
    """Return how many resources get which action, and how many only move: ``1 replace, 2 change``."""
    found = list(changes)
    texts = [f"{number} {word}" for action, word in _COUNTED if (number := sum(1 for c in found if c.action is action))]
    still = sum(1 for change in found if change.action is Action.NOOP)
    return ", ".join([*texts, *([f"{still} moved or imported"] if still else [])])


def _lines(units: Sequence[UnitBlock], shared: Sequence[SharedChanges]) -> int:
    changes = [entry.change for item in units for entry in item.entries if entry.change]
    changes += [change for group in shared for change in group.changes]
    return sum(1 + len(change.attributes) for change in changes)
