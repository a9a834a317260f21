"""What pydantic finds wrong in a YAML file, as problems with a file and a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.util.suggest import near_miss

_UNION_STEPS = frozenset({"bool", "int", "str", "constrained-str"})
"""Steps that pydantic adds to a path for each member of a union. They are not keys of the file."""
_SCALAR = "must be text, a whole number, true or false"
_WORDS = {
    "dict_type": "must be a map of keys",
    "model_type": "must be a map of keys",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "extra_forbidden": "unknown key",
    "missing": "is missing",
}


def to_plain(value: YamlValue, *, as_text: bool = False) -> Any:
    """Return a value without its locations.

    Args:
        value: the value to convert.
        as_text: return numbers and booleans as they are written.
    """
    if value.kind is YamlKind.MAP:
        return {key: to_plain(item, as_text=as_text) for key, item in value.value.items()}
    if value.kind is YamlKind.LIST:
        return [to_plain(item, as_text=as_text) for item in value.value]
    return value.raw if as_text and value.kind in {YamlKind.NUMBER, YamlKind.BOOL} else value.value


def locate(value: YamlValue, path: Iterable[str | int]) -> tuple[Location, YamlValue]:
    """Follow a path as far as the file has it.

    Args:
        value: where the path starts.
        path: keys of maps and indexes of lists.

    Returns:
        The location of the last key or list item that exists, and its value.
    """
    at = value.at
    for step in path:
        if value.kind is YamlKind.MAP and step in value.value:
            at, value = value.where(str(step)), value.value[step]
        elif value.kind is YamlKind.LIST and isinstance(step, int) and step < len(value.value):
            value = value.value[step]
            at = value.at
        else:
            break
    return at, value


def validation_problems(
    error: ValidationError, value: YamlValue, *, words: Mapping[str, str], known: Iterable[str]
) -> list[Problem]:
    """Return pydantic's errors as problems, each at the line that it is about.

    Args:
        error: what pydantic found.
        value: what was validated.
        words: pydantic's error type -> message, in addition to those that every file shares.
        known: the keys of an entry, for the hint about an unknown one.
    """
    names = tuple(known)
    # pydantic reports one error for each member of a union, in the same words: keep the first
    return list({_problem(each, value, {**_WORDS, **words}, names): None for each in error.errors()})


def _problem(error: Mapping[str, Any], value: YamlValue, words: Mapping[str, str], known: Sequence[str]) -> Problem:
    loc = error["loc"]
    path = [step for step in loc if step not in _UNION_STEPS]
    keys = [step for step in path if step != "[key]"]
    message = words.get(error["type"], error["msg"]) if len(path) == len(loc) else _SCALAR
    shown = ".".join(map(str, keys))
    what = f"{shown}: {message}" if shown else message
    hint = None
    if error["type"] == "extra_forbidden":
        hint = near_miss(str(keys[-1]), known) or "known keys: " + ", ".join(known)
    return Problem(locate(value, keys)[0], what, hint)
