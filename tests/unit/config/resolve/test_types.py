"""Type constraints: text to type and back, and values against them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.nodes import Node, Ref, Text, Value
from orchestrator.config.resolve.types import check_input, check_value
from orchestrator.errors import Location
from orchestrator.hcl.modules.interface import Variable
from orchestrator.hcl.modules.types import (
    Collection,
    ObjectAttribute,
    ObjectType,
    Primitive,
    TupleType,
    Type,
    TypeTextError,
    parse_type,
)

AT = Location("live/stacks/api.yaml", 3, 5)
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DEFAULTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5
)
REF = Node(Ref("prod/data", "x", (), AT), AT)


def attributes(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[ObjectAttribute]:
    plain = st.builds(ObjectAttribute, NAMES, inner)
    optional = st.builds(ObjectAttribute, NAMES, inner, st.just(value=True), st.none() | DEFAULTS.map(json.dumps))
    return plain | optional


def compounds(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    objects = st.lists(attributes(inner), max_size=4, unique_by=lambda each: each.name).map(tuple)
    return (
        st.builds(Collection, st.sampled_from(["list", "set", "map"]), inner)
        | st.builds(TupleType, st.lists(inner, max_size=3).map(tuple))
        | st.builds(ObjectType, objects)
    )


PRIMITIVES = st.builds(Primitive, st.sampled_from(["string", "number", "bool", "any"]))
TYPES: st.SearchStrategy[Type] = st.recursive(PRIMITIVES, compounds, max_leaves=8)


def node(value: Any) -> Node:
    """Plain Python as the catalogue has it."""
    if isinstance(value, dict):
        return Node({key: node(each) for key, each in value.items()}, AT)
    if isinstance(value, list):
        return Node(tuple(node(each) for each in value), AT)
    return Node(value, AT)


def values(wanted: Type) -> st.SearchStrategy[Node]:
    """Values that a type takes, references among them."""
    return st.just(REF) | st.just(Node(None, AT)) | _plain(wanted).map(lambda value: Node(value, AT))


def _plain(wanted: Type) -> st.SearchStrategy[Value]:  # noqa: PLR0911 - one for each kind of type
    match wanted:
        case Primitive("string"):
            return st.text() | st.just(Text(("a", Ref("prod/data", "x", (), AT)), AT))
        case Primitive("number"):
            return st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        case Primitive("bool"):
            return st.booleans()
        case Primitive():
            return st.text() | st.booleans() | st.integers()
        case Collection("map", element):
            return st.dictionaries(st.text(), values(element), max_size=3)
        case Collection(_, element):
            return st.lists(values(element), max_size=3).map(tuple)
        case TupleType(items):
            return st.tuples(*map(values, items))
        case ObjectType(found):
            must = {each.name: values(each.type) for each in found if not each.optional}
            return st.fixed_dictionaries(must, optional={e.name: values(e.type) for e in found if e.optional})
    raise AssertionError(wanted)


@given(TYPES)
def test_a_type_written_and_read_is_the_same(wanted: Type) -> None:
    assert parse_type(str(wanted)) == wanted
    assert "\n" not in str(wanted)


@given(st.data())
def test_what_is_made_from_a_type_fits_it(data: st.DataObject) -> None:
    wanted = data.draw(TYPES)
    assert check_value(wanted, data.draw(values(wanted)), "x") == []


def _wrong(wanted: Type, at: Location) -> list[Value]:  # noqa: PLR0911 - one for each kind of type
    """Values that a type takes in no way."""
    everything: list[Value] = ["x", True, 1.5, (Node("x", at),), {"not a key": Node("x", at)}]
    match wanted:
        case Primitive("string"):
            return everything[1:]
        case Primitive("number"):
            return [*everything[:2], *everything[3:], "5", Text(("5",), at), math.inf]
        case Primitive("bool"):
            return [everything[0], *everything[2:], "true", 1, 0]
        case Primitive():
            return [math.nan]
        case Collection("map", _):
            return everything[:4]
        case Collection():
            return [*everything[:3], everything[4]]
        case TupleType(items):
            return [*everything[:3], everything[4], tuple(REF for _ in range(len(items) + 1))]
        case _:
            return everything


@given(st.data())
def test_one_wrong_value_anywhere_is_found_where_it_is(data: st.DataObject) -> None:
    wanted = data.draw(TYPES)
    good = data.draw(values(wanted))
    spot = Location("live/stages/prod.yaml", 7, 3)
    bad = _broken(data, wanted, good, spot)
    found = check_value(wanted, bad, "inputs.x")
    assert spot in {problem.where for problem in found}


def _broken(data: st.DataObject, wanted: Type, good: Node, spot: Location) -> Node:
    """The value with one place in it exchanged for a wrong value at ``spot``."""
    value = good.value
    inner: list[tuple[Any, Type]] = []
    if isinstance(value, tuple):
        kinds = wanted.items if isinstance(wanted, TupleType) else [getattr(wanted, "element", None)] * len(value)
        inner = [(number, kind) for number, kind in enumerate(kinds) if kind is not None]
    elif isinstance(value, dict) and isinstance(wanted, ObjectType):
        inner = [(each.name, each.type) for each in wanted.attributes if each.name in value]
    elif isinstance(value, dict) and isinstance(wanted, Collection):
        inner = [(key, wanted.element) for key in value]
    deeper: bool = data.draw(st.booleans())
    if inner and deeper:
        key, kind = data.draw(st.sampled_from(inner))
        if isinstance(value, tuple):
            changed = _broken(data, kind, value[key], spot)
            return Node((*value[:key], changed, *value[key + 1 :]), good.at)
        assert isinstance(value, dict)
        return Node({**value, key: _broken(data, kind, value[key], spot)}, good.at)
    return Node(data.draw(st.sampled_from(_wrong(wanted, spot))), spot)


@given(st.text())
def test_any_text_is_a_type_or_an_error_that_says_so(text: str) -> None:
    try:
        found = parse_type(text)
    except TypeTextError:
        return
    assert parse_type(str(found)) == found


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" string ", "string"),
        ('"string"', "string"),
        ("list", "list(any)"),
        ('"map"', "map(any)"),
        (
            "object({\n  a = string # why\n  b = optional(number, -3),\n})",
            "object({ a = string, b = optional(number, -3) })",
        ),
        ("object({})", "object({})"),
        ('object({ a = optional(string, "$${x}") })', 'object({ a = optional(string, "$${x}") })'),
        ("map(object({ a = tuple([string, bool]) }))", "map(object({ a = tuple([string, bool]) }))"),
    ],
)
def test_types_as_people_write_them(text: str, canonical: str) -> None:
    assert str(parse_type(text)) == canonical


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("strng", "'strng' is not a type, did you mean string?"),
        ("set", "set needs an element type: set(…)"),
        ("optional(string)", "optional(…) is valid only for attributes of an object"),
        ("list(string, number)", "list(…) takes one argument"),
        ("object({ a = optional(string, file(1)) })", "the default of optional(…) must be a constant"),
        ("object({ a = string, a = number })", "duplicate attribute 'a'"),
        ("object(string)", "an object is written object({ name = type })"),
        ("tuple(string)", "a tuple is written tuple([…])"),
        ("list(string", "'list(string' is not a type: ')' expected, found the end of the file"),
        ("var.x", "expected a type such as string, list(…), map(…) or object({…})"),
    ],
)
def test_what_is_no_type_says_why(text: str, what: str) -> None:
    with pytest.raises(TypeTextError) as error:
        parse_type(text)
    assert str(error.value) == what


@pytest.mark.parametrize(
    ("text", "value", "message"),
    [
        (
            "string",
            5.1,
            'x: text expected, found the number 5.1 — write it in quotes: "5.1", including trailing zeros, which YAML drops',
        ),
        ("string", 11, 'x: text expected, found the number 11 — write it in quotes: "11"'),
        ("string", True, 'x: text expected, found true — write it in quotes: "true"'),
        ("number", "5", 'x: a number expected, found the text "5" — write it without quotes: 5'),
        ("number", "much", 'x: a number expected, found the text "much"'),
        ("number", True, "x: a number expected, found true"),
        ("bool", "NO", 'x: true or false expected, found the text "NO" — write true or false, without quotes'),
        ("bool", 1, "x: true or false expected, found the number 1"),
        ("list(string)", "a", 'x: a list expected, found the text "a" — write a list, even for one element: [ … ]'),
        ("map(number)", {"a b": "c"}, 'x["a b"]: a number expected, found the text "c"'),
        ("tuple([string])", ["a", "b"], "x: a list of 1 expected, found 2"),
        ("object({ max = number })", {"max": 1, "mx": 2}, "x: unknown key 'mx' — did you mean max?"),
        ("object({ a = string })", {}, "x: a is missing — expected text"),
        ("object({})", {"a": 1}, "x: unknown key 'a' — the object has no keys"),
        ("map(any)", {"a": "b", "c": {}}, "x: all elements must have the same type, found maps and single values"),
        (
            "list(object({ a = list(bool) }))",
            [{"a": [True, 2]}],
            "x[0].a[1]: true or false expected, found the number 2",
        ),
    ],
)
def test_messages(text: str, value: Any, message: str) -> None:
    assert [str(problem) for problem in check_value(parse_type(text), node(value), "x")] == [f"{AT}: {message}"]


def test_text_with_a_reference_is_only_text() -> None:
    text = Node(Text(("a", Ref("prod/data", "x", (), AT)), AT), AT)
    assert check_value(parse_type("string"), text, "x") == []
    for other in ("number", "bool", "list(string)", "object({})"):
        assert "text with a reference in it" in check_value(parse_type(other), text, "x")[0].what


def variable(**changes: Any) -> Variable:
    start: dict[str, Any] = {
        "name": "x",
        "type": "number",
        "has_default": False,
        "sensitive": False,
        "ephemeral": False,
    }
    return Variable(**{**start, "nullable": True, "description": "", "at": AT, **changes})


def test_null_is_refused_only_where_nothing_takes_its_place() -> None:
    null = Node(None, AT)
    assert check_input(variable(), null, "x") == []
    assert check_input(variable(nullable=False, has_default=True), null, "x") == []
    assert [p.what for p in check_input(variable(nullable=False), null, "x")] == [
        "x: null is not allowed, and the variable has no default"
    ]


@pytest.mark.parametrize("mark", ["sensitive", "ephemeral"])
def test_a_sensitive_value_is_not_quoted(mark: str) -> None:
    problems = check_input(variable(**{mark: True}), Node("hunter2", AT), "inputs.x")
    assert [str(problem) for problem in problems] == [f"{AT}: inputs.x: a number expected"]
