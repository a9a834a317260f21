"""Checks a value against the type of a module variable, more strictly than Terraform does.

Terraform converts ``5`` to ``"5"`` and ``"true"`` to ``true``, and drops unknown keys of an object. This check accepts
only values of the same kind in YAML.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.config.nodes import Node, Ref, Text, Unset, Value
from orchestrator.errors import Location, Problem
from orchestrator.hcl.modules.interface import Variable
from orchestrator.hcl.modules.types import Collection, ObjectType, Primitive, TupleType, Type, parse_type

_FOUND = ", found "
_BOOL_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n"}


def check_input(variable: Variable, node: Node, path: str) -> list[Problem]:
    """Return the problems of a value for a variable.

    Args:
        variable: the module variable.
        node: the resolved value.
        path: what messages call the value, e.g. ``inputs.mfa``.
    """
    if node.value is None and not variable.nullable and not variable.has_default:
        return [Problem(node.at, f"{path}: null is not allowed, and the variable has no default")]
    problems = check_value(parse_type(variable.type), node, path)
    return [_redacted(each) for each in problems] if variable.sensitive or variable.ephemeral else problems


def _redacted(problem: Problem) -> Problem:
    """Return the problem without the value that it quotes."""
    return Problem(problem.where, problem.what.split(_FOUND)[0])


def check_value(wanted: Type, node: Node, path: str) -> list[Problem]:
    """Return the problems of a value for a type. References have none, because their values are not known yet.

    Args:
        wanted: the type constraint.
        node: the resolved value.
        path: what messages call the value.

    Returns:
        Each problem at the location of the innermost value that does not fit.
    """
    return list(_problems(wanted, node, path))


def _problems(wanted: Type, node: Node, path: str) -> Iterator[Problem]:
    value = node.value
    if value is None or isinstance(value, Ref | Unset):
        return
    if isinstance(value, float) and not math.isfinite(value):
        yield Problem(node.at, f"{path}: {value} is not a number that Terraform supports")
    elif isinstance(wanted, Primitive):
        yield from _primitive(wanted, node, path)
    elif isinstance(wanted, Collection) and wanted.name != "map":
        yield from _sequence(wanted, node, path)
    elif isinstance(wanted, TupleType):
        yield from _tuple(wanted, node, path)
    elif not isinstance(value, Mapping):
        yield _wrong(wanted, node, path)
    elif isinstance(wanted, ObjectType):
        yield from _object(wanted, value, node.at, path)
    else:
        yield from _mixed(wanted.element, tuple(value.values()), node.at, path)
        for key, inner in value.items():
            yield from _problems(wanted.element, inner, _below(path, key))


def _primitive(wanted: Primitive, node: Node, path: str) -> Iterator[Problem]:
    value = node.value
    match wanted.name:
        case "any":
            yield from _anything(node, path)
            return
        case "string":
            fits = isinstance(value, str | Text)
        case "bool":
            fits = isinstance(value, bool)
        case _:
            fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits:
        yield _wrong(wanted, node, path)


def _anything(node: Node, path: str) -> Iterator[Problem]:
    """Check a value for ``any``: every kind fits, but numbers must be finite."""
    value = node.value
    inner: Iterator[tuple[str, Node]] = iter(())
    if isinstance(value, Mapping):
        inner = ((_below(path, key), each) for key, each in value.items())
    elif isinstance(value, tuple):
        inner = ((f"{path}[{number}]", each) for number, each in enumerate(value))
    for below, each in inner:
        yield from _problems(Primitive("any"), each, below)


def _sequence(wanted: Collection, node: Node, path: str) -> Iterator[Problem]:
    if not isinstance(node.value, tuple):
        yield _wrong(wanted, node, path)
        return
    yield from _mixed(wanted.element, node.value, node.at, path)
    for number, inner in enumerate(node.value):
        yield from _problems(wanted.element, inner, f"{path}[{number}]")


def _tuple(wanted: TupleType, node: Node, path: str) -> Iterator[Problem]:
    if not isinstance(node.value, tuple):
        yield _wrong(wanted, node, path)
    elif len(node.value) != len(wanted.items):
        yield Problem(node.at, f"{path}: {wanted.described} expected, found {len(node.value)}")
    else:
        for number, (item, inner) in enumerate(zip(wanted.items, node.value, strict=True)):
            yield from _problems(item, inner, f"{path}[{number}]")


def _object(wanted: ObjectType, value: Mapping[str, Node], at: Location, path: str) -> Iterator[Problem]:
    names = [each.name for each in wanted.attributes]
    for key, inner in value.items():
        attribute = wanted.named(key)
        if attribute is None:
            yield _unknown(key, inner.at, names, path)
        else:
            yield from _problems(attribute.type, inner, _below(path, key))
    for attribute in wanted.attributes:
        if not attribute.optional and attribute.name not in value:
            yield Problem(at, f"{path}: {attribute.name} is missing", f"expected {attribute.type.described}")


def _unknown(key: str, at: Location, names: Sequence[str], path: str) -> Problem:
    near = difflib.get_close_matches(key, names, 1)
    known = f"known keys: {', '.join(names)}" if names else "the object has no keys"
    return Problem(at, f"{path}: unknown key {key!r}", f"did you mean {near[0]}?" if near else known)


def _mixed(element: Type, values: Sequence[Node], at: Location, path: str) -> Iterator[Problem]:
    """Check that the elements of a list(any) can have one type, which scalars, lists and maps cannot."""
    if element != Primitive("any"):
        return
    shapes = {
        _shape(each.value) for each in values if each.value is not None and not isinstance(each.value, Ref | Unset)
    }
    if len(shapes) > 1:
        yield Problem(at, f"{path}: all elements must have the same type, found {' and '.join(sorted(shapes))}")


def _shape(value: Value) -> str:
    if isinstance(value, Mapping):
        return "maps"
    return "lists" if isinstance(value, tuple) else "single values"


def _wrong(wanted: Type, node: Node, path: str) -> Problem:
    return Problem(
        node.at, f"{path}: {wanted.described} expected{_FOUND}{_found(node.value)}", _hint(wanted, node.value)
    )


def _hint(wanted: Type, value: Value) -> str | None:
    if isinstance(value, Text):
        return "a reference inside text is text; a reference on its own keeps its type"
    if wanted == Primitive("string") and isinstance(value, bool | int | float):
        zeros = ", including trailing zeros, which YAML drops" if isinstance(value, float) else ""
        return f'write it in quotes: "{_plain(value)}"{zeros}'
    if isinstance(value, str) and wanted == Primitive("number") and _is_number(value):
        return f"write it without quotes: {value}"
    if isinstance(value, str) and wanted == Primitive("bool") and value.lower() in _BOOL_WORDS:
        return "write true or false, without quotes"
    if isinstance(wanted, Collection) and wanted.name != "map" and isinstance(value, str | int | float):
        return "write a list, even for one element: [ … ]"
    return None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _plain(value: bool | float) -> str:
    return json.dumps(value)


def _found(value: Value) -> str:
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, Text):
        return "text with a reference in it"
    if isinstance(value, bool):
        return _plain(value)
    if isinstance(value, int | float):
        return f"the number {_plain(value)}"
    return f"the text {json.dumps(value, ensure_ascii=False)}" if isinstance(value, str) else "nothing"


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key, ensure_ascii=False)}]"
