"""Medians, ratios, verdicts and the selection of rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import (
    Compared,
    Measured,
    Row,
    Side,
    Unit,
    Verdict,
    figure,
    ratio,
    select,
    shown_figure,
    shown_limit,
    shown_value,
    verdict,
)

SECONDS = st.floats(min_value=0.01, max_value=1000)
RATIO = Row("plan", "plan", Unit.SECONDS, Compared.RATIO, bar=0.14, aim=0.10)
SPEEDUP = Row("latency", "latency", Unit.SECONDS, Compared.SPEEDUP, bar=2.5, aim=3.5)
VALUE = Row("test", "test", Unit.SECONDS, Compared.VALUE, bar=600, aim=420, default=False)
NO_AIM = Row("help", "help", Unit.SECONDS, Compared.VALUE, bar=0.25)
ROWS = (RATIO, SPEEDUP, VALUE)


def measured(ours: float, theirs: float | None = None) -> Measured:
    return Measured("any", Side("orch", (ours,)), None if theirs is None else Side("loop", (theirs,)))


def test_a_round_that_was_slow_for_both_does_not_change_the_ratio() -> None:
    assert ratio(Side("orch", (1, 50, 1)), Side("loop", (10, 500, 10))) == pytest.approx(0.1)


def test_rounds_of_different_number_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="longer"):
        ratio(Side("orch", (1,)), Side("loop", (10, 10)))


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=5))
def test_a_ratio_is_one_of_those_of_the_rounds_or_between_them(rounds: list[tuple[float, float]]) -> None:
    ours, theirs = zip(*rounds, strict=True)
    each = [a / b for a, b in rounds]
    assert min(each) <= ratio(Side("orch", ours), Side("loop", theirs)) <= max(each)


@pytest.mark.parametrize(
    ("row", "ours", "theirs", "expected"),
    [
        (RATIO, 1.0, 10.0, Verdict.AIM),
        (RATIO, 1.3, 10.0, Verdict.BAR),
        (RATIO, 1.5, 10.0, Verdict.MISSED),
        (SPEEDUP, 1.0, 3.5, Verdict.AIM),
        (SPEEDUP, 1.0, 2.5, Verdict.BAR),
        (SPEEDUP, 1.0, 2.4, Verdict.MISSED),
        (VALUE, 420.0, None, Verdict.AIM),
        (VALUE, 600.0, None, Verdict.BAR),
        (VALUE, 601.0, None, Verdict.MISSED),
        (NO_AIM, 0.1, None, Verdict.BAR),
        (NO_AIM, 0.3, None, Verdict.MISSED),
    ],
)
def test_less_is_better_but_for_a_speed_up(row: Row, ours: float, theirs: float | None, expected: Verdict) -> None:
    assert verdict(row, measured(ours, theirs)) is expected


@given(SECONDS, SECONDS)
def test_a_speed_up_is_the_inverse_of_the_ratio(ours: float, theirs: float) -> None:
    found = measured(ours, theirs)
    assert figure(SPEEDUP, found) * figure(RATIO, found) == pytest.approx(1)


def test_figures_and_limits_are_shown_alike() -> None:
    assert (shown_figure(RATIO, measured(1, 8)), shown_limit(RATIO, 0.14)) == ("0.12", "0.14")
    assert (shown_figure(SPEEDUP, measured(2, 6)), shown_limit(SPEEDUP, 2.5)) == ("3.0 ×", "2.5 ×")
    assert shown_limit(NO_AIM, NO_AIM.aim) == "–"
    assert (shown_figure(VALUE, measured(599.6)), shown_limit(VALUE, 600)) == ("600 s", "600 s")


def test_values_have_the_digits_that_mean_something() -> None:
    assert [shown_value(value, Unit.SECONDS) for value in (0.071, 4.66, 53.123, 145.4)] == [
        "0.07 s",
        "4.66 s",
        "53.1 s",
        "145 s",
    ]


def test_without_names_the_default_rows_are_selected() -> None:
    assert select(ROWS, []) == (RATIO, SPEEDUP)
    assert select(ROWS, [], everything=True) == ROWS


def test_named_rows_are_selected_in_the_order_of_the_table() -> None:
    assert select(ROWS, ["test", "plan"]) == (RATIO, VALUE)


def test_an_unknown_row_is_named_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="no row 'plna'; rows: plan, latency, test"):
        select(ROWS, ["plan", "plna"])
