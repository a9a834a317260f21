"""Merges YAML: maps merge by key, lists and scalars replace, null clears.

A null clears the value of the parent stage and of the stack file. Therefore the entries of a stage and of the stages it
extends are merged over the stack file one after the other, never with each other first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.config.yaml.value import YamlKind, YamlValue, make_map
from orchestrator.errors import Location

NEVER_INHERITED = ("uses", "expires", "disposable", "named")
"""Keys that a stage does not inherit from the stage it extends."""
_EITHER = (("region", "regions"), ("regions", "region"))
"""Keys of a stack that replace each other: the nearer one wins."""


@dataclass(frozen=True, slots=True)
class StackEntry:
    """The entry of a stage or an account for one stack.

    Attributes:
        body: the stack file with the entry merged over it; None when the stack file does not exist.
        heir: the same for stages that extend this one, without its ``imports``.
        at: where the stage names the stack.
        dropped: the entry is ``false``: the stage does not have the stack.
    """

    body: YamlValue | None
    heir: YamlValue | None
    at: Location
    dropped: bool = False


def merge(base: YamlValue, over: YamlValue) -> YamlValue:
    """Merge ``over`` over ``base``. Values that only one of them has are shared, not copied."""
    if base.kind is not YamlKind.MAP or over.kind is not YamlKind.MAP:
        return without_nulls(over)
    if not over.value:
        return base
    values = dict(base.value)
    places = dict(base.key_at or {})
    for key, value in over.items():
        places[key] = over.where(key)
        if value.kind is YamlKind.NULL:
            values.pop(key, None)
        elif key in values:
            values[key] = merge(values[key], value)
        else:
            values[key] = without_nulls(value)
    return make_map(values, over.at, places)


def without_nulls(value: YamlValue) -> YamlValue:
    """Return a value without the nulls in its maps; the same object when it has none. Lists do not change."""
    if value.kind is not YamlKind.MAP:
        return value
    kept = {key: without_nulls(item) for key, item in value.items() if item.kind is not YamlKind.NULL}
    if len(kept) == len(value.value) and all(kept[key] is item for key, item in value.items()):
        return value
    return make_map(kept, value.at, value.key_at or {})


def without_cleared_keys(file: YamlValue) -> YamlValue:
    """Return a stack file without empty keys. A null input stays, because the module gets null."""
    inputs = file.get("inputs")
    rest = without_nulls(without_keys(file, ("inputs",)))
    if inputs is None or inputs.kind is YamlKind.NULL:
        return rest
    return make_map({**rest.value, "inputs": inputs}, file.at, file.key_at or {})


def merge_stack(stack: YamlValue, over: YamlValue) -> YamlValue:
    """Merge an entry over a stack. Its ``region`` replaces ``regions`` and the other way around."""
    for said, other in _EITHER:
        found = over.get(said)
        if found is not None and found.kind is not YamlKind.NULL and over.get(other) is None:
            stack = without_keys(stack, (other,))
    return merge(stack, over)


def without_keys(value: YamlValue, keys: Iterable[str]) -> YamlValue:
    """Return a map without some of its keys; the same object when it has none of them."""
    gone = {key for key in keys if key in value.value}
    if not gone:
        return value
    return make_map({key: item for key, item in value.items() if key not in gone}, value.at, value.key_at or {})


def extend_stage(parent: YamlValue, child: YamlValue) -> YamlValue:
    """Merge a stage over the stage that it extends, without ``stacks``.

    ``uses``, ``expires``, ``disposable`` and ``named`` are not inherited.
    """
    base = without_keys(parent, (*NEVER_INHERITED, "stacks"))
    merged = merge(base, without_keys(child, ("stacks", "extends", "uses")))
    uses = child.get("uses")
    if uses is None:
        return merged
    # A null in `uses` has a meaning, so `uses` is not merged.
    return make_map({**merged.value, "uses": uses}, child.at, {**(merged.key_at or {}), "uses": child.where("uses")})


def extend_entries(
    parent: Mapping[str, StackEntry], stacks: YamlValue | None, files: Mapping[str, YamlValue]
) -> Mapping[str, StackEntry]:
    """Return the entries of a stage: those of its parent, with its own ``stacks`` merged over them.

    An empty entry inherits, and false drops the stack. The entry of a stack that the parent does not have, or has
    dropped, is merged over the stack file. ``imports`` are not inherited.

    Args:
        parent: entries of the stage that this one extends; empty for an account, or a stage without ``extends``.
        stacks: the value of ``stacks``.
        files: the stack files.
    """
    entries = {name: StackEntry(entry.heir, entry.heir, entry.at, entry.dropped) for name, entry in parent.items()}
    if stacks is None:
        return entries
    for name, value in stacks.items():
        at = stacks.where(name)
        before = entries.get(name)
        base = before.heir if before is not None and not before.dropped else files.get(name)
        if value.kind is YamlKind.BOOL:
            entries[name] = StackEntry(None, None, at, dropped=True)
        elif value.kind is not YamlKind.MAP or base is None:
            entries[name] = StackEntry(base, base, at)
        else:
            body = merge_stack(base, value)
            heir = body if value.get("imports") is None else merge_stack(base, without_keys(value, ("imports",)))
            entries[name] = StackEntry(body, heir, at)
    return entries
