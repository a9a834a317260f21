"""Text becomes HCL in one place, and means itself there."""

from __future__ import annotations

import io
from typing import Any

import hcl2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.render.hcl_text import hcl_identifier, hcl_literal, hcl_quote
from orchestrator.render.values import UNKNOWN


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", '"plain"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("a\nb", '"a\\nb"'),
        ('${file("/etc/passwd")}', '"$${file(\\"/etc/passwd\\")}"'),
        ("%{ if true }", '"%%{ if true }"'),
        ("\\", '"\\\\"'),
        ("\x00\x7f", '"\\u0000\\u007F"'),
    ],
)
def test_quoted(text: str, written: str) -> None:
    assert hcl_quote(text) == written


@given(st.text())
def test_a_quoted_text_stays_on_its_line_and_closes_once(text: str) -> None:
    quoted = hcl_quote(text)
    assert "\n" not in quoted
    inner = quoted[1:-1]
    unescaped = inner.replace("\\\\", "").replace('\\"', "")
    assert '"' not in unescaped
    assert "${" not in inner.replace("$${", "")


@pytest.mark.parametrize("name", ["a-b", "_x", "A1"])
def test_identifiers(name: str) -> None:
    assert hcl_identifier(name) == name


@pytest.mark.parametrize("name", ["", "1a", "a.b", "a b", 'a"', "a\n", "ä"])
def test_no_identifiers(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        hcl_identifier(name)


def test_constants_with_unknowns() -> None:
    value = {"b": [1, UNKNOWN, None], "a": {"x": True, "y": 1.5}, "c": {}}
    assert hcl_literal(value, "U") == '{ "a" = { "x" = true, "y" = 1.5 }, "b" = [1, U, null], "c" = {} }'


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | st.text(st.characters(codec="ascii", min_codepoint=32)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_constants_are_hcl(value: Any) -> None:
    assert hcl2.load(io.StringIO(f"locals {{\n  x = {hcl_literal(value, 'null')}\n}}\n"))["locals"]
