"""Files of `live/` as YAML with places: what a value is, what is refused, and that nothing hostile takes long."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.yaml.builder import MAX_DEPTH, MAX_VALUES
from orchestrator.config.yaml.reader import MAX_BYTES, parse_optional_yaml, parse_yaml, read_yaml
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import CatalogueError, Location


def parse(text: str) -> YamlValue:
    return parse_yaml(text.encode(), "f.yaml")


def data(value: YamlValue) -> Any:
    if value.kind is YamlKind.MAP:
        return {key: data(item) for key, item in value.items()}
    return [data(item) for item in value.value] if value.kind is YamlKind.LIST else value.value


def said(content: str | bytes) -> str:
    with pytest.raises(CatalogueError) as caught:
        parse_yaml(content.encode() if isinstance(content, str) else content, "f.yaml")
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_every_value_knows_its_place() -> None:
    value = parse("one: 1\ntwo:\n  - a\n  - b: ~\n")
    two = value.value["two"]
    assert value.where("two") == Location("f.yaml", 2, 1)
    assert two.at == Location("f.yaml", 3, 3)
    assert two.value[1].value["b"].at == Location("f.yaml", 4, 8)
    assert two.value[1].where("b") == Location("f.yaml", 4, 5)
    assert value.where("no such key") == value.at


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("true", YamlKind.BOOL, True),
        ("false", YamlKind.BOOL, False),
        ("", YamlKind.NULL, None),
        ("~", YamlKind.NULL, None),
        ("null", YamlKind.NULL, None),
        ("0", YamlKind.NUMBER, 0),
        ("-12", YamlKind.NUMBER, -12),
        ("5.100", YamlKind.NUMBER, 5.1),
        ("1e3", YamlKind.NUMBER, 1000.0),
        ("111111111111", YamlKind.NUMBER, 111111111111),
        ("eu-west-1", YamlKind.TEXT, "eu-west-1"),
        ("1.2.3", YamlKind.TEXT, "1.2.3"),
        ("10m", YamlKind.TEXT, "10m"),
        ("v2.3.1", YamlKind.TEXT, "v2.3.1"),
        ("=", YamlKind.TEXT, "="),
        ("https://x.example.com:8080/a#b", YamlKind.TEXT, "https://x.example.com:8080/a#b"),
        ("${{ data.tables }}", YamlKind.TEXT, "${{ data.tables }}"),
        ("'yes'", YamlKind.TEXT, "yes"),
        ('"011111111111"', YamlKind.TEXT, "011111111111"),
        ("|\n  a\n  b\n", YamlKind.TEXT, "a\nb\n"),
    ],
)
def test_what_a_word_is(text: str, kind: YamlKind, value: object) -> None:
    found = parse(f"key: {text}").value["key"]
    assert (found.kind, found.value) == (kind, value)
    assert type(found.value) is type(value)


def test_a_number_keeps_how_it_is_written() -> None:
    assert parse("key: 5.100").value["key"].raw == "5.100"


BOOLISH = ["yes", "No", "ON", "off", "y", "N", "True", "FALSE"]
DATES = ["2026-01-01", "2026-1-1", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43"]
NUMBERISH = ["011111111111", "0x1F", "0o17", "1_000", ".5", "5.", "1:30", "190:20:30", ".inf", "-.INF", ".NaN", "08.5"]


@pytest.mark.parametrize(
    ("word", "is_"),
    [
        *((word, "some YAML parsers read it as a boolean") for word in BOOLISH),
        *((word, "some YAML parsers read it as a date") for word in DATES),
        *((word, "YAML parsers read it as different numbers") for word in NUMBERISH),
    ],
)
def test_a_word_that_readers_take_for_different_things_is_quoted_back(word: str, is_: str) -> None:
    text = said(f"key: {word}")
    assert text.startswith(f'f.yaml:1:6: {word} is ambiguous: {is_} — if it is text, quote it: "{word}"')
    assert data(parse(f'key: "{word}"')) == {"key": word}


@pytest.mark.parametrize("word", ["9" * 41, "1" * 10_000, "1e999", "-1e999"])
def test_a_number_without_an_end_is_no_number(word: str) -> None:
    assert "if it is text, quote it" in said(f"key: {word}")


def test_anchors_and_merge_keys() -> None:
    value = parse(
        "base: &base {a: 1, b: 2}\n"
        "other: &other {b: 3, c: 4}\n"
        "one:\n  <<: *base\n  b: own\n"
        "two:\n  <<: [*base, *other]\n"
        'three: {"<<": 1}\n'
    )
    assert data(value.value["one"]) == {"b": "own", "a": 1}
    assert data(value.value["two"]) == {"a": 1, "b": 2, "c": 4}
    assert data(value.value["three"]) == {"<<": 1}
    assert value.value["one"].where("a") == Location("f.yaml", 1, 14), "a merged value is where it is written"
    assert value.value["two"].value["c"] is value.value["other"].value["c"], "and shared"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!str 1", "f.yaml:1:4: unsupported tag 'tag:yaml.org,2002:str' — write the value without a tag"),
        ("a: !x [1]", "f.yaml:1:4: unsupported tag '!x' — write the value without a tag"),
        ("a: ! x", "f.yaml:1:4: unsupported tag '!' — write the value without a tag"),
        ("!!str a: 1", "f.yaml:1:1: unsupported tag 'tag:yaml.org,2002:str' — write the value without a tag"),
        (
            "a: !!python/object/apply:os.system [x]",
            ("f.yaml:1:4: unsupported tag 'tag:yaml.org,2002:python/object/apply:os.system'"
            " — write the value without a tag"),
        ),
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: duplicate key 'a' — it is already set on line 1"),
        (
            "x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x",
            "f.yaml:4:3: duplicate key '<<' — write a list of maps: <<: [*one, *two]",
        ),
        ("a:\n  <<: 5", "f.yaml:2:7: << must be a map or a list of maps"),
        ("a: *b", "f.yaml:1:4: unknown alias *b — define &b earlier in this file"),
        ("a: &a [*a]", "f.yaml:1:8: *a is inside &a, so it refers to itself"),
        ("&a key: 1", "f.yaml:1:1: a key cannot have an anchor — put the anchor on the value"),
        ("? [a]\n: 1", "f.yaml:1:3: a key must be text"),
        ("~: 1", 'f.yaml:1:1: a key must be text — quote it: "~"'),
        ('"${{ stage }}": 1', "f.yaml:1:1: a reference cannot be a key — write the key out"),
        ("a: 1\n---\nb: 1", "f.yaml:2:1: a second document begins here — write one document per file"),
        ("# nothing\n", "f.yaml: the file is empty — delete it, or add its content"),
        ("~\n", "f.yaml: the file is empty — delete it, or add its content"),
        ("", "f.yaml: the file is empty — delete it, or add its content"),
        (" \n\n", "f.yaml: the file is empty — delete it, or add its content"),
        ("a: [1", "f.yaml:2:1: invalid YAML: did not find expected ',' or ']'"),
        ("a:\n\tb: 1", ("f.yaml:2:1: invalid YAML: found character that cannot start any token"
         " — indent with spaces, not tabs")),
        ("a: {b: ${{ c.d }}}", ("f.yaml:1:9: invalid YAML: did not find expected ',' or '}'"
         ' — inside { } and [ ] a reference must be quoted: "${{ … }}"')),
        ("a: [${{ c.d }}, x]", ("f.yaml:1:6: invalid YAML: did not find expected ',' or ']'"
         ' — inside { } and [ ] a reference must be quoted: "${{ … }}"')),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str) -> None:
    assert said(text) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: [iam:DeleteRole, 5, AWS::IAM::Role]", {"a": ["iam:DeleteRole", 5, "AWS::IAM::Role"]}),
        ("a: {x: ssm:/path, y: }", {"a": {"x": "ssm:/path", "y": None}}),
    ],
)
def test_a_colon_inside_of_a_word_needs_no_quotes_in_brackets(text: str, value: object) -> None:
    """YAML 1.2 reads it so, and ruamel.yaml's C parser does not."""
    assert data(parse(text)) == value
    assert parse(f"z: 1\n{text}").value["a"].at == Location("f.yaml", 2, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [x:y]\na: 1", "f.yaml:2:1: duplicate key 'a'"),
        ("a: [!x b:c]", "f.yaml:1:5: unsupported tag '!x'"),
        ("a: [x:y, yes]", "f.yaml:1:10: yes is ambiguous"),
        ("a: [x:y, *n]", "f.yaml:1:10: unknown alias *n"),
        ("a: [x:y\n", "f.yaml:2:1: invalid YAML"),
        ("a: [x:y]\n---\nb: 1", "f.yaml:2:1: a second document begins here"),
        (f"a: [x:y, {'[' * 50}{']' * 50}]", "f.yaml:1:48: values are nested deeper than 40 levels"),
    ],
)
def test_such_a_file_is_refused_for_the_same_reasons_as_any(text: str, message: str) -> None:
    assert said(text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1", "f.yaml:1:4: anchors are not allowed here — write the value out in full"),
        ("a: &x {b: 1}", "f.yaml:1:4: anchors are not allowed here — write the value out in full"),
        ("- &x [1]\n- *x", "f.yaml:1:3: anchors are not allowed here — write the value out in full"),
        ("- *x", "f.yaml:1:3: aliases are not allowed here — write the value out in full"),
        ("a: [b:c, *x]", "f.yaml:1:10: aliases are not allowed here — write the value out in full"),
        ("a:\n  <<: {b: 1}", "f.yaml:2:3: merge keys are not allowed here — write the value out in full"),
    ],
)
def test_anchors_aliases_and_merge_keys_are_refused_where_the_caller_forbids_them(text: str, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_optional_yaml(text.encode(), "f.yaml", aliases=False)
    assert str(caught.value.problems[0]) == message
    assert parse_optional_yaml(b'"<<": 1\n', "f.yaml", aliases=False) is not None


def test_an_unquoted_date_is_text_where_the_caller_says_so() -> None:
    found = parse_optional_yaml(b"a: 2026-12-01\n", "f.yaml", plain_dates=True)
    assert found is not None
    assert data(found) == {"a": "2026-12-01"}


@pytest.mark.parametrize("content", ["", "# nothing\n", "~\n", "---\n", " \n\n"])
def test_a_file_may_be_empty_where_the_caller_says_so(content: str) -> None:
    assert parse_optional_yaml(content.encode(), "f.yaml") is None


def test_what_is_no_text() -> None:
    control = "f.yaml:2: the file contains the control character '\\x1b' — it is binary: save it as text"
    assert said("a: 1\nb: \x1b[0m") == control
    encoding = "f.yaml:2: the file is not UTF-8 text — it is binary, or saved in another encoding"
    assert said(b"a: 1\nb: \xff\xfe") == encoding
    assert said(b"\x7fELF\x00\x00").startswith("f.yaml:1: the file contains the control character '\\x7f'")
    assert data(parse_yaml(b"\xef\xbb\xbfa: 1", "f.yaml")) == {"a": 1}, "a byte order mark is no mistake"


def test_sizes_have_limits() -> None:
    assert f"more than {MAX_BYTES:,} bytes" in said("a: " + "x" * MAX_BYTES)
    assert f"nested deeper than {MAX_DEPTH} levels" in said("[" * 50 + "]" * 50)
    assert f"more than {MAX_VALUES:,} values" in said("- x\n" * (MAX_VALUES + 1))


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_depth_is_refused_before_python_gives_up(opening: str) -> None:
    said(opening * 100_000)


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    start = time.perf_counter()
    message = said("\n".join(lines))
    assert time.perf_counter() - start < 1
    assert message.startswith("f.yaml:5:25: more than 50,000 values after aliases are expanded")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_aliases_of_aliases_have_no_more_depth_than_what_is_written_out(opening: str, closing: str) -> None:
    def nested(levels: int) -> str:
        """Each alias brings along 9 levels, and stands in 9 more."""
        inner = ("x", *(f"*a{n}" for n in range(levels)))
        return "\n".join(f"- &a{n} {opening * 9}{value}{closing * 9}" for n, value in enumerate(inner))

    assert parse(nested(3)).depth == 38
    assert (
        said(nested(4)) == f"f.yaml:5:{len('- &a4 ') + 9 * len(opening) + 1}: values are nested deeper than 40 levels"
    )
    assert "deeper than 40" in said(nested(200))


def test_a_bomb_of_merge_keys_is_refused_at_once() -> None:
    lines = ["m0: &m0 {" + ", ".join(f"k{n}: x" for n in range(100)) + "}"]
    lines += [f"m{n}: &m{n} {{{', '.join(f'k{k}: *m{n - 1}' for k in range(100))}}}" for n in range(1, 6)]
    assert "more than 50,000 values" in said("\n".join(lines))


@pytest.mark.parametrize(
    "bomb",
    ["- <<: *a\n" * 20_000, f"  <<: [{', '.join(['*a'] * 20_000)}]\n", f"- <<: {'{<<: ' * 30}*a{'}' * 30}\n" * 100],
    ids=["maps", "sources", "nested"],
)
def test_merged_maps_count_before_they_are_copied(bomb: str) -> None:
    keys = "".join(f"  k{number}: 1\n" for number in range(2000))
    start = time.perf_counter()
    message = said(f"a: &a\n{keys}b:\n{bomb}")
    assert time.perf_counter() - start < 1
    assert "more than 50,000 values after aliases are expanded" in message


def test_of_a_file_without_end_no_more_is_read_than_it_may_have(tmp_path: Path) -> None:
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    with pytest.raises(CatalogueError, match=r"^zero\.yaml: the file has more than 1,000,000 bytes"):
        read_yaml(tmp_path / "zero.yaml", root=tmp_path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to("nowhere")
    with pytest.raises(CatalogueError, match=r"^link\.yaml: cannot read the file: No such file or directory$"):
        read_yaml(tmp_path / "link.yaml", root=tmp_path)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
KEYS = TEXTS.filter(lambda key: "${{" not in key)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**38), 10**38) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def _yaml(value: Any) -> str:
    """A value in the flow style, every character of its strings escaped that YAML would not take as it is."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str):
        safe = (c if " " <= c <= "~" and c not in '"\\\\' else f"\\U{ord(c):08x}" for c in value)
        return '"' + "".join(safe) + '"'
    return json.dumps(value)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_quoted_text_comes_out_as_it_was(value: dict[str, Any]) -> None:
    assert data(parse(_yaml(value))) == value


@given(st.binary(max_size=200))
def test_whatever_is_in_a_file_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(CatalogueError):
        assert isinstance(parse_yaml(content, "f.yaml"), YamlValue)


@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"%@`,?#~<= \n\t0.9eE+x${"), max_size=80))
def test_whatever_looks_like_yaml_is_read_or_refused(content: str) -> None:
    with contextlib.suppress(CatalogueError):
        assert isinstance(parse_yaml(content.encode(), "f.yaml"), YamlValue)
