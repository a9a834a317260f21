"""A plan's changes as lines to show: attribute by attribute, without secrets, harmless to a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.report.model import AttributeChange, ChangeLine
from orchestrator.report.text import VALUE_LIMIT, clean, first_difference, listed, quote, short_address, shorten
from orchestrator.report.values.diff import Difference, Path, PathStep, differences, key_step, path_text
from orchestrator.report.values.redact import SENSITIVE, Hidden, Redactor, Tree, UnknownValue, Values
from orchestrator.terraform.model import Action, PlanRecord, ResourceChange

AFTER_APPLY = "(known after apply)"
AFTER_UPSTREAM = "(known after upstream)"

_CONTEXT = 24
"""Characters that are shown before the first difference of two long values."""

_REASONS = {
    "replace_because_tainted": "it is tainted: an earlier apply did not finish making it",
    "replace_because_cannot_update": "it cannot be changed in place",
    "replace_by_request": "its replacement was asked for",
    "replace_by_triggers": "something in its replace_triggered_by changes",
    "delete_because_no_resource_config": "it is not in the configuration any more",
    "delete_because_no_module": "its module is not in the configuration any more",
    "delete_because_wrong_repetition": "its count or for_each was added or removed",
    "delete_because_count_index": "its index is beyond its count",
    "delete_because_each_key": "its key is not in its for_each any more",
    "delete_because_no_move_target": "it was moved to an address that is not in the configuration",
    "read_because_config_unknown": "what it asks for is known only after apply",
    "read_because_dependency_pending": "something that it depends on changes first",
    "read_because_check_nested": "it belongs to a check",
}


def change_lines(plan: PlanRecord, marks: frozenset[tuple[str, str]] = frozenset()) -> tuple[ChangeLine, ...]:
    """Every resource change of a plan, in its order, ready to be shown.

    Data sources appear only when they are read during apply; they are not counted as changes by Terraform either.

    Args:
        plan: the plan as read.
        marks: resource address and attribute path of values that come from an upstream's unknown output. A path
            (``environment[0].variables.TABLE``) stands for everything in it.
    """
    veil = Redactor.of(plan)
    paths: dict[str, list[str]] = {}
    for address, path in sorted(marks):
        paths.setdefault(short_address(address), []).append(path)
    return tuple(
        _line(change, veil, paths.get(short_address(change.address), ()))
        for change in plan.changes
        if change.mode == "managed" or change.action is Action.READ
    )


def scrub(plan: PlanRecord, text: str) -> str:
    """What Terraform printed about a plan, without the values that the plan marks as sensitive.

    Terraform hides them itself; the message of an API that a provider passes on may repeat one all the same.

    Args:
        plan: the plan that was made or applied.
        text: an error block, or one line.
    """
    return Redactor.of(plan).scrub(text)


def _line(change: ResourceChange, veil: Redactor, marks: Sequence[str]) -> ChangeLine:
    found = [] if change.action is Action.FORGET else _differences(change, veil)
    attributes = tuple(_attribute(difference, change.replace_paths, marks) for difference in found)
    return ChangeLine(
        # An address is always shown: it says what is destroyed, and Terraform allows no sensitive key in one.
        address=short_address(change.address),
        action=change.action,
        reason=_reason(change, veil, attributes),
        attributes=_without_echoed_tags(attributes),
        moved_from=short_address(change.previous_address) if change.previous_address else None,
        imported_id=veil.text(change.importing) if change.importing else None,
        deposed=clean(change.deposed) if change.deposed else None,
    )


def _differences(change: ResourceChange, veil: Redactor) -> tuple[Difference, ...]:
    before = veil.tree(change.before, None, change.before_sensitive)
    after = veil.tree(change.after, change.after_unknown, change.after_sensitive)
    if change.action is Action.DELETE:
        after = None
    return differences(before, after)


def _attribute(
    difference: Difference, replace_paths: Sequence[Sequence[str | int]], marks: Sequence[str]
) -> AttributeChange:
    raw = tuple(step.raw for step in difference.path)
    upstream = _holds_unknown(difference.after) and any(_marked(difference.path, mark) for mark in marks)
    before, after = _shown(difference, AFTER_UPSTREAM if upstream else AFTER_APPLY)
    return AttributeChange(
        path=path_text(difference.path),
        before=before,
        after=after,
        forces_replacement=any(_on_one_line(raw, tuple(path)) for path in replace_paths),
        after_upstream=upstream,
    )


def _on_one_line(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    """Whether one path is the other or leads to it."""
    length = min(len(one), len(other))
    return bool(length) and one[:length] == other[:length]


def _marked(path: Path, mark: str) -> bool:
    """Whether a mark, written as a path, stands for an attribute or for something in it."""
    mark = mark.replace('["', ".").replace('"]', "").replace("[", ".").replace("]", "")
    return _on_one_line(tuple(str(step.raw) for step in path), tuple(mark.split(".")))


def _reason(change: ResourceChange, veil: Redactor, attributes: Sequence[AttributeChange]) -> str:
    """Why, in words, with every attribute that forces a replacement by name, shown or not."""
    reason = _REASONS.get(change.reason or "", clean(change.reason or "").replace("_", " "))
    forcing = dict.fromkeys(
        path_text([_step(part, veil if depth else None) for depth, part in enumerate(path)])
        for path in change.replace_paths
        if change.action is Action.REPLACE
    )
    if forcing:
        reason = f"{reason or _REASONS['replace_because_cannot_update']}: {listed(name for name in forcing if name)}"
    if not reason and change.action is Action.UPDATE and not attributes:
        reason = "only what is marked as sensitive changes, or metadata"
    return reason


def _step(part: str | int, veil: Redactor | None) -> PathStep:
    if isinstance(part, int):
        return PathStep(part, f"[{part}]")
    return key_step(veil.key(part) if veil else part)


def _without_echoed_tags(attributes: tuple[AttributeChange, ...]) -> tuple[AttributeChange, ...]:
    """Leave out of the provider's ``tags_all`` what ``tags`` says just above."""
    tags = {
        (a.path.removeprefix("tags"), a.before, a.after) for a in attributes if a.path.startswith(("tags.", "tags["))
    }
    return tuple(
        a
        for a in attributes
        if not (a.path.startswith("tags_all") and (a.path.removeprefix("tags_all"), a.before, a.after) in tags)
        or a.forces_replacement
    )


