"""The marker of a comment: written, read again, and compared, so that no older run overwrites a newer one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.comment.marker import Marker, may_overwrite, parse_marker
from tests.support.markdown import render

words = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable())


@given(words, words, st.one_of(st.just(""), words), st.text("0123456789abcdef", min_size=8, max_size=12))
def test_what_is_written_is_read_again_and_hidden(stage: str, run: str, head: str, plans: str) -> None:
    marker = Marker(stage, run, head, plans)
    assert parse_marker(f"{marker}\n### x\n") == marker
    assert render(f"{marker}\n").tags == [str(marker)]
    assert "--" not in str(marker)[4:-3]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "looks good to me",
        "> <!-- orch:v1 stage=prod run=1.1 head=a plans=00 -->",
        "text\n<!-- orch:v1 stage=prod run=1.1 head=a plans=00 -->",
        "<!-- orch:v2 stage=prod run=1.1 head=a plans=00 -->",
        "<!-- orch:v1 stage=prod run=1.1 head=a plans=00 --> <b>",
    ],
)
def test_other_comments_have_no_marker(body: str) -> None:
    assert parse_marker(body) is None


def test_the_example_of_the_documentation_is_one() -> None:
    found = parse_marker("<!-- orch:v1 stage=prod run=1187.1 head=3f9c2d1 plans=9b1c4e2a -->\r\n### x")
    assert found == Marker("prod", "1187.1", "3f9c2d1", "9b1c4e2a")


def marker(run: str, stage: str = "prod") -> Marker:
    return Marker(stage, run, "3f9c2d1", "9b1c4e2a")


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("9.1", "10.1"),
        ("1187.1", "1187.2"),
        ("1187.9", "1187.10"),
        ("1187.2", "1188.1"),  # somebody ran the older one again, after the newer one
        ("20261124-130207-7f3a", "20261124-130208-0000"),
        ("1187", "1187.2"),  # a CI without attempts
        ("zzzz", "20261124-130207-7f3a"),  # a marker that somebody edited keeps no real run out
        ("٣.1", "1.1"),
        ("20261124-130207-7f3a.2", "20261124-130207-7f3a"),
        ("20261124-130207-7f3a", "1.1"),  # by hand, and in CI
    ],
)
def test_an_older_run_never_overwrites_a_newer_one(older: str, newer: str) -> None:
    assert may_overwrite(marker(newer), marker(older))
    assert not may_overwrite(marker(older), marker(newer))


def test_a_run_may_repeat_itself_and_never_touches_another_stage() -> None:
    for run in ("5.1", "5.2", "20261124-130207-7f3a"):
        assert may_overwrite(marker(run), marker(run))
    assert may_overwrite(marker("5"), marker("5.1"))
    assert not may_overwrite(marker("6.1"), marker("5.1", stage="test"))
