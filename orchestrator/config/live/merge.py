"""What a stage says over what it is made from: maps merge by key, lists and scalars replace, null clears.

A null clears whatever is below it, the parent's value and the stack file's. So what a stage and those that it extends
say about a stack is merged over the stack file one after the other, never first among themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.config.yaml.value import YamlKind, YamlValue, make_map
from orchestrator.errors import Location

NEVER_INHERITED = ("uses", "expires", "disposable", "named")
"""Keys of a stage that ``extends`` does not pass on: wiring is said by each stage, and so is a former name."""
_EITHER = (("region", "regions"), ("regions", "region"))
"""Keys of a stack of which the nearer one takes the place of the other."""


@dataclass(frozen=True, slots=True)
class StackEntry:
    """What a stage or an account has for one stack.

    Attributes:
        body: the stack file with what is said about it merged over; None when there is no such file.
        heir: the same for stages that extend this one: without its ``imports``.
        at: where the stage names the stack.
        dropped: it says false: not here.
    """

    body: YamlValue | None
    heir: YamlValue | None
    at: Location
    dropped: bool = False


def merge(base: YamlValue, over: YamlValue) -> YamlValue:
    """``over`` merged over ``base``. Values that only one of them has are shared, not copied."""
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
    """A value without the nulls in its maps; the same one when there are none. Lists are taken as they are."""
    if value.kind is not YamlKind.MAP:
        return value
    kept = {key: without_nulls(item) for key, item in value.items() if item.kind is not YamlKind.NULL}
    if len(kept) == len(value.value) and all(kept[key] is item for key, item in value.items()):
        return value
    return make_map(kept, value.at, value.key_at or {})


def without_cleared_keys(file: YamlValue) -> YamlValue:
    """A stack file without what it leaves empty. An input that it says to be null stays: the module gets null."""
    inputs = file.get("inputs")
    rest = without_nulls(without_keys(file, ("inputs",)))
    if inputs is None or inputs.kind is YamlKind.NULL:
        return rest
    return make_map({**rest.value, "inputs": inputs}, file.at, file.key_at or {})


def merge_stack(stack: YamlValue, over: YamlValue) -> YamlValue:
    """What a stage or an account says about a stack, over what there is.

    Of ``region`` and ``regions`` the nearer one takes the place of the other.
    """
    for said, other in _EITHER:
        found = over.get(said)
        if found is not None and found.kind is not YamlKind.NULL and over.get(other) is None:
            stack = without_keys(stack, (other,))
    return merge(stack, over)


def without_keys(value: YamlValue, keys: Iterable[str]) -> YamlValue:
    """A map without some of its keys; the same one when it has none of them."""
    gone = {key for key in keys if key in value.value}
    if not gone:
        return value
    return make_map({key: item for key, item in value.items() if key not in gone}, value.at, value.key_at or {})


def extend_stage(parent: YamlValue, child: YamlValue) -> YamlValue:
    """A stage merged over the one that it extends, all but its ``stacks``.

    ``uses``, ``expires``, ``disposable`` and ``named`` are not inherited.
    """
    base = without_keys(parent, (*NEVER_INHERITED, "stacks"))
    merged = merge(base, without_keys(child, ("stacks", "extends", "uses")))
    uses = child.get("uses")
    if uses is None:
        return merged
    # A null in `uses` is a statement of its own, so this is not merged.
    return make_map({**merged.value, "uses": uses}, child.at, {**(merged.key_at or {}), "uses": child.where("uses")})


def extend_entries(
    parent: Mapping[str, StackEntry], stacks: YamlValue | None, files: Mapping[str, YamlValue]
) -> Mapping[str, StackEntry]:
    """What a stage has for its stacks, after what its parent has; ``imports`` are not inherited.

    Empty means "as the parent has it" and false "not here". What is said about a stack that the parent does not have,
    or has dropped, is said about the stack file.

    Args:
        parent: nothing for an account, or a stage that extends none.
        stacks: the value of the stage's own key.
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
