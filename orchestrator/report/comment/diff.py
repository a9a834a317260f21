"""Resources and their attributes as lines of a diff, which code hosts color: red, green and orange."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.guard.model import Severity
from orchestrator.report.comment.fit import Piece, Rank
from orchestrator.report.final.sections import Entry
from orchestrator.report.model import AttributeChange, ChangeLine
from orchestrator.report.text import clean, listed, shorten
from orchestrator.report.values.changes import AFTER_APPLY
from orchestrator.report.values.redact import SENSITIVE
from orchestrator.terraform.model import Action
from orchestrator.util.plural import plural

_HEADS = {
    Action.CREATE: ("+", ""),
    Action.UPDATE: ("!", ""),
    Action.REPLACE: ("- +", "replaced"),
    Action.DELETE: ("-", "destroyed"),
    Action.FORGET: ("-", "forgotten: Terraform no longer manages it, it stays in AWS"),
    Action.READ: (" ", "read during apply"),
    Action.NOOP: (" ", ""),
}
"""How the line of a resource begins, and what it says after the address."""

_FIRST = 15
"""Attributes shown of a resource that has too many."""
_REASON = 400
_ALIGNED = 32
"""Columns up to which values are aligned."""


def change_piece(entry: Entry, *, before: bool = False) -> Piece:
    """Return a resource: with all attributes, with the first ones, with those that say why it is lost, not at all.

    Args:
        entry: a change, with the findings about it.
        before: it differed before the change that the comment is about.
    """
    change = entry.change
    if change is None:
        return Piece(("\n".join(_finding_lines(entry)), ""), (Rank.LOSS,))
    head = list(_head(entry))
    attributes = _order(change)
    later = _known_later(change)
    full = "\n".join([*head, *_attributes(attributes, change), *later])
    brief = "\n".join([*head, *_some(attributes, change, _FIRST)])
    forcing = [each for each in attributes if each.forces_replacement]
    short = "\n".join([*head, *_some(forcing, change, _FIRST)])
    if change.action.destructive or any(each.severity is Severity.BLOCK for each in entry.findings):
        return Piece((full, short, ""), (Rank.LOSS_ATTRIBUTES, Rank.LOSS))
    if before:
        return Piece((full, head[0], ""), (Rank.BEFORE_ATTRIBUTES, Rank.BEFORE))
    return Piece((full, brief, head[0], ""), (Rank.LONG_ATTRIBUTES, Rank.ATTRIBUTES, Rank.CHANGE))


def _head(entry: Entry) -> Iterator[str]:
    """Yield the line of a resource, then why it is lost and where it comes from."""
    change = entry.change
    if change is None:
        return
    sign, word = _HEADS[change.action]
    deposed = f" (deposed object {clean(change.deposed)})" if change.deposed else ""
    yield f"{sign} {clean(change.address)}{deposed}{f'    {word}' if word else ''}"
    mark = sign[0]
    if change.reason and not any(each.forces_replacement for each in change.attributes):
        yield f"{mark}     because {shorten(clean(change.reason), limit=_REASON)}"
    if change.moved_from:
        yield f"      moved from {clean(change.moved_from)}"
    if change.imported_id:
        yield f"      imported: {clean(change.imported_id)}"
    yield from _finding_lines(entry)


def _finding_lines(entry: Entry) -> Iterator[str]:
    """Yield which rules found something about a resource; what they say stands above the table."""
    for finding in entry.findings:
        what = f"{clean(finding.action)} {clean(finding.address)}".strip() if entry.change is None else ""
        words = {Severity.BLOCK: "blocked by", Severity.WARN: "warning of", Severity.WAIVED: "allowed by a waiver:"}
        rule = f"{words[finding.severity]} {clean(finding.rule)} {clean(finding.id)}"
        yield f"- {what}    {rule}" if what else f"#     {rule}"


def _order(change: ChangeLine) -> list[AttributeChange]:
    """Return the attributes to show, those that force a replacement first."""
    shown = [each for each in change.attributes if not _only_known_later(each, change)]
    return sorted(shown, key=lambda each: not each.forces_replacement)


def _only_known_later(attribute: AttributeChange, change: ChangeLine) -> bool:
    made = change.action in {Action.CREATE, Action.REPLACE, Action.READ}
    return made and attribute.after == AFTER_APPLY and not attribute.forces_replacement


def _known_later(change: ChangeLine) -> list[str]:
    names = [each.path for each in change.attributes if _only_known_later(each, change)]
    return [f"      known after apply: {listed(names)}"] if names else []


def _some(attributes: Sequence[AttributeChange], change: ChangeLine, number: int) -> Iterator[str]:
    yield from _attributes(attributes[:number], change)
    if len(attributes) > number:
        yield f"      … {plural(len(attributes) - number, 'more attribute')}"


def _attributes(attributes: Iterable[AttributeChange], change: ChangeLine) -> Iterator[str]:
    shown = list(attributes)
    width = max((len(each.path) for each in shown if len(each.path) <= _ALIGNED), default=0)
    for each in shown:
        forces = "   # forces replacement" if each.forces_replacement else ""
        yield f"{_sign(each, change)}     {clean(each.path).ljust(width)}  {_values(each, change)}{forces}"


def _sign(attribute: AttributeChange, change: ChangeLine) -> str:
    if change.action in {Action.CREATE, Action.DELETE, Action.READ}:
        return _HEADS[change.action][0]
    if not attribute.before:
        return "+"
    return "!" if attribute.after else "-"


def _values(attribute: AttributeChange, change: ChangeLine) -> str:
    values = [clean(value) for value in (attribute.before, attribute.after) if value]
    if values == [SENSITIVE, SENSITIVE]:
        return f"{SENSITIVE}, changed"
    if len(values) == 2 and change.action is not Action.DELETE:
        return f"{values[0]} -> {values[1]}"
    return values[0] if values else ""
