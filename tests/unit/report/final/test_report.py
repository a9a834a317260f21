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

from orchestrator.report.final.report import render_changes, render_report
from orchestrator.report.final.units import render_unit, unit_headline
from orchestrator.report.json import run_json
from orchestrator.report.model import AttributeChange, ChangeLine, Status, UnitReport
from orchestrator.report.outcome import OUTCOMES, outcome
from orchestrator.report.text import cell_width, done_line
from orchestrator.terraform.model import Action
from tests.support.reports import finding, run, unit
from tests.support.samples import alike_run, api, blocked_run, bootstrap_run, destroy_run, identity, tagged, whole_run

Golden = Callable[[str, str], None]
GOLDEN = Path(__file__).parents[3] / "golden" / "report"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_final_report(golden: Golden, width: int) -> None:
    golden(f"report/final-{width}.txt", render_report(whole_run(), width=width) + "\n")


def test_final_report_of_a_quiet_run(golden: Golden) -> None:
    units = [unit(f"prod/s{n}", Status.UNCHANGED, seconds=3) for n in range(3)]
    golden("report/final-quiet.txt", render_report(run(*units, verb="plan")) + "\n")


def test_a_plan_of_units_that_change_alike(golden: Golden) -> None:
    golden("report/plan-alike.txt", render_report(alike_run(), width=80) + "\n")


def test_a_bootstrap_counts_and_names_what_it_creates(golden: Golden) -> None:
    report = bootstrap_run()
    golden("report/bootstrap.txt", render_report(report, width=80) + "\n")
    assert 'description: "Plans."' not in render_report(report)
    assert "sts:AssumeRole" in render_report(report), "what it changes is shown in full"
    assert 'description: "Plans."' in render_report(report, verbose=True)
    assert 'description: "Plans."' in render_report(replace(report, verb="apply"))
    applied = replace(report, units=tuple(replace(each, status=Status.APPLIED) for each in report.units))
    assert "aws_iam_role" not in render_report(applied, shown=report.units)


def test_an_unknown_unit_is_listed_with_what_is_known() -> None:
    report = run(unit("prod/a", Status.UNKNOWN, cause="its apply began on w1"), unit("prod/b", Status.APPLIED))
    text = render_report(report)
    assert "Unknown: nobody knows how the apply ended" in text
    assert "prod/a: its apply began on w1" in text
    assert text.splitlines()[-1].startswith("orch apply prod: unknown")
    assert "1 applied, 1 unknown" in text


def test_a_plan_without_refresh_says_so_in_every_line() -> None:
    units = [
        unit("prod/a", Status.UNCHANGED, refresh=False),
        replace(tagged("prod/b", Status.PLANNED), refresh=False, preview=True, seconds=0),
        unit("prod/c", Status.FAILED, refresh=False, cause="no access"),
    ]
    report = run(*units, verb="plan", refresh=False)
    text = render_report(report)
    assert "1 unit unchanged (without refresh)" in text
    assert "planned (preview, without refresh)" in text
    assert text.splitlines()[-1].startswith("orch plan --no-refresh prod: failed")
    assert [done_line(each).partition(":")[0] for each in units] == [
        "prod/a unchanged (without refresh)",
        "prod/b planned (preview, without refresh), ~1",
        "prod/c failed",
    ]
    form = json.loads(run_json(report))
    assert [form["refresh"], *(each["refresh"] for each in form["units"])] == [False] * 4
    form = json.loads(run_json(run(unit("prod/a"))))
    assert (form["refresh"], form["units"][0]["refresh"]) == (True, True)


def test_a_blocked_run(golden: Golden) -> None:
    golden("report/blocked.txt", render_report(blocked_run(), width=80) + "\n")


def test_a_destroy_of_a_stage(golden: Golden) -> None:
    golden("report/destroy.txt", render_report(destroy_run(), width=80) + "\n")


def test_the_end_of_an_apply_whose_plan_was_shown(golden: Golden) -> None:
    planned = alike_run()
    units = [replace(u, status=Status.APPLIED if u.changes else u.status, seconds=31) for u in planned.units]
    units[3] = replace(units[3], status=Status.FAILED, cause="the time limit of 10m is over", log="logs/unit-03.log")
    text = render_report(run(*units, verb="apply"), shown=planned.units, width=80)
    golden("report/applied.txt", text + "\n")


def test_a_declined_apply_says_only_that(golden: Golden) -> None:
    planned = alike_run()
    units = [
        replace(u, status=Status.DECLINED, cause="not approved; nothing was changed") if u.changes else u
        for u in planned.units
    ]
    golden("report/declined.txt", render_report(run(*units), shown=planned.units, width=80) + "\n")


def test_changes_alone(golden: Golden) -> None:
    units = [identity(), api(), tagged("prod/queue-a", Status.PLANNED), tagged("prod/queue-b", Status.PLANNED)]
    golden("report/changes.txt", render_changes(run(*units), width=100) + "\n")


