"""Resources and their attributes as lines of a diff, which code hosts color: red, green and orange."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.guard.model import Severity
from orchestrator.report.comment.fit import Piece, Rank
from orchestrator.report.final.sections import Entry
from orchestrator.report.model import AttributeChange, ChangeLine
from orchestrator.report.text import cell_width, clean, listed, pad, shorten
from orchestrator.report.values.changes import AFTER_APPLY, AFTER_UPSTREAM
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
_ALIGNED = (48, 72)
"""Columns up to which names and values are aligned."""
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d*:[^\s\"'\\,(){}\[\]]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the columns of a block, so that names, values and remarks stand below each other in all of it.

    Attributes:
        names: of the names of attributes.
        values: of their values, before a remark.
        whole: ARNs are not shortened.
    """

    names: int = 0
    values: int = 0
    whole: bool = False


def columns_of(entries: Iterable[Entry], *, whole: bool = False) -> Columns:
    """Return the widths of the columns of a block of changes. What is longer than most is not aligned.

    Args:
        entries: the changes.
        whole: do not shorten ARNs.
    """
    names: list[int] = []
    values: list[int] = []
    for change in (entry.change for entry in entries if entry.change is not None):
        for each in _order(change):
            names.append(cell_width(clean(each.path)))
            if _remarks(each):
                values.append(cell_width(_values(each, change, whole=whole)))
    aligned = zip((names, values), _ALIGNED, strict=True)
    widest = [max((each for each in widths if each <= limit), default=0) for widths, limit in aligned]
    return Columns(widest[0], widest[1], whole)


def change_piece(entry: Entry, columns: Columns, *, before: bool = False) -> Piece:
    """Return a resource: with all attributes, with the first ones, with those that say why it is lost, not at all.

    Args:
        entry: a change, with the findings about it.
        columns: the widths of the columns.
        before: it differed before the change that the comment is about.
    """
    change = entry.change
    if change is None:
        return Piece(("\n".join(_finding_lines(entry)), ""), (Rank.LOSS,))
    head = list(_head(entry))
    attributes = _order(change)
    lines = list(_attributes(attributes, change, columns))
    full = "\n".join([*head, *lines, *_known_later(change)])
    brief = "\n".join([*head, *_first(lines)])
    if change.action.destructive or any(each.severity is Severity.BLOCK for each in entry.findings):
        forcing = sum(1 for each in attributes if each.forces_replacement)
        short = "\n".join([*head, *_first(lines[:forcing])])
        return Piece((full, short, ""), (Rank.LOSS_ATTRIBUTES, Rank.LOSS))
    if before:
        return Piece((full, head[0], ""), (Rank.BEFORE_ATTRIBUTES, Rank.BEFORE))
    return Piece((full, brief, head[0], ""), (Rank.LONG_ATTRIBUTES, Rank.ATTRIBUTES, Rank.CHANGE))


def shown_values(attribute: AttributeChange, *, whole: bool) -> tuple[str, str]:
    """Return the values of an attribute for a comment, with the upstreams of what is unknown.

    Args:
        attribute: the attribute.
        whole: do not shorten ARNs.
    """
    before, after = clean(attribute.before), clean(attribute.after)
    if not whole:
        before, after = short_arns(before, after)
    if attribute.after_upstream and attribute.upstreams:
        source = f"from {listed(attribute.upstreams)}, after apply"
        after = source if after == AFTER_UPSTREAM else after.replace(AFTER_UPSTREAM, f"({source})")
    return before, after


def short_arns(*texts: str) -> tuple[str, ...]:
    """Return texts with each ARN as ``arn:…`` and its last part, unless two different ones would look the same."""
    if not any("arn:" in text for text in texts):
        return texts
    full: dict[str, set[str]] = {}
    for text in texts:
        for found in _ARN.finditer(text):
            full.setdefault(_last_part(found[0]), set()).add(found[0])
    return tuple(
        _ARN.sub(lambda found: short if len(full[short := _last_part(found[0])]) == 1 else found[0], text)
        for text in texts
    )


def _last_part(arn: str) -> str:
    """Return ``arn:…`` and the last part of an ARN that has a name in it: ``arn:…/eu-west-1_AbC123``."""
    ends = [found.start() for found in re.finditer(r"[:/](?=[^:/]*[A-Za-z][^:/]{2})", arn)]
    short = f"arn:…{arn[ends[-1] :]}" if ends else arn
    return short if len(short) < len(arn) else arn


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


def _first(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _FIRST
    return [*lines[:_FIRST], *([f"      … {plural(more, 'more attribute')}"] if more > 0 else [])]


def _attributes(attributes: Iterable[AttributeChange], change: ChangeLine, columns: Columns) -> Iterator[str]:
    for each in attributes:
        text = f"{_sign(each, change)}     {pad(clean(each.path), columns.names)}  "
        values, remarks = _values(each, change, whole=columns.whole), _remarks(each)
        yield text + (f"{pad(values, columns.values)}   # {remarks}" if remarks else values)


def _remarks(attribute: AttributeChange) -> str:
    where = attribute.where
    place = [f"{clean(where.file)}:{where.line}"] if where is not None else []
    return ", ".join([*(["forces replacement"] if attribute.forces_replacement else []), *place])


def _sign(attribute: AttributeChange, change: ChangeLine) -> str:
    if change.action in {Action.CREATE, Action.DELETE, Action.READ}:
        return _HEADS[change.action][0]
    if not attribute.before:
        return "+"
    return "!" if attribute.after else "-"


def _values(attribute: AttributeChange, change: ChangeLine, *, whole: bool) -> str:
    values = [value for value in shown_values(attribute, whole=whole) if value]
    if values == [SENSITIVE, SENSITIVE]:
        return f"{SENSITIVE}, changed"
    if len(values) == 2 and change.action is not Action.DELETE:
        return f"{values[0]} -> {values[1]}"
    return values[0] if values else ""
