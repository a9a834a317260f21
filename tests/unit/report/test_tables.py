"""Tables and their JSON twins, and how text is measured."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.style import Paint, width_of
from orchestrator.report.tables import Column, dump, rows_json, table
from orchestrator.report.text import cell_width, clean, clean_block, duration, listed, pad, quote, shorten, wrap

ROWS: list[dict[str, Any]] = [
    {"unit": "prod/api", "units": 3, "protected": True, "upstreams": ["prod/data", "prod/identity"], "version": None},
    {"unit": "prod/data", "units": 12, "protected": False, "upstreams": [], "version": "v2"},
]


def test_table() -> None:
    columns: list[Column | str] = [
        Column("unit", "UNIT"),
        Column("units", right=True),
        "protected",
        "upstreams",
        "version",
    ]
    assert table(ROWS, columns).split("\n") == [
        "UNIT       units  protected  upstreams                 version",
        "prod/api       3  yes        prod/data, prod/identity",
        "prod/data     12  no                                   v2",
    ]


def test_no_rows_no_table() -> None:
    assert table([]) == ""


def test_optional_columns_go_first_on_a_narrow_terminal_and_nothing_is_cut() -> None:
    columns = [Column("unit"), Column("upstreams", optional=True), Column("version", optional=True)]
    assert table(ROWS, columns, width=46).split("\n")[0].split() == ["unit", "upstreams", "version"]
    assert table(ROWS, columns, width=40).split("\n")[0].split() == ["unit", "upstreams"]
    assert table(ROWS, columns, width=1) == "unit\nprod/api\nprod/data"


def test_wide_characters_keep_columns_in_line() -> None:
    text = table([{"a": "日本", "b": "x"}, {"a": "abc", "b": "y"}])
    assert text.split("\n")[1:] == ["日本  x", "abc   y"]


def test_color_is_outside_the_spaces() -> None:
    text = table(ROWS[:1], ["unit", "units"], color=True, style=lambda _, key: "red" if key == "unit" else "")
    assert text.split("\n")[1] == "\x1b[31mprod/api\x1b[0m  3"


def test_json_twin_keeps_types() -> None:
    assert json.loads(rows_json("list", ROWS)) == {"format": 1, "kind": "list", "rows": ROWS}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(st.characters()), st.lists))
def test_json_is_harmless_on_a_terminal_and_reads_back(value: Any) -> None:
    text = dump({"value": value})
    assert all(c == "\n" or c.isprintable() for c in text)
    assert json.loads(text) == {"value": value}


@given(st.text())
def test_cleaned_text_is_one_harmless_line(text: str) -> None:
    once = clean(text)
    assert not any(c in once for c in "\n\r\t\x1b\x00\x9b\u2028\u202e")
    assert clean(once) == once
    once.encode()


@given(st.text(), st.integers(1, 50), st.integers(0, 60))
def test_shortened_text_is_a_part_of_the_text(text: str, limit: int, start: int) -> None:
    short = shorten(text, limit=limit, start=start)
    assert len(short) <= limit + 2
    assert short.removeprefix("…").removesuffix("…") in text


WORDS = st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), max_size=20)


@given(WORDS, st.integers(1, 60), st.sampled_from(["", "  ", "      "]), st.sampled_from(["", "    ", "    │ "]))
def test_wrapped_text_breaks_no_word(words: list[str], width: int, indent: str, hang: str) -> None:
    lines = list(wrap(" ".join(words), width=width, indent=indent, hang=hang))
    found = [line.removeprefix(hang if number else indent) for number, line in enumerate(lines)]
    assert " ".join(found).split(" ") == (words or [""])
    room = max(width, len(indent) + 20)
    assert all(cell_width(line) <= room or " " not in found[number] for number, line in enumerate(lines))


def test_a_cell_of_the_last_column_wraps_and_is_not_cut() -> None:
    columns = [Column("unit"), Column("value", wrap=True)]
    rows = [{"unit": "prod/api", "value": "one two three four five six"}, {"unit": "b", "value": "arn:" + "x" * 40}]
    assert table(rows, columns, width=32).split("\n") == [
        "unit      value",
        "prod/api  one two three four",
        "          five six",
        "b",
        "    arn:" + "x" * 40,
    ]


CELLS = st.lists(WORDS.map(" ".join), min_size=3, max_size=3)


@given(st.lists(CELLS, min_size=1, max_size=5), st.integers(40, 100), st.booleans())
def test_no_table_breaks_a_word_or_is_wider_than_the_terminal(
    cells: list[list[str]], width: int, wrapped: bool
) -> None:
    columns = [Column("one"), Column("two", optional=not wrapped), Column("three", wrap=wrapped)]
    rows = [dict(zip(("one", "two", "three"), row, strict=True)) for row in cells]
    lines = table(rows, columns, width=width, stack=True).split("\n")
    found = [word for line in lines for word in line.split(" ")]
    for row in rows:
        for key in ("one", "three"):
            assert set(row[key].split(" ")) - {""} <= set(found)
    assert all(cell_width(line) <= width or " " not in line.strip() for line in lines)


def test_a_table_for_a_pipe_that_is_too_wide_keeps_one_line_for_each_row() -> None:
    rows: list[dict[str, str | None]] = [{"unit": "a" * 40, "why": "two words"}, {"unit": "b", "why": None}]
    lines = table(rows, ["unit", Column("why", wrap=True)], width=30).split("\n")
    assert [line.split() for line in lines] == [["unit", "why"], ["a" * 40, "two", "words"], ["b"]]


def test_a_table_that_is_too_wide_becomes_lines_with_titles() -> None:
    rows = [{"unit": "prod/api", "set_by": "live/stages/production.yaml:4:3", "upstreams": ["prod/data"], "none": None}]
    columns = [Column("unit"), Column("set_by"), Column("upstreams"), Column("none")]
    assert table(rows, columns, width=30, stack=True).split("\n") == [
        "prod/api",
        "    set by:",
        "        live/stages/production.yaml:4:3",
        "    upstreams: prod/data",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (-3, "0s"), (59.9, "59s"), (60, "1m00s"), (3599, "59m59s"), (7500, "2h05m")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_small_pieces() -> None:
    assert quote('a"b\\\n') == '"a\\"b\\\\\\n"'
    assert listed(["a", "b", "c\n"]) == "a, b, c\\n"
    assert clean_block("\n\n one\r\n\x1b[1mtwo\t|\n\n") == [" one", "[1mtwo |"]
    assert (cell_width("日e\u0301"), pad("日", 4), pad("a", 3, right=True)) == (3, "日  ", "  a")
    assert Paint(color=False)("x", "red") == "x"
    assert Paint(color=True)("", "red") == ""


def test_a_closed_stream_has_a_fixed_width() -> None:
    stream = io.StringIO()
    assert width_of(stream) == 120
    stream.close()
    assert width_of(stream, 77) == 77
