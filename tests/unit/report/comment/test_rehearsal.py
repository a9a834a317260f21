"""A rehearsal as a comment: what is lost first, inert whatever a fork writes, short enough."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.errors import Location
from orchestrator.report.comment.body import LONGEST_COMMENT
from orchestrator.report.comment.check import Conclusion
from orchestrator.report.comment.fit import length
from orchestrator.report.comment.marker import parse_marker
from orchestrator.report.comment.rehearsal import rehearsal_comments, rehearsal_markdown
from orchestrator.report.rehearsal.model import Outcome, RehearsedUnit, UnmodeledCall
from tests.support.comments import CONTEXT, pool_finding
from tests.support.markdown import render
from tests.support.rehearsals import kept, lost, mixed, whole


def test_the_comment(golden: Callable[[str, str], None]) -> None:
    ((comment, check),) = rehearsal_comments(mixed(), CONTEXT)
    golden("comment/rehearsal.md", comment.text)
    marker = parse_marker(comment.text)
    assert marker is not None
    assert (marker.stage, marker.run, marker.head) == ("rehearse.prod", CONTEXT.run, CONTEXT.head)
    assert (check.name, check.conclusion) == ("orch rehearse: prod", Conclusion.ACTION_REQUIRED)
    assert check.title == "rehearsed: 1 lost, 1 blocked, 1 failed, 1 not rehearsed, 1 new, 1 removed"
    rows = render(comment.text).rows
    assert set(rows) == {6}


def test_stages_that_are_only_read_from_get_no_comment_but_are_in_the_file() -> None:
    assert "test/tasks" not in rehearsal_comments(mixed(), CONTEXT)[0][0].text
    assert "`test/tasks` (upstream)" in rehearsal_markdown(mixed())


def test_conclusions() -> None:
    for outcome, conclusion in (
        (Outcome.SURVIVED, Conclusion.SUCCESS),
        (Outcome.NEW, Conclusion.SUCCESS),
        (Outcome.FAILED, Conclusion.FAILURE),
        (Outcome.NOT_REHEARSED, Conclusion.FAILURE),
        (Outcome.LOST, Conclusion.ACTION_REQUIRED),
    ):
        ((_, check),) = rehearsal_comments(whole(RehearsedUnit("prod/a", outcome)), CONTEXT)
        assert check.conclusion is conclusion


def test_the_digest_changes_with_the_result() -> None:
    first = rehearsal_comments(whole(RehearsedUnit("prod/a", Outcome.NEW)), CONTEXT)[0][0].marker.plans
    assert first == rehearsal_comments(whole(RehearsedUnit("prod/a", Outcome.NEW)), CONTEXT)[0][0].marker.plans
    assert first != rehearsal_comments(whole(RehearsedUnit("prod/a", Outcome.LOST)), CONTEXT)[0][0].marker.plans


HOSTILE = (
    "@everyone #1 </details><img src=x onerror=a> | `x` ![](https://evil.example) [a](https://evil.example)\n```\n## x"
)
TOKEN = "ghp_0123456789abcdefghij0123456789abcdef"


def test_nothing_that_a_fork_writes_acts_and_no_token_is_shown() -> None:
    unit = RehearsedUnit(
        f"prod/{HOSTILE}",
        Outcome.FAILED,
        cause=f"{HOSTILE} {TOKEN}",
        error=f"{HOSTILE}\n{TOKEN}",
        resources=(
            lost(f"aws_dynamodb_table.this[{HOSTILE}]", HOSTILE),
            kept(note=HOSTILE, noun=HOSTILE, now=HOSTILE),
        ),
        findings=(pool_finding(HOSTILE, message=HOSTILE, hint=HOSTILE, where=Location(f"live/{HOSTILE}", 1)),),
    )
    more = {"calls": (UnmodeledCall(HOSTILE, HOSTILE, 2, HOSTILE),), "differences": (HOSTILE,)}
    rehearsal = whole(unit, base=HOSTILE, placeholders=(HOSTILE,), **more)
    text = rehearsal_comments(rehearsal, CONTEXT)[0][0].text
    shown = render(text)
    assert set(shown.rows) == {6}
    assert shown.images == 0
    assert not [link for link in shown.links if "evil" in link]
    assert len(shown.headings) == 1
    assert "@everyone" not in "".join(shown.text)
    assert not [tag for tag in shown.tags if "img" in tag]
    assert TOKEN not in text


def test_a_long_one_keeps_what_is_lost() -> None:
    units = [
        RehearsedUnit(f"prod/survivor-{n}", Outcome.SURVIVED, resources=(kept(f"aws_sqs_queue.q{n}", "message"),))
        for n in range(1000)
    ]
    units.append(RehearsedUnit("prod/orders", Outcome.LOST, resources=(lost(),)))
    units.append(RehearsedUnit("prod/api", Outcome.FAILED, cause="x", error="word " * 40_000))
    text = rehearsal_comments(whole(*units), CONTEXT)[0][0].text
    assert length(text) <= LONGEST_COMMENT
    assert "`prod/orders` loses:" in text
    assert "| 🛑\N{NO-BREAK SPACE}lost | `prod/orders`" in text
    assert "Left out" in text
