"""Converts the changes of a plan to lines of text: attribute by attribute, redacted, safe for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.report.model import AttributeChange, ChangeLine
from orchestrator.report.text import VALUE_LIMIT, clean, first_difference, listed, quote, short_address, shorten
from orchestrator.report.values.diff import Difference, Path, PathStep, differences, key_step, path_text
from orchestrator.report.values.redact import SENSITIVE, Hidden, Redactor, Tree, UnknownValue, Values
from orchestrator.terraform.model import Action, PlanRecord, ResourceChange

AFTER_APPLY = "(known after apply)"
AFTER_UPSTREAM = "(known after upstream)"

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


def change_lines(plan: PlanRecord, marks: frozenset[tuple[str, str]] = frozenset()) -> tuple[ChangeLine, ...]:
    """Return every resource change of a plan as text, in the order of the plan.

    Data sources appear only if they are read during apply; they do not count as changes, as in Terraform.

    Args:
        plan: the plan.
        marks: resource address and attribute path of values from an unknown output of an upstream. A path
            (``environment[0].variables.TABLE``) includes everything below it.
    """
    redactor = Redactor.of(plan)
    paths: dict[str, list[str]] = {}
    for address, path in sorted(marks):
        paths.setdefault(short_address(address), []).append(path)
    return tuple(
        _line(change, redactor, paths.get(short_address(change.address), ()))
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


def _line(change: ResourceChange, redactor: Redactor, marks: Sequence[str]) -> ChangeLine:
    found = [] if change.action is Action.FORGET else _differences(change, redactor)
    attributes = tuple(_attribute(difference, change.replace_paths, marks) for difference in found)
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
        reason = "only sensitive values or metadata change"
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
        return "(the same JSON)", "(formatted differently)"
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
