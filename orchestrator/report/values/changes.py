"""Converts the changes of a plan to lines of text: attribute by attribute, redacted, safe for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from orchestrator.errors import Location
from orchestrator.report.model import AttributeChange, ChangeLine
from orchestrator.report.text import VALUE_LIMIT, clean, first_difference, listed, quote, short_address, shorten
from orchestrator.report.values.diff import Difference, Path, PathStep, differences, key_step, path_text
from orchestrator.report.values.redact import SENSITIVE, Hidden, Redactor, Tree, UnknownValue, Values
from orchestrator.terraform.model import Action, PlanRecord, ResourceChange
from orchestrator.terraform.plan.unknowns import UpstreamMarks

AFTER_APPLY = "(known after apply)"
AFTER_UPSTREAM = "(known after upstream)"
REFORMATTED = "(formatted differently)"
ONLY_HIDDEN = "only sensitive values or metadata change"
"""The reason of an update without an attribute to show."""

_CONTEXT = 24
"""Characters shown before the first difference of two long values."""

_REASONS = {
    "replace_because_tainted": "it is tainted: an earlier apply did not finish creating it",
    "replace_because_cannot_update": "it cannot be changed in place",
    "replace_by_request": "its replacement was requested",
    "replace_by_triggers": "a resource in its replace_triggered_by changes",
    "delete_because_no_resource_config": "it is no longer in the configuration",
    "delete_because_no_module": "its module is no longer in the configuration",
    "delete_because_wrong_repetition": "its count or for_each was added or removed",
    "delete_because_count_index": "its index is beyond its count",
    "delete_because_each_key": "its key is no longer in its for_each",
    "delete_because_no_move_target": "it was moved to an address that is not in the configuration",
    "read_because_config_unknown": "its arguments are known only after apply",
    "read_because_dependency_pending": "a resource that it depends on changes first",
    "read_because_check_nested": "it belongs to a check block",
}


_UNPLANNED = "the whole unit would be destroyed; Terraform stopped before it planned this resource"


Locate = Callable[[ResourceChange, tuple[str | int, ...]], Location | None]
"""Returns the line that sets an attribute of a resource, by its path; None if it is not known for sure."""

_LOCATED = frozenset({Action.UPDATE, Action.REPLACE})
"""Actions of which it says something where an attribute is set: of the others it is every attribute of the block."""


def change_lines(
    plan: PlanRecord, marks: UpstreamMarks = MappingProxyType({}), *, locate: Locate | None = None
) -> tuple[ChangeLine, ...]:
    """Return every resource change of a plan as text, in the order of the plan.

    Data sources appear only if they are read during apply; they do not count as changes, as in Terraform.

    Args:
        plan: the plan.
        marks: resource address and attribute path of values from an unknown output of an upstream -> these upstreams.
            A path (``environment[0].variables.TABLE``) includes everything below it.
        locate: finds the line that sets an attribute; None: the changes have no lines.
    """
    redactor = Redactor.of(plan)
    paths: dict[str, dict[str, tuple[str, ...]]] = {}
    for (address, path), units in sorted(marks.items()):
        paths.setdefault(short_address(address), {})[path] = units
    return tuple(
        _line(change, redactor, paths.get(short_address(change.address), {}), locate)
        for change in plan.changes
        if change.mode == "managed" or change.action is Action.READ
    )


def unplanned_deletes(planned: Iterable[ChangeLine], addresses: Iterable[str]) -> tuple[ChangeLine, ...]:
    """Return the resources that a destroy takes as well, although the plan does not reach them.

    When Terraform meets a ``prevent_destroy``, it does not plan what the resource depends on.

    Args:
        planned: the changes in the plan of the destroy.
        addresses: every resource in the state.
    """
    known = {change.address for change in planned}
    missing = dict.fromkeys(short_address(address) for address in addresses)
    return tuple(ChangeLine(address, Action.DELETE, _UNPLANNED) for address in missing if address not in known)


def scrub(plan: PlanRecord, text: str) -> str:
    """Return output of Terraform about a plan, without the values that the plan marks as sensitive.

    Terraform hides them itself, but the error message of an API can repeat one.

    Args:
        plan: the plan that was created or applied.
        text: an error block, or one line.
    """
    return Redactor.of(plan).scrub(text)


def _line(
    change: ResourceChange, redactor: Redactor, marks: Mapping[str, tuple[str, ...]], locate: Locate | None
) -> ChangeLine:
    found = [] if change.action is Action.FORGET else _differences(change, redactor)
    where = partial(locate, change) if locate is not None and change.action in _LOCATED else _nowhere
    attributes = tuple(_attribute(difference, change.replace_paths, marks, where) for difference in found)
    return ChangeLine(
        # An address is always shown: it says what is destroyed, and Terraform allows no sensitive key in it.
        address=short_address(change.address),
        action=change.action,
        reason=_reason(change, redactor, attributes),
        attributes=_without_echoed_tags(attributes),
        moved_from=short_address(change.previous_address) if change.previous_address else None,
        imported_id=redactor.text(change.importing) if change.importing else None,
        deposed=clean(change.deposed) if change.deposed else None,
    )


def _differences(change: ResourceChange, redactor: Redactor) -> tuple[Difference, ...]:
    before = redactor.tree(change.before, None, change.before_sensitive)
    after = redactor.tree(change.after, change.after_unknown, change.after_sensitive)
    if change.action is Action.DELETE:
        after = None
    found = _without_empty_texts(differences(before, after), change)
    for path in change.replace_paths if change.action is Action.REPLACE else ():
        found = _whole_list(found, tuple(path), before, after)
    return found


def _without_empty_texts(found: tuple[Difference, ...], change: ResourceChange) -> tuple[Difference, ...]:
    """Return the differences without attributes of blocks that only turn from null into an empty text, or back.

    To the provider both are the same; the key of a map, on the other hand, is new or gone. If nothing else changes,
    they are shown: they are why it is an update.
    """
    others = tuple(
        each
        for each in found
        if not (each.before is None and each.after == "" and _is_null(change.before, _raw(each.path)))
        and not (each.after is None and each.before == "" and _is_null(change.after, _raw(each.path)))
    )
    return others or found


def _is_null(value: Any, path: tuple[str | int, ...]) -> bool:
    """Return whether a plain value has a null at a path."""
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return False
    return value is None


def _whole_list(
    found: tuple[Difference, ...], path: tuple[str | int, ...], before: Tree, after: Tree
) -> tuple[Difference, ...]:
    """Return differences, with a short list of plain values that forces a replacement as one: it says more whole."""
    inside = [each for each in found if len(each.path) > len(path) and _raw(each.path)[: len(path)] == path]
    old, new = _at(before, path), _at(after, path)
    if not (inside and _is_short(old) and _is_short(new)):
        return found
    whole = Difference(inside[0].path[: len(path)], old, new)
    return tuple(whole if each is inside[0] else each for each in found if each is inside[0] or each not in inside)


def _at(tree: Tree, path: tuple[str | int, ...]) -> Tree:
    for step in path:
        if isinstance(tree, Mapping) and isinstance(step, str):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def _is_short(tree: Tree) -> bool:
    plain = isinstance(tree, list) and all(isinstance(item, str | int | float) for item in tree)
    return plain and len(show(tree, limit=10 * VALUE_LIMIT)) <= VALUE_LIMIT


def _raw(path: Path) -> tuple[str | int, ...]:
    return tuple(step.raw for step in path)


def _nowhere(path: tuple[str | int, ...]) -> Location | None:  # noqa: ARG001 - of every attribute
    return None


def _attribute(
    difference: Difference,
    replace_paths: Sequence[Sequence[str | int]],
    marks: Mapping[str, tuple[str, ...]],
    where: Callable[[tuple[str | int, ...]], Location | None],
) -> AttributeChange:
    raw = _raw(difference.path)
    marked = [units for mark, units in marks.items() if _marked(difference.path, mark)]
    upstream = bool(marked) and _holds_unknown(difference.after)
    before, after = _shown(difference, AFTER_UPSTREAM if upstream else AFTER_APPLY)
    return AttributeChange(
        path=path_text(difference.path),
        before=before,
        after=after,
        forces_replacement=any(_on_one_line(raw, tuple(path)) for path in replace_paths),
        after_upstream=upstream,
        upstreams=tuple(sorted({unit for units in marked for unit in units})) if upstream else (),
        where=where(raw),
    )


def _on_one_line(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    """Return whether one path equals or contains the other."""
    length = min(len(one), len(other))
    return bool(length) and one[:length] == other[:length]


def _marked(path: Path, mark: str) -> bool:
    """Return whether a mark, a path as text, names an attribute or something in it."""
    mark = mark.replace('["', ".").replace('"]', "").replace("[", ".").replace("]", "")
    return _on_one_line(tuple(str(step.raw) for step in path), tuple(mark.split(".")))


def _reason(change: ResourceChange, redactor: Redactor, attributes: Sequence[AttributeChange]) -> str:
    """Return the reason in words, with the name of every attribute that forces a replacement."""
    reason = _REASONS.get(change.reason or "", clean(change.reason or "").replace("_", " "))
    forcing = dict.fromkeys(
        path_text([_step(part, redactor if depth else None) for depth, part in enumerate(path)])
        for path in change.replace_paths
        if change.action is Action.REPLACE
    )
    if forcing:
        reason = f"{reason or _REASONS['replace_because_cannot_update']}: {listed(name for name in forcing if name)}"
    if not reason and change.action is Action.UPDATE and not attributes:
        reason = ONLY_HIDDEN
    return reason


def _step(part: str | int, redactor: Redactor | None) -> PathStep:
    if isinstance(part, int):
        return PathStep(part, f"[{part}]")
    return key_step(redactor.key(part) if redactor else part)


def _without_echoed_tags(attributes: tuple[AttributeChange, ...]) -> tuple[AttributeChange, ...]:
    """Return the attributes without the entries of ``tags_all`` that repeat ``tags``."""
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
    """Return both sides as text. If one is hidden, so is the other: a mark that disappears reveals nothing."""
    before, after = difference.before, difference.after
    if isinstance(before, Values) and isinstance(after, Values):
        return "(the same JSON)", REFORMATTED
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
    """Return a value on one line, at most a little over ``limit`` characters long.

    Args:
        tree: the redacted value.
        unknown: text for a value that is not known yet.
        limit: characters shown of a string, or of the content of a list or map.
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
    """Return a list or map on one line; what does not fit is counted."""
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
