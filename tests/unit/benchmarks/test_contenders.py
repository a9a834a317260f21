"""What the contenders need: a shell's environment, the files of Terragrunt and Terramate, the times of a journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.rivals import terragrunt_file, terramate_file
from benchmarks.roots import apply_exports
from benchmarks.rows.thousand import ends, per_unit

START = datetime(2026, 12, 1, tzinfo=UTC)


def test_exports_and_unsets_are_applied_as_a_shell_does() -> None:
    printed = "export A='one two' B=2\nunset C D\n# nothing\nexport E=\n"
    assert apply_exports({"C": "3", "F": "6"}, printed) == {"A": "one two", "B": "2", "E": "", "F": "6"}


def test_terragrunt_gets_the_order_and_nothing_else() -> None:
    assert terragrunt_file(["../../a/eu-west-1"]) == 'dependencies {\n  paths = ["../../a/eu-west-1"]\n}\n'
    assert "dependencies" not in terragrunt_file([])


def test_terramate_gets_the_order_and_nothing_else() -> None:
    assert terramate_file(["/prod/a", "/prod/b"]) == 'stack {\n  after = ["/prod/a", "/prod/b"]\n}\n'


def test_the_time_per_unit_leaves_out_the_first_few_which_wait_for_the_start() -> None:
    seconds = [
        3.0,
        10.0,
        20.0,
        25.0,
        30.0,
        *(31.0 + number for number in range(10)),
        *(42.0 + 2 * n for n in range(10)),
    ]
    times = [START + timedelta(seconds=each) for each in seconds]
    assert per_unit(times, 5) == (1.0, 2.0)


def test_only_one_event_of_a_journal_counts_in_order_of_time() -> None:
    journal = [
        {"event": "planned", "time": (START + timedelta(seconds=2)).isoformat()},
        {"event": "run-started", "time": START.isoformat()},
        {"event": "planned", "time": (START + timedelta(seconds=1)).isoformat()},
    ]
    assert ends(journal, "planned") == [START + timedelta(seconds=1), START + timedelta(seconds=2)]