def test_unit_on_a_narrow_terminal(golden: Golden) -> None:
    golden("report/unit-narrow.txt", render_unit(api(), width=60) + "\n")


def test_run_as_json(golden: Golden) -> None:
    golden("report/run.json", run_json(whole_run()) + "\n")


def test_color_changes_nothing_but_the_color() -> None:
    for plain, colored in (
        (render_report(whole_run(), width=90), render_report(whole_run(), width=90, color=True)),
        (render_unit(api(), width=90), render_unit(api(), width=90, color=True)),
    ):
        assert "\x1b[" in colored
        assert ANSI.sub("", colored) == plain


@pytest.mark.parametrize("width", [1, 20, 60, 200])
def test_no_destroy_is_ever_cut(width: int) -> None:
    address = 'aws_cognito_user_pool.this["' + "k" * 300 + '"]'
    names = [f"prod/unit-{n:03}" for n in range(70)]
    gone = ChangeLine(address, Action.DELETE, "it is no longer in the configuration")
    for status in (Status.PLANNED, Status.APPLIED, Status.BLOCKED, Status.SKIPPED):
        text = render_report(run(*(unit(name, status, [gone]) for name in names)), width=width)
        blocks = text[: text.index("\nunit ")]
        assert blocks.count(address) == len(names)
        assert all(re.search(rf"^{name}( |$)", blocks, re.MULTILINE) for name in names)
        if status is not Status.APPLIED:
            assert blocks.count("because") == len(names)


def test_a_destroy_lists_as_many_resources_as_it_counts() -> None:
    for text in (render_report(destroy_run(), width=80), render_report(destroy_run(), width=80, verbose=True)):
        assert "-9" in text.rsplit("\n", 1)[-1]
        assert len(re.findall(r"^  - \S", text, re.MULTILINE)) == 9


def test_what_was_shown_before_is_not_shown_again() -> None:
    planned = run(*(each for each in whole_run().units if each.status is not Status.DECLINED))
    text = render_report(planned, shown=planned.units)
    assert "aws_lambda_function" not in text
    assert "ResourceInUseException" not in text
    assert "f-3a9c01" not in text
    assert text.count("1 protected resource would be lost") == 1
    changed = replace(api(), changes=api().changes[:1])
    assert "aws_lambda_function" in render_report(run(changed), shown=planned.units)


def test_what_an_apply_destroyed_is_shown_if_its_plan_was_not() -> None:
    unseen = replace(identity(), status=Status.APPLIED, findings=())
    text = render_report(run(unseen))
    assert "prod/identity  applied: 1 resource deleted, 1 replaced" in text
    assert '  - aws_cognito_user_pool.this  "ams-prod-identity"' in text


def test_what_an_apply_did_is_shown_resource_by_resource_if_its_plan_was_not() -> None:
    one, other = tagged("prod/a"), tagged("prod/b")
    text = render_report(run(one))
    assert "prod/a  applied: 1 updated\n" in text
    assert "  ~ aws_sqs_queue.this\n" in text
    assert '"a" → "b"' not in text, "folded: without attributes"
    assert '"a" → "b"' in render_report(run(one), verbose=True)
    assert "aws_sqs_queue" not in render_report(run(one), shown=[replace(one, status=Status.PLANNED)])
    both = render_report(run(one, other))
    assert both.count("aws_sqs_queue") == 1, "folded: once for all units"
    assert "2 units: prod/a, prod/b" in both
    mixed = replace(one, changes=(*one.changes, *identity().changes))
    text = render_report(run(mixed))
    assert text.index("Deleted, replaced or forgotten") < text.index("Applied")
    assert text.count("~ aws_sqs_queue.this") == 1


def test_changes_that_differ_are_not_put_together() -> None:
    one, other = tagged("prod/a", Status.PLANNED), tagged("prod/b", Status.PLANNED)
    (line,) = other.changes
    changed = replace(line, attributes=(replace(line.attributes[0], after='"c"'),))
    text = render_report(run(one, replace(other, changes=(changed,))))
    assert "Shared changes" not in text
    assert '"a" → "b"' in text
    assert '"a" → "c"' in text


