"""Terraform's type constraints: parses them, writes them, and describes them in words."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from orchestrator.hcl.expressions import parse_expression
from orchestrator.hcl.tree import Constant, Entries, Expression, FunctionCall, HclError, Items, Reference

_PRIMITIVES = ("string", "number", "bool", "any")
_COLLECTIONS = ("list", "set", "map")
_WORDS = (*_PRIMITIVES, *_COLLECTIONS, "tuple", "object")
_DESCRIBED = {"string": "text", "number": "a number", "bool": "true or false", "any": "anything"}


class TypeTextError(ValueError):
    """Text that is not a type constraint."""


@dataclass(frozen=True, slots=True)
class Primitive:
    """``string``, ``number``, ``bool``; or ``any``, which accepts every value."""

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def described(self) -> str:
        """In words: ``a number``."""
        return _DESCRIBED[self.name]


@dataclass(frozen=True, slots=True)
class Collection:
    """``list(…)``, ``set(…)`` or ``map(…)``."""

    name: str
    element: Type

    def __str__(self) -> str:
        return f"{self.name}({self.element})"

    @property
    def described(self) -> str:
        """In words: ``a list``."""
        return "a map" if self.name == "map" else "a list"


@dataclass(frozen=True, slots=True)
class TupleType:
    """``tuple([…])``: a list of fixed length with a type for each position."""

    items: tuple[Type, ...]

    def __str__(self) -> str:
        return f"tuple([{', '.join(map(str, self.items))}])"

    @property
    def described(self) -> str:
        """In words: ``a list of 2``."""
        return f"a list of {len(self.items)}"


@dataclass(frozen=True, slots=True)
class ObjectAttribute:
    """One attribute of an object type. ``default`` is JSON text, or None if there is none."""

    name: str
    type: Type
    optional: bool = False
    default: str | None = None

    def __str__(self) -> str:
        if not self.optional:
            return f"{self.name} = {self.type}"
        default = "" if self.default is None else f", {_as_hcl(json.loads(self.default))}"
        return f"{self.name} = optional({self.type}{default})"


@dataclass(frozen=True, slots=True)
class ObjectType:
    """``object({…})``."""

    attributes: tuple[ObjectAttribute, ...]

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.attributes))
        return f"object({{ {inner} }})" if inner else "object({})"

    @property
    def described(self) -> str:
        """In words: ``a map``."""
        return "a map"

    def named(self, name: str) -> ObjectAttribute | None:
        """Return the attribute of this name, or None."""
        return next((each for each in self.attributes if each.name == name), None)


Type: TypeAlias = Primitive | Collection | TupleType | ObjectType


@functools.lru_cache(maxsize=4096)  # each unit needs the same few types
def parse_type(text: str) -> Type:
    """Parse the type constraint of a variable.

    Args:
        text: HCL text: ``map(object({ type = string, max = optional(number, 64) }))``. The legacy quoted forms
            (``"string"``) and bare ``list`` and ``map`` are accepted, as in Terraform.

    Raises:
        TypeTextError: the text is not a type constraint.
    """
    try:
        expression = parse_expression(text)
    except HclError as error:
        raise TypeTextError(f"{' '.join(text.split())!r} is not a type: {error.message}") from error
    if isinstance(expression, Constant) and expression.value in {"string", "list", "map"}:
        expression = Reference(str(expression.value), (), expression.position)
    return _type(expression)


def _type(expression: Expression) -> Type:
    if isinstance(expression, Reference) and not expression.steps:
        return _bare(expression.root)
    if not isinstance(expression, FunctionCall):
        raise TypeTextError("expected a type such as string, list(…), map(…) or object({…})")
    if expression.name == "optional":
        raise TypeTextError("optional(…) is valid only for attributes of an object")
    if expression.name not in _WORDS or expression.name in _PRIMITIVES:
        raise _unknown(expression.name)
    if len(expression.arguments) != 1:
        raise TypeTextError(f"{expression.name}(…) takes one argument")
    argument = expression.arguments[0]
    if expression.name in _COLLECTIONS:
        return Collection(expression.name, _type(argument))
    return _tuple(argument) if expression.name == "tuple" else _object(argument)


def _bare(name: str) -> Type:
    if name in _PRIMITIVES:
        return Primitive(name)
    if name in {"list", "map"}:  # legacy syntax for list(any) and map(any)
        return Collection(name, Primitive("any"))
    if name in _WORDS:
        raise TypeTextError(f"{name} needs an element type: {name}(…)")
    raise _unknown(name)


def _unknown(name: str) -> TypeTextError:
    near = difflib.get_close_matches(name, _WORDS, 1)
    return TypeTextError(f"{name!r} is not a type" + (f", did you mean {near[0]}?" if near else ""))


def _tuple(argument: Expression) -> TupleType:
    if not isinstance(argument, Items):
        raise TypeTextError("a tuple is written tuple([…])")
    return TupleType(tuple(map(_type, argument.items)))


def _object(argument: Expression) -> ObjectType:
    if not isinstance(argument, Entries):
        raise TypeTextError("an object is written object({ name = type })")
    found = tuple(_attributes(argument))
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise TypeTextError(f"duplicate attribute {name!r}")
    return ObjectType(found)


def _attributes(entries: Entries) -> Iterator[ObjectAttribute]:
    for key, value in entries.entries:
        if not isinstance(key, Constant) or not isinstance(key.value, str) or not _is_name(key.value):
            raise TypeTextError("attribute names of an object must be identifiers")
        if not isinstance(value, FunctionCall) or value.name != "optional":
            yield ObjectAttribute(key.value, _type(value))
            continue
        if len(value.arguments) not in {1, 2}:
            raise TypeTextError("optional(…) takes a type and an optional default")
        default = json.dumps(_constant(value.arguments[1])) if len(value.arguments) == 2 else None
        yield ObjectAttribute(key.value, _type(value.arguments[0]), optional=True, default=default)


def _is_name(text: str) -> bool:
    return text.replace("-", "_").isidentifier() and not text.startswith("-")


def _constant(expression: Expression) -> Any:
    if isinstance(expression, Constant):
        return expression.value
    if isinstance(expression, Items):
        return [_constant(each) for each in expression.items]
    if isinstance(expression, Entries):
        return {str(_constant(key)): _constant(value) for key, value in expression.entries}
    raise TypeTextError("the default of optional(…) must be a constant")


def _as_hcl(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_as_hcl, value))}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{_quoted(key)} = {_as_hcl(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return json.dumps(value)


def _quoted(text: str) -> str:
    """Return text in HCL quotes: JSON's, except for two escapes and the template signs, which have a meaning in HCL."""
    quoted = "".join(f"\\u{ord(sign):04x}" if sign in "\b\f" else json.dumps(sign)[1:-1] for sign in text)
    return '"' + quoted.replace("${", "$${").replace("%{", "%%{") + '"'
