"""The table in docs/escapes.md lists every way, and each of them is stopped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.escape_table import BEGIN, END, PAGE, PEOPLE, Row, counts, markdown, merged, read, row_of, write
from tests.support.project import REPOSITORY
from tests.support.ways import PREFIX

README = REPOSITORY / "README.md"
SENTENCE = re.compile(r"(\d+) ways .*?`prevent_destroy`\D*?(\d+).*?checkov\D*?(\d+)", re.DOTALL)


@pytest.fixture(scope="module")
def ways() -> list[tuple[str, str, str]]:
    """Return every way of ``tests/escapes``, as pytest collects them."""
    command = [sys.executable, "-m", "pytest", "tests/escapes", "--collect-only", "-p", "tests.support.ways"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(PREFIX))
    return [(way, item, against) for way, item, against in json.loads(line.removeprefix(PREFIX))]


def test_each_way_has_one_test(ways: list[tuple[str, str, str]]) -> None:
    assert [way for way, number in Counter(way for way, *_ in ways).items() if number > 1] == []
    assert [way for way, item, _ in ways if not item] == []


def test_each_way_says_against_whom_it_is_stopped(ways: list[tuple[str, str, str]]) -> None:
    """A person of docs/threat-model.md: in the marker, or as ``AGAINST`` of its file."""
    assert [way for way, _, against in ways if against not in PEOPLE] == []


@pytest.mark.full
def test_the_page_has_every_way(ways: list[tuple[str, str, str]]) -> None:
    """A new way fails here until `make escapes` has run. That takes minutes, so this does not run every time."""
    rows = {(row.way, row.item, row.against) for row in read(PAGE)}
    assert {way for way in ways if way not in rows} == set(), "run `make escapes`"


def test_the_page_has_no_way_that_is_not_tried(ways: list[tuple[str, str, str]]) -> None:
    assert [row for row in read(PAGE) if (row.way, row.item, row.against) not in ways] == [], "remove the row"


def test_every_way_on_the_page_is_stopped_and_leaves_the_pool_alive() -> None:
    for row in read(PAGE):
        assert row.stopped.startswith(("ORCH_", "refused", "failed", "kept from", "IAM", "the receipt")), row
        assert row.alive == "yes", row
        assert row.prevented in {"stops it", "lets it pass", "fails otherwise", "–"}, row
        assert row.checked in {"stops it", "lets it pass", "fails otherwise", "–"}, row


def test_the_readme_has_the_numbers_of_the_page() -> None:
    found = SENTENCE.search(README.read_text())
    assert found is not None, "the README says how many ways were tried and how many the other tools stop"
    numbers = counts(read(PAGE))
    assert numbers["orch"] == numbers["ways"]
    assert [int(each) for each in found.groups()] == [
        numbers["ways"],
        numbers["prevent_destroy"],
        numbers["checkov"],
    ]


NOTED = [
    ("way", "a|b"),
    ("item", "1"),
    ("against", "careless"),
    ("stopped", "ORCH_PROTECTED"),
    ("alive", "no"),
    ("alive", "yes"),
]


def test_a_row_says_what_was_noted_last() -> None:
    assert row_of([*NOTED, ("prevented", "–"), ("checked", "–")], passed=True) == Row(
        "1", "a|b", "careless", "ORCH_PROTECTED", "yes", "–", "–"
    )
    assert row_of([("stopped", "x")], passed=True) is None


def test_a_test_that_failed_does_not_say_that_anything_was_stopped() -> None:
    row = row_of(NOTED, passed=False)
    assert row is not None
    assert not row.stopped.startswith(("ORCH_", "refused", "failed", "kept from", "IAM", "the receipt"))
    assert row.alive != "yes"


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(f"before\n{BEGIN}\n{markdown(())}\n{END}\nafter\n")
    rows = (
        Row("1", "a|b", "careless", "x", "yes", "–", "–"),
        Row("2", "`c`", "sly author", "y", "yes", "stops it", "–"),
    )
    write(file, rows)
    assert read(file) == rows
    write(file, merged(read(file), [Row("2", "`c`", "sly author", "z", "yes", "–", "–")]))
    assert [row.stopped for row in read(file)] == ["x", "z"]
    assert file.read_text().startswith("before\n")
    assert file.read_text().endswith("after\n")
