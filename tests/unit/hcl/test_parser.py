"""HCL as text becomes a tree; what is not HCL is an error at its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.hcl.expressions import parse_expression, parse_template
from orchestrator.hcl.json import parse_json
from orchestrator.hcl.parser import parse_hcl
from orchestrator.hcl.tree import (
    Constant,
    Entries,
    Expression,
    FunctionCall,
    HclError,
    Items,
    Reference,
    Template,
    constant_text,
    walk,
)
from tests.support.hcl import EVERYTHING


def value(text: str) -> Expression:
    return parse_hcl(f"x = {text}\n").attributes["x"].value


def references(expression: Expression) -> set[tuple[object, ...]]:
    return {(each.root, *each.steps) for each in walk(expression) if isinstance(each, Reference)}


def test_everything_that_hcl_has_is_read() -> None:
    body = parse_hcl(EVERYTHING)
    assert [(block.type, block.labels) for block in body.blocks] == [
        ("variable", ("a",)),
        ("locals", ()),
        ("locals", ()),
        ("resource", ("x", "y")),
        ("output", ("x",)),
    ]
    local = body.blocks[2].body.attributes
    assert list(local) == ["y", "z", "s", "h", "t", "u", "v", "w", "q", "r"]
    assert references(body.blocks[1].body.attributes["x"].value) == {("var", "a", "b-c", 0, "k", "z", 0)}
    assert references(local["y"].value) == {("local", "x"), ("k",), ("v",)}
    assert references(local["s"].value) == {("var", "a", "b")}
    assert constant_text(body.blocks[0].body.attributes["description"].value) == "Hello\n  world ${x}\n"
    assert constant_text(body.blocks[4].body.attributes["value"].value) == "$${a} ${b} %{ if x } $ % $x"
    assert [block.type for block in body.blocks[4].body.blocks] == ["dynamic"]
    assert {each.name for each in walk(local["q"].value) if isinstance(each, FunctionCall)} == {"upper"}


@pytest.mark.parametrize(("text", "index"), [("x.0", 0), ("x.1e3", 1000), ("x. 1E3", 1000), ("x[1e3]", 1000)])
def test_an_index_after_a_dot_can_be_any_number_without_a_point(text: str, index: int) -> None:
    assert references(value(text)) == {("x", index)}


@pytest.mark.parametrize(
    "text", ["x.*.a[*].b", "x.*.a[0].*.b", "x[*].a[*].b", "x[*].a.*.b", "(x.*.a).*.b", "x.*.a + y.*.b"]
)
def test_what_terraform_takes_of_two_splats(text: str) -> None:
    assert ("x",) in {each[:1] for each in references(value(text))}


def test_carriage_returns_and_a_byte_order_mark_change_nothing() -> None:
    plain = parse_hcl("a = 1\nb {\n  c = 2\n}\n")
    marked = parse_hcl("\ufeffa = 1\r\nb {\r\n  c = 2\r\n}\r\n")
    assert [each.text for each in marked.attributes.values()] == [each.text for each in plain.attributes.values()]
    assert marked.blocks[0].body.attributes["c"].value == Constant(
        2, marked.blocks[0].body.attributes["c"].position + 4
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a\\n\\t\\"\\\\\\u00e9\\U0001F600"', 'a\n\t"\\é😀'),
        ('""', ""),
        ('("x")', "x"),
        ('"a // b # c"', "a // b # c"),
        ("<<X\na\nX", "a\n"),
        ("<<X\na\n  X", "a\n"),
        ('<<X\n"\\n"\nX', '"\\n"\n'),
        ("<<-X\n    a\n\n      b\n    X", "a\n\n  b\n"),
        ("<<-X\n\u00a0a\n  \n\u2003 b\n    X", "a\n  \n b\n"),
    ],
)
def test_constant_text(text: str, expected: str) -> None:
    assert constant_text(value(text)) == expected


@pytest.mark.parametrize("text", ["1", "-1", "1.5", "1e3", "-1.5e-3", "true", "false", "null"])
def test_constants(text: str) -> None:
    found = value(text)
    assert isinstance(found, Constant)
    assert found.value == {"true": True, "false": False, "null": None}.get(
        text, None if text == "null" else _number(text)
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('a = "x\n', 1, "missing closing quote on this line"),
        ("a = 1\nb = {\n  c = 1\n", 4, "a value expected, found the end of the file"),
        ("b {\n  c = 1\n", 3, "'}' expected, found the end of the file"),
        ("a = [1\n", 2, "']' expected, found the end of the file"),
        ("a = \n", 1, "a value expected, found the end of the line"),
        ("a = 1 2\n", 1, "the end of the line expected, found '2'"),
        ("\n\na\n", 3, "'=' or '{' expected, found the end of the line"),
        ("a = 1\na = 2\n", 2, "a is set twice in one block"),
        ("a = <<X\nfoo\n", 1, "the heredoc is not closed"),
        ("a = 1 /* x\n", 1, "the comment /* is not closed"),
        ("a = b ? c\n", 1, "':' expected, found the end of the line"),
        ('a = "${b"\n', 1, "'}' expected, found '\"'"),
        ('a = "%{ if x }"\n', 1, "%{ endif } is missing"),
        ('a = "%{ endfor }"\n', 1, "%{ endfor } closes nothing"),
        ('a = "%{ else }"\n', 1, "%{ else } is outside an if"),
        ('a = "%{ loop }"\n', 1, "unknown template keyword 'loop'"),
        ('a = "\\q"\n', 1, "unknown escape \\q in text"),
        ('b "${x}" {\n}\n', 1, "a label cannot have ${…} in it"),
        ("a = x.0.1\n", 1, "an index is written [0][1], not .0.1"),
        ("a = x.*.b.*.c\n", 1, "a second .* after .* is written [*]"),
        ("a = x.*.*\n", 1, "a second .* after .* is written [*]"),
        ("b { c = 1, d = 2 }\n", 1, "'}' expected, found ','"),
        ("}\n", 1, "a block or an attribute expected, found '}'"),
        ("a = @\n", 1, "unexpected character '@'"),
        ("a\u00a0= 1\n", 1, "unexpected character U+00A0 (NO-BREAK SPACE)"),
        ("a = 1\f\n", 1, "unexpected character U+000C"),
        ("a = 1\r2\n", 1, "unexpected character U+000D"),
        ("a = 1\n\u2028b = 2\n", 2, "unexpected character U+2028 (LINE SEPARATOR)"),
        ("a = b\u200bc\n", 1, "unexpected character U+200B (ZERO WIDTH SPACE)"),
        ("a = \u0663\n", 1, "unexpected character '\u0663'"),
        ("a = \u00b2\n", 1, "unexpected character '\u00b2'"),
        ("a = 1.2.3\n", 1, "1.2.3 is not a number"),
        ("a = <<X \nX\n", 1, "a value expected, found '<'"),
        ("a = <<X\nX", 1, "the heredoc is not closed"),
        ("a = <<X\nX\u00a0\n", 2, "unexpected character U+00A0 (NO-BREAK SPACE)"),
        ("a = <<X\n\fX\n", 2, "unexpected character U+000C"),
        ("a = <<X\nb\rc\nX\n", 2, "unexpected character U+000D"),
        ("a = " + "[" * 100 + "\n", 1, "nested too deeply"),
        ("b {\n" * 100, 41, "nested too deeply"),
    ],
)
def test_what_is_not_hcl_is_an_error_at_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(HclError) as error:
        parse_hcl(text)
    assert (text.count("\n", 0, error.value.position) + 1, error.value.message) == (line, message)


GO_SPACE = "\t\v\f\r \u0085\u00a0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"
"""What Go's ``unicode.IsSpace`` accepts, but for the newline."""


