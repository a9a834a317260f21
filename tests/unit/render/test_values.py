"""Known values, unknown values, and what a reference finds in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.nodes import Node, Ref, Text
from orchestrator.errors import Location, UnitError
from orchestrator.render.values import UNKNOWN, check_texts, has_unknown, lookup, merge_unknown, references
from tests.support.aws import unit as aws_unit

AT = Location("live/stacks/api.yaml", 5, 9)


def ref(output: str, *path: str | int) -> Ref:
    return Ref(unit="prod/data", output=output, path=path, at=AT)


def test_a_value_at_a_path() -> None:
    upstream = {"prod/data": {"tables": {"users": {"name": "t"}}, "list": ["a", "b"]}}
    assert lookup(ref("tables", "users", "name"), upstream) == "t"
    assert lookup(ref("list", 1), upstream) == "b"
    assert lookup(ref("tables"), upstream) == {"users": {"name": "t"}}


def test_below_an_unknown_everything_is_unknown() -> None:
    assert lookup(ref("tables", "users", "name"), {"prod/data": {"tables": UNKNOWN}}) is UNKNOWN
    assert lookup(ref("tables"), {"prod/data": None}) is UNKNOWN


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (ref("nope"), "prod/data has no output 'nope' in its state yet (it has: list, tables)"),
        (ref("tables", "orders"), "prod/data.tables has no 'orders' (it has: users)"),
        (ref("tables", "users", "name", "x"), "prod/data.tables.users.name has no 'x' (it is text)"),
        (ref("list", 7), "prod/data.list has no 7 (it is a list of 2)"),
    ],
)
def test_a_reference_to_nothing_says_what_is_there(reference: Ref, words: str) -> None:
    upstream = {"prod/data": {"tables": {"users": {"name": "t"}}, "list": ["a", "b"]}}
    with pytest.raises(UnitError) as error:
        lookup(reference, upstream)
    assert error.value.what == words
    assert error.value.where == AT


def test_references_inside_of_text_and_nested_values() -> None:
    node = Node({"a": Node((Node(ref("x"), AT), Node("plain", AT)), AT), "b": Node(Text(("t-", ref("y")), AT), AT)}, AT)
    assert [each.output for each in references(node)] == ["x", "y"]


def test_unknown_parts_of_a_plan_are_merged() -> None:
    after = {"name": "a", "tags": {"x": "1"}, "rules": [{"port": 1}]}
    marks = {"arn": True, "tags": {"y": True}, "rules": [{"id": True}, True]}
    assert merge_unknown(after, marks) == {
        "name": "a",
        "tags": {"x": "1", "y": UNKNOWN},
        "rules": [{"port": 1, "id": UNKNOWN}, UNKNOWN],
        "arn": UNKNOWN,
    }


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(json_values)
def test_without_unknowns_a_value_stays_as_it_is(value: Any) -> None:
    assert merge_unknown(value, False) == value
    assert not has_unknown(value)


@given(json_values)
def test_a_wholly_unknown_value_is_unknown(value: Any) -> None:
    assert merge_unknown(value, True) is UNKNOWN
    assert has_unknown([value, {"a": [UNKNOWN]}])


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "null"), (["a"], "a list"), ({"a": 1}, "a map"), (UNKNOWN, None), ("x", None), (0, None), (False, None)],
)
def test_a_text_has_no_place_for_null_lists_and_maps(value: object, said: str | None) -> None:
    inputs = {"a": Node((Node({"k": Node(Text(("t-", ref("y")), AT), AT)}, AT),), AT), "b": Node(ref("y"), AT)}
    unit = replace(aws_unit("prod/api", "production"), inputs=inputs)
    if said is None:
        check_texts(unit, {"prod/data": {"y": value}})
        return
    with pytest.raises(UnitError) as caught:
        check_texts(unit, {"prod/data": {"y": value}})
    assert caught.value.what == f"prod/data.y is {said}, which cannot be part of a text"
    assert caught.value.where == AT