def test_outputs_that_change_alike_are_one_entry() -> None:
    units = [unit(f"prod/{n}", outputs_changed=("arn",)) for n in "abc"]
    assert "3 units: prod/a, prod/b, prod/c" in (text := render_report(run(*units)))
    assert text.count("outputs that change") == 1
    assert "prod/a  planned, outputs only\n" in render_report(run(units[0]))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (identity(), "1 protected resource would be lost, 1 other resource replaced"),
        (replace(identity(), findings=()), ""),
        (replace(identity(), findings=(), status=Status.PLANNED), "1 resource would be deleted, 1 replaced"),
        (replace(identity(), findings=(), status=Status.APPLIED), "1 resource deleted, 1 replaced"),
        (replace(api(), changes=api().changes[:3]), "1 to create, 1 to update, 1 moved, 1 imported"),
        (unit("prod/a", Status.BLOCKED, cause="no plan was made"), "no plan was made"),
        (
            unit("prod/a", Status.BLOCKED, findings=(replace(finding("prod/a", action=""), lost=""),)),
            "a Cognito user pool would be deleted",
        ),
    ],
)
def test_the_headline_says_what_would_be_lost(changed: UnitReport, words: str) -> None:
    assert unit_headline(changed) == words


def test_the_headline_of_drift_says_what_was_lost() -> None:
    assert unit_headline(identity(), outside=True) == "1 protected resource lost, 1 other resource replaced"
    drifted = replace(identity(), status=Status.DRIFTED, findings=())
    text = render_report(run(drifted, verb="drift"))
    assert "prod/identity  changed outside: 1 resource deleted, 1 replaced" in text
    assert "To be deleted" not in text


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
    assert "prod/a  blocked: archives/x.zip changed" in text


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
    assert [f"in prod/{name}  {name}\n" in text for name in "abc"] == [True] * 3
    assert "prod/b  blocked: 1 protected resource would be lost" in text
    assert "prod/a  blocked" not in text.split("\nunit ")[0]


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
    assert text.endswith("orch apply prod: failed (done +2, attempted +1)")


def test_a_run_that_did_everything_says_done_once() -> None:
    report = run(unit("prod/one", Status.APPLIED, changes=(ChangeLine("aws_sqs_queue.this", Action.CREATE),)))
    assert render_report(report).endswith("orch apply prod: done (+1)")


def test_unchanged_units_with_a_finding_keep_their_row() -> None:
    units = [unit(f"prod/s{n:02}", Status.UNCHANGED) for n in range(20)]
    units[3] = replace(units[3], findings=(finding("prod/s03"),))
    text = render_report(run(*units))
    assert "prod/s03  " in text
    assert "19 units unchanged" in text
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
        render_report(report, verbose=True),
        run_json(report),
        done_line(hostile),
    ):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


@given(st.lists(st.sampled_from(list(Status)), max_size=40), st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_every_unit_is_in_the_table_or_counted_in_it(statuses: list[Status], width: int) -> None:
    units = [unit(f"prod/u{n:02}", status) for n, status in enumerate(statuses)]
    text = render_report(run(*units), width=width)
    named = set(re.findall(r"^prod/u\d\d(?=  )", text, re.MULTILINE))
    counted = re.search(r"^(\d+) units? unchanged", text, re.MULTILINE)
    assert len(named) + (int(counted[1]) if counted else 0) == len(units)
    assert len(set(re.findall(r"^prod/u\d\d(?=  )", render_report(run(*units), verbose=True), re.MULTILINE))) == len(
        units
    )


def test_the_documentation_names_every_key_and_word_of_the_json() -> None:
    text = (Path(__file__).parents[4] / "docs" / "output.md").read_text(encoding="utf-8")
    keys: set[str] = set()

    def collect(value: object) -> None:
        if isinstance(value, dict):
            keys.update(value)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            collect(item)

    collect(json.loads(run_json(whole_run())))
    words = keys | {str(status) for status in Status} | {str(action) for action in Action} | set(OUTCOMES.values())
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []


def broken_lines(text: str, width: int) -> list[str]:
    """Return the lines that a terminal would break although their text has a space to break at."""
    found = []
    for line in text.split("\n"):
        words = line.strip(" │").split(" ")
        if cell_width(line) > width and len([word for word in words if word]) > 1:
            found.append(line)
    return found


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.txt")), ids=lambda file: file.stem)
def test_no_golden_output_is_broken_by_its_terminal(file: Path) -> None:
    width = int(found[1]) if (found := re.search(r"-(\d+)$", file.stem)) else 80
    if file.stem in {"changes", "final-quiet", "rehearsal", "show-run"}:
        width = 140
    if file.stem == "final-60":
        pytest.skip("its table is wider: a table is never cut")
    assert broken_lines(file.read_text(encoding="utf-8"), width) == []


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_ids_addresses_and_units_are_never_broken(width: int) -> None:
    for report in (whole_run(), blocked_run(), alike_run(), destroy_run()):
        lines = render_report(report, width=width).split("\n")
        for unit_ in report.units:
            assert any(unit_.unit in line for line in lines) or unit_.status is Status.UNCHANGED
            for each in unit_.findings:
                assert any(each.id in line for line in lines)
                assert any(each.rule in line for line in lines)
            for change_ in unit_.changes:
                assert any(change_.address in line for line in lines) or unit_.status is not Status.PLANNED