@pytest.mark.parametrize("space", GO_SPACE, ids=lambda sign: f"U+{ord(sign):04X}")
def test_a_heredoc_never_goes_on_where_terraform_ends_it(space: str) -> None:
    """Terraform ends a heredoc at its marker in any white space; text after it is configuration."""
    for line in (f"X{space}", f"{space}X", f" {space} X {space}"):
        text = f'a = <<X\n{line}\nb = "hidden"\nc = <<X\nX\n'
        if position := refused_at(parse_hcl, text):
            assert text[position] == space
            assert space not in " \t"
        else:
            assert "b" in parse_hcl(text).attributes


def test_white_space_in_text_and_comments_is_left_alone() -> None:
    body = parse_hcl('a = "\u00a0\f" # \u2028\n/* \v\u0085 */\nb = <<X\n\u00a0X.\nX\n\u00e9t\u00e9 = 1\n')
    assert constant_text(body.attributes["a"].value) == "\u00a0\f"
    assert constant_text(body.attributes["b"].value) == "\u00a0X.\n"
    assert list(body.attributes) == ["a", "b", "\u00e9t\u00e9"]


def test_a_template_in_json_ends_at_a_carriage_return_as_in_terraform() -> None:
    """Its scanner stops there, and takes the rest as text."""
    assert constant_text(parse_template("a\r${b}")) == "a\r${b}"
    assert references(parse_template("a\r\n${b}")) == {("b",)}


