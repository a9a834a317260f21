"""The few things that are done to a state's bytes: all others stay, digit by digit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UnitError
from orchestrator.run.migrate.adopt import top_level
from orchestrator.terraform.state.edit import emptied, with_serial, without_outputs
from orchestrator.terraform.state.reader import read_state

EXACT = '"attributes": {"n": 1.00, "big": 123456789012345678901234567890.5, "text": "\\u00e9 \\"outputs\\": {}"}'
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def state(outputs: str = "{}", serial: int = 7) -> str:
    resource = (
        '{"mode": "managed", "type": "a", "name": "b", "provider": "provider[\\"x\\"]", "instances": [{' + EXACT + "}]}"
    )
    return (
        '{\n  "version": 4,\n  "terraform_version": "1.11.4",\n'
        f'  "serial": {serial},\n  "lineage": "11-22",\n  "outputs": {outputs},\n  "resources": [{resource}],\n'
        '  "check_results": null\n}\n'
    )


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_only_the_serial_changes(before: int, after: int) -> None:
    assert with_serial(state(serial=before).encode(), after).decode() == state(serial=after)


@given(st.dictionaries(st.text(max_size=6), st.fixed_dictionaries({"value": values}), max_size=4), st.booleans())
def test_only_the_outputs_go(outputs: dict[str, Any], compact: bool) -> None:
    text = json.dumps(outputs) if compact else json.dumps(outputs, indent=2)
    assert without_outputs(state(text).encode()).decode() == state()


def test_what_is_left_of_a_state_goes_on_with_its_history() -> None:
    left = read_state(emptied(state('{"x": {"value": 1}}').encode()))
    assert (left.lineage, left.serial, left.addresses, dict(left.outputs)) == ("11-22", 8, (), {})


@pytest.mark.parametrize("data", [b"", b"{}", b'{"serial": 1, "version": 4, "lineage": "l"}', b"\xff"])
def test_what_is_no_state_of_terraforms_is_left_alone(data: bytes) -> None:
    with pytest.raises(UnitError):
        with_serial(data, 2)
    with pytest.raises(UnitError):
        without_outputs(data)


def test_the_root_of_a_state_is_moved_as_few_as_there_are_things_in_it() -> None:
    resources = [
        {"mode": "managed", "type": "a", "name": "b"},
        {"mode": "data", "type": "a", "name": "c"},
        {"module": "module.m", "mode": "managed", "type": "a", "name": "b"},
        {"module": 'module.m["x.y"].module.n', "mode": "data", "type": "a", "name": "b"},
        {"module": "module.this", "mode": "managed", "type": "a", "name": "b"},
    ]
    assert list(top_level({"resources": resources})) == ["a.b", "module.m", 'module.m["x.y"]']
