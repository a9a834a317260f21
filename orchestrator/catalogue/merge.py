"""What a stage says over what it is made from: maps merge by key, lists and scalars replace, null clears."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.catalogue.scalars import Kind
from orchestrator.catalogue.yamlfile import Yaml
from orchestrator.errors import Location

NEVER_INHERITED = ("uses", "expires", "disposable")
"""Keys of a stage that ``extends`` does not pass on: wiring is said by each stage."""


def merge(base: Yaml, over: Yaml) -> Yaml:
    """``over`` merged over ``base``. Values that only one of them has are shared, not copied."""
    if base.kind is not Kind.MAP or over.kind is not Kind.MAP:
        return over
    if not over.value:
        return base
    values = dict(base.value)
    places = dict(base.key_at or {})
    for key, value in over.items():
        places[key] = over.where(key)
        if value.kind is Kind.NULL:
            values.pop(key, None)
        elif key in values:
            values[key] = merge(values[key], value)
        else:
            values[key] = value
    return of_map(values, over.at, places)


def of_map(values: dict[str, Yaml], at: Location, places: Mapping[str, Location]) -> Yaml:
    """A map made here."""
    return Yaml(
        Kind.MAP,
        values,
        at,
        size=1 + sum(value.size for value in values.values()),
        has_ref=any(value.has_ref for value in values.values()),
        key_at=places,
    )


def empty_map(at: Location) -> Yaml:
    """An empty map."""
    return Yaml(Kind.MAP, {}, at, key_at={})


def extend_stage(parent: Yaml, child: Yaml) -> Yaml:
    """A stage merged over the one that it extends.

    ``uses``, ``expires``, ``disposable`` and the ``imports`` of stacks are not inherited. Within ``stacks`` empty means
    "as the parent has it" and false "not here"; a stack that the parent does not have is there from now on.
    """
    values = {key: value for key, value in parent.items() if key not in {*NEVER_INHERITED, "stacks"}}
    base = of_map(values, parent.at, {key: parent.where(key) for key in values})
    own = {key: value for key, value in child.items() if key not in {"stacks", "extends"}}
    merged = merge(base, of_map(own, child.at, {key: child.where(key) for key in own}))
    stacks = _extend_stacks(parent.get("stacks"), child.get("stacks"), child.at)
    places = {**(merged.key_at or {}), "stacks": child.where("stacks")}
    return of_map({**merged.value, "stacks": stacks}, child.at, places)


def _extend_stacks(parent: Yaml | None, child: Yaml | None, at: Location) -> Yaml:
    values: dict[str, Yaml] = {}
    places: dict[str, Location] = {}
    for name, entry in parent.items() if parent else ():
        values[name] = _without_imports(entry)
        places[name] = parent.where(name) if parent else at
    for name, entry in child.items() if child else ():
        before = values.get(name)
        places[name] = child.where(name) if child else at
        if entry.kind is Kind.NULL:  # with defaults: the parent's, if it has the stack
            values[name] = before if before is not None and before.kind is Kind.MAP else entry
        elif entry.kind is Kind.MAP and before is not None and before.kind is Kind.MAP:
            values[name] = merge(before, entry)
        else:
            values[name] = entry
    return of_map(values, at, places)


def _without_imports(entry: Yaml) -> Yaml:
    if entry.get("imports") is None:
        return entry
    values = {key: value for key, value in entry.items() if key != "imports"}
    return of_map(values, entry.at, entry.key_at or {})
