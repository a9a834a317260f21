"""Parses HCL's JSON syntax (``.tf.json``) into the same tree, as far as a module's interface requires."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, Union

from orchestrator.hcl.expressions import parse_template
from orchestrator.hcl.tree import Attribute, Block, Body, Constant, Entries, Expression, HclError, Items

_TOKEN = re.compile(r'\s*+(?:("(?:[^"\\]|\\.)*+")|([{}\[\],:])|([^\s{}\[\],:"]++))')
_LABELS = {
    "resource": 2,
    "data": 2,
    "ephemeral": 2,
    "variable": 1,
    "output": 1,
    "module": 1,
    "provider": 1,
    "check": 1,
    "provisioner": 1,
    "action": 2,
}
"""Number of labels of each kind of block; all others have none."""
_INNER = {
    "terraform": {"required_providers"},
    "resource": {"provisioner", "lifecycle", "connection"},
    "removed": {"provisioner", "lifecycle"},
    "check": {"data"},
}
"""Nested blocks that matter here; anything else inside a block is read as an attribute."""
_COMMENT = "//"


@dataclass(frozen=True, slots=True)
class _Object:
    members: tuple[tuple[str, int, _Value], ...]


_Value: TypeAlias = Union[_Object, tuple["_Value", ...], str, int, float, bool, None]  # noqa: UP007 - recursive


class _Reader:
    """Reads valid JSON and keeps duplicate keys and the position of every key."""

    def __init__(self, text: str) -> None:
        self._tokens: Iterator[re.Match[str]] = _TOKEN.finditer(text)

    def value(self) -> _Value:
        return self._value(next(self._tokens))

    def _value(self, token: re.Match[str]) -> _Value:
        text, sign, _ = token.groups()
        if text is None and sign == "{":
            return self._object()
        if text is None and sign == "[":
            return self._array()
        found: str | int | float | bool | None = json.loads(token[0])
        return found

    def _object(self) -> _Object:
        members = []
        for token in self._tokens:
            if token[2] == "}":
                break
            if token[2] == ",":
                continue
            next(self._tokens)  # the colon
            members.append((str(json.loads(token[1])), token.start(1), self.value()))
        return _Object(tuple(members))

    def _array(self) -> tuple[_Value, ...]:
        found = []
        for token in self._tokens:
            if token[2] == "]":
                break
            if token[2] != ",":
                found.append(self._value(token))
        return tuple(found)


def parse_json(text: str) -> Body:
    """Parse a ``.tf.json`` file.

    The position of an attribute or block is that of its key in the file. Positions inside a value count from the start
    of its text.

    Raises:
        HclError: the text is not a JSON object, or a ``${…}`` in it is broken.
    """
    try:
        _check_json(text)
        return _file(_Reader(text).value())
    except RecursionError as error:
        raise HclError("nested too deeply", 0) from error


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise HclError(error.msg, error.pos) from error
    except ValueError as error:  # Python converts no number of more than 4,300 digits.
        raise HclError("a number has too many digits", 0) from error


def _file(found: _Value) -> Body:
    if not isinstance(found, _Object):
        raise HclError("a JSON object expected", 0)
    blocks: list[Block] = []
    for key, position, value in found.members:
        if key != _COMMENT:
            blocks.extend(_blocks(key, (), value, position))
    return Body({}, tuple(blocks))


def _objects(value: _Value, key: str, position: int) -> tuple[_Object, ...]:
    """Return the objects of a value: JSON syntax allows a list of objects wherever blocks repeat."""
    many = value if isinstance(value, tuple) else (value,)
    objects = tuple(each for each in many if isinstance(each, _Object))
    if len(objects) != len(many):
        raise HclError(f"{key} must be an object or a list of objects", position)
    return objects


def _blocks(kind: str, labels: tuple[str, ...], value: _Value, position: int) -> Iterator[Block]:
    for each in _objects(value, kind, position):
        if len(labels) == _LABELS.get(kind, 0):
            yield Block(kind, labels, _body(kind, each), position)
            continue
        for key, place, inner in each.members:
            if key != _COMMENT:
                yield from _blocks(kind, (*labels, key), inner, place)


def _body(kind: str, value: _Object) -> Body:
    attributes: dict[str, Attribute] = {}
    blocks: list[Block] = []
    for key, position, inner in value.members:
        if key in _INNER.get(kind, ()):
            blocks.extend(_blocks(key, (), inner, position))
        elif key != _COMMENT:
            if key in attributes:
                raise HclError(f"{key} is set twice in one block", position)
            text = inner if isinstance(inner, str) else ""
            attributes[key] = Attribute(key, _expression(inner, position), text, position)
    return Body(attributes, tuple(blocks))


def _expression(value: _Value, position: int) -> Expression:
    if isinstance(value, _Object):
        entries = [(_template(key, place), _expression(inner, place)) for key, place, inner in value.members]
        return Entries(tuple(entries), position)
    if isinstance(value, tuple):
        return Items(tuple(_expression(inner, position) for inner in value), position)
    return _template(value, position) if isinstance(value, str) else Constant(value, position)


def _template(text: str, position: int) -> Expression:
    try:
        return parse_template(text)
    except HclError as error:
        raise HclError(error.message, position) from error
