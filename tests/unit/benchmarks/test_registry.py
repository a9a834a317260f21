"""The table of rows, and that the command line finds them."""

from __future__ import annotations

import pytest

from benchmarks.figures import Compared
from benchmarks.registry import ROWS
from benchmarks.run import main


def test_each_row_has_its_own_id() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_no_aim_is_easier_than_its_bar() -> None:
    for row in ROWS:
        if row.aim is None:
            continue
        assert row.aim >= row.bar if row.compared is Compared.SPEEDUP else row.aim <= row.bar, row.id


def test_only_make_test_has_to_be_asked_for() -> None:
    assert [row.id for row in ROWS if not row.default] == ["test"]


def test_list_measures_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [row.id for row in ROWS]


def test_an_unknown_row_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan-13"])
    assert ended.value.code == 2
    assert "there is no row 'plan-13'" in capsys.readouterr().err