def refused_at(parse: Callable[[str], object], text: str) -> int:
    """Where the parser refuses the text; 0 when it does not."""
    try:
        parse(text)
    except HclError as error:
        return error.position
    return 0


@given(st.text() | st.text(alphabet='ab="${}%[]().,:?\n\\<>-*/#!~ 01'))
def test_any_text_is_read_or_refused_at_a_place_inside_of_it(text: str) -> None:
    for parse in (parse_hcl, parse_expression, parse_template, parse_json):
        assert 0 <= refused_at(parse, text) <= len(text)


@given(
    st.integers(0, len(EVERYTHING)),
    st.integers(0, 5),
    st.sampled_from(['"', "${", "}", "{", "\n", "<<X\n", "%{", "", "("]),
)
def test_a_damaged_file_never_ends_in_another_error(start: int, cut: int, put: str) -> None:
    text = EVERYTHING[:start] + put + EVERYTHING[start + cut :]
    assert 0 <= refused_at(parse_hcl, text) <= len(text)


@pytest.mark.parametrize("text", ["a = {}\n", "a = -{}\n", "a = b.{}\n", "a = [1][{}]\n"])
def test_a_number_without_end_is_refused_as_what_is_not_hcl_is(text: str) -> None:
    with pytest.raises(HclError, match="digits"):
        parse_hcl(text.format("9" * 5000))
    with pytest.raises(HclError, match="digits"):
        parse_json('{"locals": {"a": ' + "9" * 5000 + "}}")


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


@given(st.text())
def test_text_in_quotes_comes_back(text: str) -> None:
    assert constant_text(value(quoted(text))) == text


def test_json_syntax_becomes_the_same_tree() -> None:
    body = parse_json(
        '{"//": "x", "variable": {"a": {"type": "string", "//": 1}},'
        ' "resource": [{"t": {"x": {"provisioner": [{"local-exec": {"command": "c"}}]}, "y": [{"n": 1}]}}],'
        ' "locals": {"l": ["${var.a}", "$${b}", {"k": null}]}}'
    )
    assert [(block.type, block.labels) for block in body.blocks] == [
        ("variable", ("a",)),
        ("resource", ("t", "x")),
        ("resource", ("t", "y")),
        ("locals", ()),
    ]
    assert list(body.blocks[0].body.attributes) == ["type"]
    assert body.blocks[1].body.blocks[0].labels == ("local-exec",)
    found = body.blocks[3].body.attributes["l"].value
    assert isinstance(found, Items)
    assert [type(each) for each in found.items] == [Template, Constant, Entries]
    assert references(found) == {("var", "a")}
    assert constant_text(found.items[1]) == "${b}"


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("[1]", 0, "a JSON object expected"),
        ('{"a": 1,}', 8, None),
        ('{"variable": 1}', 1, "variable must be an object or a list of objects"),
        ('{"locals": {"a": "${1"}}', 12, "'}' expected, found the end of the file"),
        ('{"locals": {"a": 1, "a": 2}}', 20, "a is set twice in one block"),
        ('{"locals": {"a": ' + "[" * 5000 + "]" * 5000 + "}}", 0, "nested too deeply"),
    ],
)
def test_json_that_is_none(text: str, position: int, message: str | None) -> None:
    with pytest.raises(HclError) as error:
        parse_json(text)
    assert error.value.message == (message or error.value.message)
    assert abs(error.value.position - position) <= 1
