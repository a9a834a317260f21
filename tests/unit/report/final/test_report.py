"""The final report and the lists of units, as people read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.report.final.report import _OUTCOMES, outcome, render_report, render_unit, render_units
from orchestrator.report.json import run_json
from orchestrator.report.model import AttributeChange, ChangeLine, Status
from orchestrator.report.text import done_line
from orchestrator.terraform.model import Action
from tests.support.reports import finding, run, unit
from tests.support.samples import api, identity, tagged, whole_run

Golden = Callable[[str, str], None]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [60, 100])
def test_final_report(golden: Golden, width: int) -> None:
    golden(f"report/final-{width}.txt", render_report(whole_run(), width=width) + "\n")


def test_final_report_of_a_quiet_run(golden: Golden) -> None:
    units = [unit(f"prod/s{n}", Status.UNCHANGED, seconds=3) for n in range(3)]
    golden("report/final-quiet.txt", render_report(run(*units, verb="plan")) + "\n")


def test_units(golden: Golden) -> None:
    units = [identity(), api(), tagged("prod/queue-a"), tagged("prod/queue-b")]
    golden("report/units.txt", render_units(units, width=100) + "\n")


def test_unit_on_a_narrow_terminal(golden: Golden) -> None:
    golden("report/unit-narrow.txt", render_unit(api(), width=60) + "\n")


def test_run_as_json(golden: Golden) -> None:
    golden("report/run.json", run_json(whole_run()) + "\n")


def test_colour_changes_nothing_but_the_colour() -> None:
    for plain, coloured in (
        (render_report(whole_run(), width=90), render_report(whole_run(), width=90, colour=True)),
        (render_unit(api(), width=90), render_unit(api(), width=90, colour=True)),
    ):
        assert "\x1b[" in coloured
        assert ANSI.sub("", coloured) == plain


@pytest.mark.parametrize("width", [1, 20, 60, 200])
def test_no_destroy_is_ever_cut(width: int) -> None:
    address = 'aws_cognito_user_pool.this["' + "k" * 300 + '"]'
    names = [f"prod/unit-{n:03}" for n in range(70)]
    gone = ChangeLine(address, Action.DELETE, "it is not in the configuration any more")
    text = render_report(run(*(unit(name, changes=[gone]) for name in names)), width=width)
    words = text[text.index("Deleted, replaced") :]
    assert address in words
    assert all(re.search(rf"{name}\b", words) for name in names)
    assert "not in the configuration any more" in " ".join(words.split())


def test_a_delete_of_different_objects_is_one_entry_that_names_every_unit() -> None:
    one = replace(identity(), unit="a/identity", findings=())
    other = replace(identity(), unit="b/identity", findings=())
    text = render_report(run(one, other))
    assert text.count("- aws_cognito_user_pool.this") == 1
    assert "in 2 units: a/identity, b/identity" in text


def test_changes_that_differ_are_not_put_together() -> None:
    one, other = tagged("prod/a"), tagged("prod/b")
    (line,) = other.changes
    changed = replace(line, attributes=(replace(line.attributes[0], after='"c"'),))
    text = render_units([one, replace(other, changes=(changed,))])
    assert "The same in" not in text
    assert '"a" → "b"' in text
    assert '"a" → "c"' in text


def test_errors_that_several_units_share_are_shown_once_with_every_log() -> None:
    text = render_report(whole_run(), width=200)
    assert text.count("ResourceInUseException") == 1
    assert text.count("log: .orch/runs/") == 2


def test_a_failure_without_a_block_shows_its_cause() -> None:
    text = render_report(run(unit("prod/a", Status.FAILED, cause="the time limit of 10m is over", log="x.log")))
    assert "the time limit of 10m is over" in text


def test_a_long_error_points_to_its_log() -> None:
    text = render_report(run(unit("prod/a", Status.FAILED, error="\n".join(f"line {n}" for n in range(500)), log="l")))
    assert "│ line 59\n" in text
    assert "│ … and 440 lines more in the log" in text


def test_a_block_without_a_finding_tells_its_cause() -> None:
    text = render_report(run(unit("prod/a", Status.BLOCKED, cause="archives/x.zip changed after the plan was judged")))
    assert "prod/a: archives/x.zip changed" in text


def test_what_the_change_does_to_its_judge_is_shown_once_with_every_unit() -> None:
    weaker = replace(
        finding("prod/a", action=""),
        rule="ORCH_POLICY_WEAKENED",
        address="policies/protected.yaml: aws_x",
        message="aws_x would no longer be protected",
    )
    units = [
        unit(f"prod/{name}", Status.BLOCKED, findings=(replace(weaker, unit=f"prod/{name}", id=name), *more))
        for name, more in (("a", ()), ("b", (finding("prod/b"),)), ("c", ()))
    ]
    text = render_report(run(*units), width=200)
    assert text.count("aws_x would no longer be protected") == 1
    assert "prod/a, prod/b, prod/c: policies/protected.yaml: aws_x  ORCH_POLICY_WEAKENED a" in text
    assert "prod/b: delete aws_cognito_user_pool.this  ORCH_PROTECTED" in text


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ([], "nothing to do"),
        ([Status.UNCHANGED], "nothing to do"),
        ([Status.UNCHANGED, Status.APPLIED], "done"),
        ([Status.DESTROYED], "done"),
        ([Status.PLANNED, Status.UNCHANGED], "changes planned"),
        ([Status.AFTER_UPSTREAMS], "changes planned"),
        ([Status.APPLIED, Status.FAILED, Status.SKIPPED], "failed"),
        ([Status.FAILED, Status.DECLINED], "declined"),
        ([Status.FAILED, Status.STALE], "stopped: no longer as approved"),
        ([Status.STALE, Status.BLOCKED, Status.FAILED], "blocked by policy"),
        ([Status.BLOCKED, Status.INTERRUPTED], "interrupted"),
    ],
)
def test_the_worst_end_of_a_unit_names_that_of_the_run(statuses: list[Status], words: str) -> None:
    units = [unit(f"prod/{n}", status) for n, status in enumerate(statuses)]
    assert outcome(run(*units)) == words
    assert outcome(run(*units, interrupted=True)) == "interrupted"


def test_what_was_done_and_what_was_not_are_two_sums() -> None:
    create = ChangeLine("aws_x.y", Action.CREATE)
    text = render_report(
        run(unit("p/a", Status.APPLIED, [create, create]), unit("p/b", Status.FAILED, [create]), unit("p/c"))
    )
    assert "done: +2; not done: +1\n" in text


def test_unchanged_units_with_a_finding_keep_their_row() -> None:
    units = [unit(f"prod/s{n:02}", Status.UNCHANGED) for n in range(20)]
    units[3] = replace(units[3], findings=(finding("prod/s03"),))
    text = render_report(run(*units))
    assert "prod/s03  " in text
    assert "19 more units" in text
    assert "prod/s04" not in text


def test_hostile_text_from_anywhere_cannot_control_the_terminal() -> None:
    bad = "\x1b]0;x\x07\r\x9b2J"
    hostile = unit(
        "prod/a" + bad,
        Status.FAILED,
        [ChangeLine("a" + bad, Action.UPDATE, bad, (AttributeChange(bad, bad, bad),), bad, bad, bad)],
        cause=bad,
        error=f"one\r\n{bad}\ntwo",
        log=bad,
        findings=(replace(finding("prod/a" + bad), message=bad, cause=bad, hint=bad, action=bad, rule=bad),),
        outputs_changed=(bad,),
    )
    report = run(hostile, notes=(bad,), targets=(bad,))
    for text in (
        render_report(report),
        render_unit(hostile),
        render_units([hostile]),
        run_json(report),
        done_line(hostile),
    ):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


@given(st.lists(st.sampled_from(list(Status)), max_size=40), st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_every_unit_is_in_the_table_or_counted_in_it(statuses: list[Status], width: int) -> None:
    units = [unit(f"prod/u{n:02}", status) for n, status in enumerate(statuses)]
    table = render_report(run(*units), width=width).split("\n\n")[0]
    named = set(re.findall(r"^prod/u\d\d", table, re.MULTILINE))
    folded = re.search(r"^(\d+) more unit", table, re.MULTILINE)
    assert len(named) + (int(folded[1]) if folded else 0) == len(units)


def test_the_documentation_names_every_key_and_word_of_the_json() -> None:
    text = (Path(__file__).parents[4] / "docs" / "output.md").read_text(encoding="utf-8")
    keys: set[str] = set()

    def collect(value: object) -> None:
        if isinstance(value, dict):
            keys.update(value)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            collect(item)

    collect(json.loads(run_json(whole_run())))
    words = keys | {str(status) for status in Status} | {str(action) for action in Action} | set(_OUTCOMES.values())
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []
