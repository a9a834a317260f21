"""Merging: maps by key, lists and scalars replace, null clears; the laws that make it safe to think in layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.live.merge import (
    StackEntry,
    extend_entries,
    extend_stage,
    merge,
    without_cleared_keys,
    without_nulls,
)
from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import Location

HERE = Location("f.yaml", 1, 1)
_KINDS = {type(None): YamlKind.NULL, bool: YamlKind.BOOL, int: YamlKind.NUMBER, str: YamlKind.TEXT}


def yaml(value: Any) -> YamlValue:
    """Plain data as if it had been read."""
    if isinstance(value, dict):
        items = {key: yaml(item) for key, item in value.items()}
        size = 1 + sum(item.size for item in items.values())
        return YamlValue(YamlKind.MAP, items, HERE, size=size, key_at=dict.fromkeys(items, HERE))
    if isinstance(value, list):
        found = tuple(map(yaml, value))
        return YamlValue(YamlKind.LIST, found, HERE, size=1 + sum(item.size for item in found))
    return YamlValue(_KINDS[type(value)], value, HERE, str(value))


def data(value: YamlValue) -> Any:
    if value.kind is YamlKind.MAP:
        return {key: data(item) for key, item in value.items()}
    return [data(item) for item in value.value] if value.kind is YamlKind.LIST else value.value


def read(text: str) -> YamlValue:
    return parse_yaml(text.encode(), "f.yaml")


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"x": 1}}, {"a": 5}, {"a": 5}),
        ({"a": 5}, {"a": {"x": None, "y": 1}}, {"a": {"y": 1}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": None}}, {"a": {"y": 2}}),
        ({"a": 1}, {"b": {"x": None}}, {"a": 1, "b": {}}),
        ({"a": 1}, {"a": [None]}, {"a": [None]}),
        ({"a": 1}, {"a": False}, {"a": False}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_merging(base: Any, over: Any, merged: Any) -> None:
    assert data(merge(yaml(base), yaml(over))) == merged


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
MAPS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def without(value: Any) -> Any:
    """Maps without their nulls: what a merged value looks like."""
    if isinstance(value, dict):
        return {key: without(item) for key, item in value.items() if item is not None}
    return value


CLEAN = MAPS.map(without)


@given(CLEAN)
def test_nothing_over_something_changes_nothing(base: dict[str, Any]) -> None:
    value = yaml(base)
    assert merge(value, yaml({})) is value


@given(MAPS)
def test_something_over_nothing_is_itself_without_nulls(over: dict[str, Any]) -> None:
    assert data(merge(yaml({}), yaml(over))) == without(over)


@given(CLEAN, MAPS)
def test_merging_twice_is_merging_once(base: dict[str, Any], over: dict[str, Any]) -> None:
    once = merge(yaml(base), yaml(over))
    assert data(merge(once, yaml(over))) == data(once)


@given(CLEAN, MAPS)
def test_the_right_most_wins(base: dict[str, Any], over: dict[str, Any]) -> None:
    merged = data(merge(yaml(base), yaml(over)))
    for key, value in over.items():
        if value is None:
            assert key not in merged
        elif not isinstance(value, dict):
            assert merged[key] == value
        elif not isinstance(base.get(key), dict):
            assert merged[key] == without(value)
    for key, value in base.items():
        if key not in over:
            assert merged[key] == value


@given(CLEAN, CLEAN, CLEAN)
def test_without_nulls_the_order_of_merging_does_not_matter(a: Any, b: Any, c: Any) -> None:
    """A scalar between two maps cuts them apart, so this holds where all three agree about what is a map."""
    left = data(merge(merge(yaml(a), yaml(b)), yaml(c)))
    right = data(merge(yaml(a), merge(yaml(b), yaml(c))))
    if _shapes(a, b, c):
        assert left == right


def _shapes(*values: Any) -> bool:
    keys = {key for value in values for key in value}
    for key in keys:
        found = [value[key] for value in values if key in value]
        maps = [isinstance(each, dict) for each in found]
        if any(maps) and not (all(maps) and _shapes(*found)):
            return False
    return True


@given(CLEAN, CLEAN)
def test_what_only_one_of_them_has_is_shared(base: dict[str, Any], over: dict[str, Any]) -> None:
    left, right = yaml(base), yaml(over)
    merged = merge(left, right)
    for key in base.keys() - over.keys():
        assert merged.value[key] is left.value[key]
    for key in over.keys() - base.keys():
        assert merged.value[key] is right.value[key]


@given(CLEAN, MAPS)
def test_neither_side_is_changed(base: dict[str, Any], over: dict[str, Any]) -> None:
    left, right = yaml(base), yaml(over)
    merged = merge(left, right)
    assert data(left) == base
    assert data(right) == over
    assert merged.size == yaml(data(merged)).size


@given(CLEAN)
def test_without_nulls_there_is_nothing_to_take_out(value: dict[str, Any]) -> None:
    found = yaml(value)
    assert without_nulls(found) is found


def test_a_merged_value_keeps_its_place() -> None:
    base = read("inputs:\n  a: 1\n  b: 2\n")
    merged = merge(base, read("\n\n\ninputs:\n  b: 3\n"))
    inputs = merged.value["inputs"]
    assert str(inputs.value["a"].at) == "f.yaml:2:6"
    assert str(inputs.value["b"].at) == "f.yaml:5:6"
    assert str(inputs.where("a")) == "f.yaml:2:3"
    assert str(inputs.where("b")) == "f.yaml:5:3"


def test_a_stack_file_keeps_an_input_that_is_null_and_nothing_else() -> None:
    file = read("module: any\nversion:\ninputs: {a: null, b: {c: null}}\nsecrets: {x: null}\n")
    assert data(without_cleared_keys(file)) == {"module": "any", "inputs": {"a": None, "b": {"c": None}}, "secrets": {}}
    assert data(without_cleared_keys(read("module: any\ninputs:\n"))) == {"module": "any"}


def stages(*texts: str) -> dict[str, Any]:
    """What a chain of stages, the one that extends nothing first, makes of `stack`."""
    stack = without_cleared_keys(read("module: m\nregions: [r-1]\ninputs: {a: file, b: file, c: {x: 1}}\n"))
    entries: Mapping[str, StackEntry] = {}
    for text in texts:
        entries = extend_entries(entries, read(text), {"stack": stack})
    body = entries["stack"].body
    found: dict[str, Any] = data(body) if body is not None else {"dropped": entries["stack"].dropped}
    return found


FILE = {"a": "file", "b": "file", "c": {"x": 1}}


def test_empty_means_as_the_parent_has_it() -> None:
    assert stages("stack:")["inputs"] == FILE
    assert stages("stack: {inputs: {a: prod}}", "stack:")["inputs"] == {**FILE, "a": "prod"}
    assert stages("stack: {inputs: {a: prod}}", "other:")["inputs"] == {**FILE, "a": "prod"}


def test_false_means_not_here_and_what_comes_after_starts_anew() -> None:
    assert stages("stack: {inputs: {a: prod}}", "stack: false") == {"dropped": True}
    assert stages("stack: false", "other:") == {"dropped": True}
    assert stages("stack: {inputs: {a: prod}}", "stack: false", "stack:")["inputs"] == FILE
    assert stages("stack: {inputs: {a: prod}}", "stack: false", "stack: {inputs: {b: x}}")["inputs"] == {
        **FILE,
        "b": "x",
    }


def test_null_clears_the_parents_value_and_the_files() -> None:
    assert stages("stack: {inputs: {a: null}}")["inputs"] == {"b": "file", "c": {"x": 1}}
    assert stages("stack: {inputs: {a: prod}}", "stack: {inputs: {a: null}}")["inputs"] == {"b": "file", "c": {"x": 1}}
    assert stages("stack: {inputs: {c: null}}", "stack: {inputs: {c: {y: 2}}}")["inputs"]["c"] == {"y": 2}
    assert "inputs" not in stages("stack: {inputs: null}")


def test_of_region_and_regions_the_nearest_wins() -> None:
    assert stages("stack: {region: r-2}")["region"] == "r-2"
    assert "regions" not in stages("stack: {region: r-2}")
    assert stages("stack: {region: r-2}", "stack: {regions: [r-3]}")["regions"] == ["r-3"]
    assert "region" not in stages("stack: {region: r-2}", "stack: {regions: [r-3]}")
    both = stages("stack: {region: r-2, regions: [r-3]}")
    assert {"region", "regions"} <= both.keys(), "both in one place stay, and are an error later"


def test_imports_are_never_inherited() -> None:
    assert stages("stack: {imports: {x.y: id}}")["imports"] == {"x.y": "id"}
    assert "imports" not in stages("stack: {imports: {x.y: id}}", "stack:")
    assert stages("stack: {imports: {x.y: id}}", "stack: {imports: {x.z: id}}")["imports"] == {"x.z": "id"}
    assert stages("stack: {moved: {x.y: x.z}}", "stack:")["moved"] == {"x.y": "x.z"}


def test_wiring_expiry_and_disposability_are_never_inherited() -> None:
    parent = read("account: main\nregion: r-1\nuses: {a: x/y}\nexpires: 'day'\ndisposable: true\nstacks: {s: }\n")
    merged = extend_stage(parent, read("extends: parent\nuses: {b: null}\n"))
    assert data(merged) == {"account": "main", "region": "r-1", "uses": {"b": None}}
    assert data(extend_stage(parent, read("extends: parent\nregion: null\n"))) == {"account": "main"}
