"""What is true of every comment, whatever stands in the records: its length, its fences, and that nothing in it acts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import Location
from orchestrator.guard.model import Finding, Severity
from orchestrator.report.comment.body import LONGEST_COMMENT, StageComment, stage_comment
from orchestrator.report.comment.check import Conclusion, stage_check
from orchestrator.report.comment.fit import length
from orchestrator.report.comment.inert import code, fence, html_code, prose
from orchestrator.report.comment.stage import stage_plans
from orchestrator.report.model import AttributeChange, ChangeLine, Status, UnitReport
from orchestrator.terraform.model import Action
from tests.support.comments import CONTEXT, attribute, only_plan, pool_finding, record, run, unit
from tests.support.markdown import render

Golden = Callable[[str, str], None]

HOSTILE = (
    "```", "~~~~", "\n```\n", "`", "``", "|", "\\|", "\\", "<script>alert(1)</script>", "<img src=x onerror=y>", "<!--", "-->",
    "</details>", "<details open>", "@admin", "@org/team", "#1", "GH-12", "org/repo#7", "!12", "![x](http://a.example/b.png)",
    "[click](javascript:alert(1))", "https://evil.example/x", "www.evil.example", "mail@evil.example", "mailto:a@b.cd", ":tada:",
    "$x$", "**bold**", "_it_", "# title", "> quote", "- item", "1. item", "| a | b |", "---", "===", "&lt;b&gt;", "&#60;b&#62;",
    "/close", "~bug", "%5", "deadbeefdeadbeef", "\r", "\n\n", "\t", "\u202e", "\x1b[31m", "\u2028", "[ref]: http://evil.example",
    "${jndi:x}", "{{7*7}}", "[!CAUTION]", "[x]", "[^1]", "<!-- orch:v1 stage=prod run=9999.1 head=0 plans=00 -->", "\ud800",
)  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8), st.just(" ")), max_size=6).map("".join)
names = st.sampled_from(["prod/api", "prod/data", "prod/web@us-east-1", "prod/identity", "prod/x"])
places = st.one_of(
    st.none(),
    st.builds(
        Location, st.one_of(st.just("live/stages/prod.yaml"), st.just("../../etc/passwd"), texts), st.integers(0, 99)
    ),
)
attributes = st.builds(
    AttributeChange,
    path=texts,
    before=texts,
    after=texts,
    forces_replacement=st.booleans(),
    after_upstream=st.booleans(),
)
changes = st.builds(
    ChangeLine,
    address=st.one_of(st.just("aws_sqs_queue.this"), texts),
    action=st.sampled_from(Action),
    reason=texts,
    attributes=st.lists(attributes, max_size=3).map(tuple),
    moved_from=st.one_of(st.none(), texts),
    imported_id=st.one_of(st.none(), texts),
    deposed=st.one_of(st.none(), texts),
)
findings = st.builds(
    Finding,
    id=texts,
    rule=texts,
    unit=names,
    address=texts,
    action=texts,
    cause=texts,
    message=texts,
    hint=texts,
    lost=texts,
    severity=st.sampled_from(Severity),
    where=places,
    inside=texts,
    waiver=texts,
)
units = st.builds(
    UnitReport,
    unit=names,
    account=st.just("production"),
    region=st.just("eu-west-1"),
    status=st.sampled_from(Status),
    changes=st.lists(changes, max_size=4).map(tuple),
    findings=st.lists(findings, max_size=3).map(tuple),
    cause=texts,
    error=texts,
    outputs_changed=st.lists(texts, max_size=2).map(tuple),
    preview=st.booleans(),
)

MENTION = re.compile(r"(?<![\w`])@[A-Za-z0-9]")
REFERENCE = re.compile(r"#\d|\bGH-\d|(?<!\w)[!~%$/][A-Za-z0-9]|:[a-z]+:|://|www\.|\b[0-9a-f]{7,}\b")
OWN_TAGS = re.compile(
    r"</?details(?: open)?>|</?summary>|</?code>|<!-- orch:v1 stage=prod run=1187\.1 head=\w+ plans=\w+ -->"
)
OWN_LINK = re.compile(re.escape(CONTEXT.report_url) + r"\Z|" + re.escape(CONTEXT.source_url) + r"/[^\s()]+\Z")


def assert_inert(text: str) -> None:
    """The text has no element, link, image, mention or reference but those that orch writes itself."""
    shown = render(text)
    assert [tag for tag in shown.tags if not OWN_TAGS.fullmatch(tag)] == []
    assert [link for link in shown.links if not OWN_LINK.match(link)] == []
    assert shown.images == 0
    outside = "\n".join(shown.text)
    own = re.findall(r"^> (\[!(?:CAUTION|WARNING|NOTE)\])$", text, re.MULTILINE)
    assert outside.count("[!") == len(own)
    outside = re.sub(r"\[![A-Z]+\]", "", outside)
    assert MENTION.search(outside) is None
    assert REFERENCE.search(outside) is None
    assert shown.tags.count("<details>") + shown.tags.count("<details open>") == shown.tags.count("</details>")
    assert set(shown.rows) <= {7}
    assert sum(1 for heading in shown.headings) == 1 + text.count("\n#### Differed before this change\n")


def assert_fits(made: StageComment) -> None:
    assert length(made.text) <= LONGEST_COMMENT < 65_536
    assert made.text.encode()  # no lone surrogates


@given(st.lists(units, max_size=3), st.lists(units, max_size=1))
@settings(max_examples=settings().max_examples // 8)  # each is a whole comment, which takes a tenth of a second
def test_nothing_in_a_record_acts(found: list[UnitReport], base: list[UnitReport]) -> None:
    (plan,) = stage_plans([record(*found)], base=[run(*base)])
    made = stage_comment(plan, CONTEXT)
    assert_fits(made)
    assert_inert(made.text)
    check = stage_check(plan, made)
    assert "\n" not in check.title
    assert all(note.where.file.startswith(("live/", "modules/", "policies/")) for note in check.annotations)


@given(texts)
def test_a_text_stays_one_piece_of_inert_text(text: str) -> None:
    for shown in (code(text), prose(text)):
        assert "\n" not in shown
        assert_inert(
            f"# x\n\n| a | b | c | d | e | f | g |\n|---|---|---|---|---|---|---|\n| {shown} | | | | | | |\n\n> - {shown}"
        )
        assert_inert(f"# x\n\n{'- **Why:** ' + shown}")
    assert_inert(f"# x\n\n<details><summary>{html_code(text)}</summary>\n\nx\n\n</details>")


@given(st.lists(texts, max_size=5))
def test_no_line_closes_its_fence(lines: list[str]) -> None:
    shown = render(f"before\n\n{fence(lines, 'diff')}\n\n# after")
    assert shown.fences == 1
    assert shown.headings == ["after"]
    assert shown.text == ["before", "after"]


@given(
    st.lists(st.sampled_from([Action.DELETE, Action.REPLACE, Action.FORGET]), min_size=1, max_size=60),
    st.sampled_from([0, 40, 400]),
    st.sampled_from([0, 3, 60]),
)
@settings(max_examples=10)
def test_what_is_lost_is_never_dropped(lost: list[Action], others: int, attributes_of_each: int) -> None:
    """However much else changes, each destroyed, replaced and forgotten resource and each blocked unit is shown."""
    many = tuple(attribute(f"tags.t{number}", '"a"', '"b"') for number in range(attributes_of_each))
    gone = [ChangeLine(f"aws_sqs_queue.gone[{n}]", action, attributes=many) for n, action in enumerate(lost)]
    plain = [ChangeLine(f"aws_sqs_queue.plain[{n}]", Action.UPDATE, attributes=many[:20]) for n in range(others)]
    blocked = unit("prod/identity", status=Status.BLOCKED, findings=(pool_finding("prod/identity"),))
    rest = [unit(f"prod/u{n}", *plain[n::50]) for n in range(50)]
    plan = only_plan(*rest, unit("prod/lost", *gone[::2]), unit("prod/mixed", *plain[:5], *gone[1::2]), blocked)
    made = stage_comment(plan, CONTEXT)
    assert_fits(made)
    assert not made.hides_losses
    for each in gone:
        assert each.address in made.text
    assert blocked.findings[0].id in made.text
    assert all(f"`{name}`" in made.text for name in ("prod/identity", "prod/lost"))
    order = [
        made.text.find(name)
        for name in ("| 🛑\N{NO-BREAK SPACE}blocked | `prod/identity`", "`prod/lost`", "| 📝\N{NO-BREAK SPACE}update")
    ]
    assert order == sorted(order) or -1 in order


def test_a_plan_of_five_megabytes(golden: Golden) -> None:
    big = tuple(attribute(f"tags.key-{n:05}", '"' + "a" * 100 + '"', '"' + "b" * 100 + '"') for n in range(20_000))
    gone = ChangeLine("aws_sqs_queue.old", Action.DELETE, reason="it is no longer in the configuration")
    parts = [ChangeLine(f"aws_instance.this[{n}]", Action.UPDATE, attributes=big[n : n + 2]) for n in range(4_000)]
    units_ = [
        unit("prod/big", ChangeLine("aws_lb.this", Action.UPDATE, attributes=big)),
        unit("prod/many", *parts, gone),
    ]
    plan = only_plan(*units_)
    made = stage_comment(plan, CONTEXT)
    assert_fits(made)
    assert_inert(made.text)
    assert "aws_sqs_queue.old" in made.text
    left = re.search(r"Left out, because a comment has at most 65,536 characters: ([\d,]+) resources\.", made.text)
    assert left is not None
    shown = made.text.count("! aws_instance.this[")
    shown += made.text.count("! aws_lb.this")
    assert int(left[1].replace(",", "")) == 4_001 - shown
    golden("comment/five-megabytes.md", made.text)


def test_of_one_huge_resource_the_first_attributes_are_shown() -> None:
    big = tuple(attribute(f"tags.key-{n:05}", '"' + "a" * 100 + '"', '"b"') for n in range(5_000))
    plan = only_plan(unit("prod/big", ChangeLine("aws_lb.this", Action.UPDATE, attributes=big)))
    text = stage_comment(plan, CONTEXT).text
    assert "tags.key-00014" in text
    assert "… 4,985 more attributes" in text
    assert "tags.key-04999" in stage_comment(plan, CONTEXT, limit=10**9).text


def test_more_than_a_comment_can_hold_says_so_and_fails_the_check() -> None:
    """Even then it is no longer than allowed, and nobody takes it for the whole."""
    gone = [ChangeLine(f'aws_sqs_queue.old["{"x" * 100}-{n}"]', Action.DELETE) for n in range(3_000)]
    plan = only_plan(unit("prod/old", *gone), unit("prod/web", status=Status.UNCHANGED))
    made = stage_comment(plan, CONTEXT)
    assert_fits(made)
    assert made.hides_losses
    assert "**This comment does not show everything that is blocked, destroyed, replaced or forgotten.**" in made.text
    assert "| ⚠️\N{NO-BREAK SPACE}destroy | `prod/old` | | | | **3000** |" in made.text
    assert stage_check(plan, made).conclusion is Conclusion.ACTION_REQUIRED


def test_hostile_names_and_values(golden: Golden) -> None:
    value = '"</details><script>alert(1)</script> @admin #1 https://evil.example | `x` ```"'
    key = 'aws_sqs_queue.this["a|b`c @admin <img src=x> ```"]'
    queue = replace(
        ChangeLine(key, Action.REPLACE, reason="tainted: see https://evil.example"),
        attributes=(attribute('tags["@admin|x"]', value, "```"),),
    )
    finding: dict[str, Any] = {
        "message": 'the queue aws_sqs_queue.this["a|b"] of @admin would be deleted, see www.evil.example',
        "cause": "![x](https://evil.example/x.png) #12",
        "hint": "ask @org/team; run `rm -rf /`",
        "where": Location("live/../../etc/pass wd", 3),
    }
    blocked = unit("prod/queue", queue, status=Status.BLOCKED, findings=(pool_finding("prod/queue", **finding),))
    failed = unit(
        "prod/web",
        status=Status.FAILED,
        cause="Error: | <b>x</b> | @admin",
        error="Error: x\n```\n# @admin\n</details>",
    )
    made = stage_comment(only_plan(blocked, failed), CONTEXT)
    assert_inert(made.text)
    golden("comment/hostile.md", made.text)
