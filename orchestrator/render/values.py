"""Upstream values: JSON values in which any part can be unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

from orchestrator.config.catalogue import Unit, unit_references
from orchestrator.config.nodes import Node, Ref, Text, references
from orchestrator.errors import UnitError

__all__ = [
    "UNKNOWN",
    "Outputs",
    "Unknown",
    "Upstream",
    "check_texts",
    "has_unknown",
    "lookup",
    "merge_unknown",
    "references",
    "unit_references",
]


class Unknown(Enum):
    """The type of ``UNKNOWN``."""

    UNKNOWN = "known after apply"


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that is known only after the upstream unit is applied."""

Outputs: TypeAlias = Mapping[str, Any]
"""Output name -> JSON value that can contain ``UNKNOWN`` anywhere."""

Upstream: TypeAlias = Mapping[str, Outputs | None]
"""Unit -> its outputs; None if they are all unknown."""


def has_unknown(value: Any) -> bool:
    """Return whether a value contains ``UNKNOWN`` anywhere."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(has_unknown(item) for item in value)
    return False


def merge_unknown(after: Any, after_unknown: Any) -> Any:
    """Return a plan's ``after`` with ``UNKNOWN`` wherever ``after_unknown`` is true.

    Terraform omits unknown attributes from ``after`` and shortens lists, so both sides are walked.
    """
    if after_unknown is True:
        return UNKNOWN
    if isinstance(after_unknown, Mapping) and after_unknown:
        known = after if isinstance(after, Mapping) else {}
        keys = [*known, *(key for key in after_unknown if key not in known)]
        return {key: merge_unknown(known.get(key), after_unknown.get(key)) for key in keys}
    if isinstance(after_unknown, Sequence) and not isinstance(after_unknown, str) and after_unknown:
        items = list(after) if isinstance(after, Sequence) and not isinstance(after, str) else []
        length = max(len(items), len(after_unknown))
        items += [None] * (length - len(items))
        marks = [*after_unknown, *([None] * (length - len(after_unknown)))]
        return [merge_unknown(item, mark) for item, mark in zip(items, marks, strict=True)]
    return after


def lookup(ref: Ref, upstream: Upstream) -> Any:
    """Return the value of a reference; ``UNKNOWN`` if it, or a value that contains it, is not yet known.

    Raises:
        UnitError: the upstream has no such output, or its value has no such key; with file and line.
    """
    outputs = upstream.get(ref.unit)
    if outputs is None:
        return UNKNOWN
    if ref.output not in outputs:
        has = ", ".join(sorted(outputs)) or "none"
        message = f"{ref.unit} has no output {ref.output!r} in its state yet (it has: {has})"
        raise UnitError(message, where=ref.at, hint=f"orch apply {ref.unit}")
    value = outputs[ref.output]
    for depth, step in enumerate(ref.path):
        if value is UNKNOWN:
            return UNKNOWN
        value = _step(value, step, ref, depth)
    return value


def check_texts(unit: Unit, upstream: Upstream) -> None:
    """Check the references inside texts of a unit.

    Raises:
        UnitError: a known value cannot be part of a text, because it is null, a list or a map; with file and line.
    """
    for ref in (ref for node in unit.inputs.values() for ref in _in_texts(node)):
        value = lookup(ref, upstream)
        if value is None or isinstance(value, Mapping | list):
            message = f"{_shown(ref, len(ref.path))} is {_kind(value)}, which cannot be part of a text"
            raise UnitError(message, where=ref.at, hint="reference it on its own, as the whole value")


def _in_texts(node: Node) -> Iterator[Ref]:
    value = node.value
    if isinstance(value, Text):
        yield from references(node)
    elif isinstance(value, Mapping):
        yield from (ref for item in value.values() for ref in _in_texts(item))
    elif isinstance(value, tuple):
        yield from (ref for item in value for ref in _in_texts(item))


def _shown(ref: Ref, depth: int) -> str:
    return ".".join([ref.unit, ref.output, *map(str, ref.path[:depth])])


def _step(value: Any, step: str | int, ref: Ref, depth: int) -> Any:
    so_far = _shown(ref, depth)
    if isinstance(value, Mapping) and str(step) in value:
        return value[str(step)]
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    if isinstance(value, Mapping):
        have = f"it has: {', '.join(sorted(map(str, value))) or 'nothing'}"
    elif isinstance(value, list):
        have = f"it is a list of {len(value)}"
    else:
        have = f"it is {_kind(value)}"
    message = f"{so_far} has no {step!r} ({have})"
    raise UnitError(message, where=ref.at)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"
