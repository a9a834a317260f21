"""Finds attributes in the values of a plan, a template or a desired state, with marks for what is not known yet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Mark(Enum):
    """Stands for a value that is not there."""

    UNKNOWN = "known only after the apply"
    """It equals nothing: an unknown value may be any."""


@dataclass(frozen=True, slots=True)
class ValueReference:
    """A function of CloudFormation that depends on another resource. ``text``: its JSON; equal ones are the same."""

    text: str


ANY_ELEMENT = "\0any"
"""Key of ``values_at`` for every element of a list that is not known."""


def with_unknown(values: Any, unknown: Any) -> Any:
    """Return the values with ``Mark.UNKNOWN`` where ``unknown``, Terraform's ``after_unknown``, says true."""
    if unknown is True:
        return Mark.UNKNOWN
    if isinstance(unknown, Mapping):
        base = values if isinstance(values, Mapping) else {}
        return {**base, **{key: with_unknown(base.get(key), each) for key, each in unknown.items() if marks(each)}}
    if isinstance(unknown, list) and isinstance(values, list):
        flags = [*unknown, *[False] * (len(values) - len(unknown))]
        return [with_unknown(value, each) for value, each in zip(values, flags, strict=False)]
    return values


def marks(unknown: Any) -> bool:
    """Return whether a part of ``after_unknown`` says true anywhere."""
    if isinstance(unknown, Mapping):
        return any(marks(each) for each in unknown.values())
    if isinstance(unknown, list | tuple):
        return any(marks(each) for each in unknown)
    return unknown is True


def with_references(value: Any, unresolved: str) -> Any:
    """Return resolved values of a template with marks instead of functions.

    Args:
        value: values of ``StackTemplate.value``.
        unresolved: the text that stands for an unknown value there.
    """
    if isinstance(value, list):
        return [with_references(each, unresolved) for each in value]
    if isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            text = json.dumps(value, sort_keys=True)
            return Mark.UNKNOWN if json.dumps(unresolved)[1:-1] in text else ValueReference(text)
        return {key: with_references(each, unresolved) for key, each in value.items()}
    return Mark.UNKNOWN if value == unresolved else value


def contains_unknown(value: Any) -> bool:
    """Return whether a value is or contains ``Mark.UNKNOWN``."""
    if isinstance(value, Mapping):
        return any(contains_unknown(each) for each in value.values())
    if isinstance(value, list):
        return any(contains_unknown(each) for each in value)
    return value is Mark.UNKNOWN


def values_at(values: Any, path: str) -> dict[str, Any]:
    """Return what a path leads to: one value under the key ``""``, or one for each element of a list.

    Args:
        values: the values of a resource.
        path: ``a.b`` is b in the only block a; ``a[k].b`` is b in each element of a, told apart by its k. Letter case
            and underscores do not matter, so that ``DeletionProtection`` is found as ``deletion_protection``.
    """
    found = {"": values}
    for step in path.split("."):
        name, _, key = step.removesuffix("]").partition("[")
        found = dict(_step(found, name, key))
    return found


def value_at(values: Any, path: str) -> Any:
    """Return what a path without ``[k]`` leads to; None when nothing is there."""
    return values_at(values, path).get("")


def _step(found: Mapping[str, Any], name: str, key: str) -> Iterator[tuple[str, Any]]:
    for at, each in found.items():
        inner = _member(each, name)
        if not key:
            yield at, inner
        elif inner is Mark.UNKNOWN or isinstance(inner, ValueReference):
            yield ANY_ELEMENT, inner
        else:
            for element in elements(inner):
                label = element if element is Mark.UNKNOWN else _member(element, key)
                yield (ANY_ELEMENT if label is Mark.UNKNOWN else str(label)), element


def _member(value: Any, name: str) -> Any:
    """Return a member of a mapping, or of the only element of a list; what is not known has unknown members."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    if value is Mark.UNKNOWN or isinstance(value, ValueReference):
        return value
    if not isinstance(value, Mapping):
        return None
    if name in value:
        return value[name]
    return next((each for key, each in value.items() if plain_name(str(key)) == plain_name(name)), None)


def elements(value: Any) -> list[Any]:
    """Return the elements of a list or set; a single block is a list of one, and null is empty."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def plain_name(name: str) -> str:
    """Return a name as Terraform and CloudFormation share it: lower case, without underscores."""
    return name.replace("_", "").lower()


def one_value(value: Any) -> Any:
    """Return a scalar in the form that all sources share: CloudFormation has ``"true"`` and ``"5"`` for true and 5."""
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    return value


def number(value: Any) -> float | None:
    """Return a number, also from text; None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