def _shown(difference: Difference, unknown: str) -> tuple[str, str]:
    """Both sides as text. When one of them is hidden, the other is too: a mark that goes away reveals nothing."""
    before, after = difference.before, difference.after
    if isinstance(before, Values) and isinstance(after, Values):
        return "(the same JSON)", "(written otherwise)"
    if isinstance(before, str) and isinstance(after, str):
        start = max(0, first_difference(before, after) - _CONTEXT)
        return _text(before, start), _text(after, start)
    hidden = isinstance(before, Hidden) or isinstance(after, Hidden)
    texts = [
        "" if tree is None else SENSITIVE if hidden and not isinstance(tree, UnknownValue) else show(tree, unknown)
        for tree in (before, after)
    ]
    return texts[0], texts[1]


def show(tree: Tree, unknown: str = AFTER_APPLY, *, limit: int = VALUE_LIMIT) -> str:
    """One value on one line, at most a little over ``limit`` characters long.

    Args:
        tree: the value, veiled.
        unknown: what stands for a value that is not known yet.
        limit: characters shown of a string, or of all that a list or map holds.
    """
    if isinstance(tree, Values):
        tree = tree.tree
    if isinstance(tree, list):
        return _several((show(item, unknown, limit=limit) for item in tree), len(tree), "[]", limit)
    if isinstance(tree, Mapping):
        items = (f"{path_text([key_step(key)])} = {show(item, unknown, limit=limit)}" for key, item in tree.items())
        return _several(items, len(tree), "{}", limit)
    return _leaf(tree, unknown, limit)


def _leaf(tree: Tree, unknown: str, limit: int) -> str:
    if isinstance(tree, Hidden):
        return SENSITIVE
    if isinstance(tree, UnknownValue):
        return unknown
    if isinstance(tree, str):
        return _text(tree, 0, limit=limit)
    if tree is None:
        return "null"
    if isinstance(tree, bool):
        return "true" if tree else "false"
    return shorten(repr(tree))


def _text(text: str, start: int, *, limit: int = VALUE_LIMIT) -> str:
    if len(text) <= limit:
        return quote(text)
    return f"{quote(shorten(text, limit=limit, start=start))} ({len(text):,} characters)"


def _several(items: Iterator[str], number: int, brackets: str, limit: int) -> str:
    """A list or map on one line; what does not fit is counted."""
    shown: list[str] = []
    length = 0
    for item in items:
        length += len(item) + 2
        if shown and length > limit:
            shown.append(f"… {number - len(shown)} more")
            break
        shown.append(item)
    return brackets[0] + ", ".join(shown) + brackets[1]


def _holds_unknown(tree: Tree) -> bool:
    if isinstance(tree, Values):
        return _holds_unknown(tree.tree)
    if isinstance(tree, Mapping):
        return any(_holds_unknown(item) for item in tree.values())
    if isinstance(tree, list):
        return any(_holds_unknown(item) for item in tree)
    return isinstance(tree, UnknownValue)
