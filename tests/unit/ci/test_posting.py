"""Plans and applies of several pull requests: what each comment says of its own and of the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.ci.github import GithubHost
from orchestrator.ci.gitlab import GitlabHost
from orchestrator.ci.open_plans import open_plans
from orchestrator.ci.place import HostKind, HostPlace
from orchestrator.ci.posting import PostedApply, PostedStage, Poster
from orchestrator.ci.sections import ROOM, CommentSection, SectionName, quoted, sections_of, with_sections
from orchestrator.ci.sticky import PostAction
from orchestrator.guard.receipt.receipt import StateWrites
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.fit import length
from orchestrator.report.comment.marker import Marker
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.comment.stage import StagePlan, empty_stage, stage_plans
from orchestrator.report.model import ApprovedPlans, ApprovedUnit, ChangeLine, Status, UnitReport
from tests.support.comments import attribute, only_plan, receipt, record, unit, update
from tests.support.github_server import APP_TOKEN, REPOSITORY_NAME, GithubServer
from tests.support.gitlab_server import BOT_TOKEN, PROJECT, GitlabServer

MERGE = "c" * 40
TAGS = update("aws_s3_bucket.this", attribute("tags.Owner", '"a"', '"b"'))
MEMORY = update("aws_lambda_function.this", attribute("memory_size", "256", "512"))
APPLY = "20261124-150000-0000"
LINEAGE = receipt("prod/data").lineage
BELOW = {"prod/data": ("prod/api", "prod/web")}


def below(name: str) -> Collection[str]:
    return BELOW.get(name, ())


def head_of(number: int) -> str:
    return f"{number:040x}"


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as made:
        for number in (7, 12, 13):
            made.add_pull(number, head_of(number), author=f"author{number}")
        yield made
        assert made.mistakes == []


def poster(server: GithubServer, number: int, run: str = "100.1", *, dry_run: bool = False) -> Poster:
    host = GithubHost(HostPlace(HostKind.GITHUB, server.url, REPOSITORY_NAME, APP_TOKEN))
    context = CommentContext(run, head_of(number), report_url=f"https://ci.example.com/{run}")
    return Poster(host, context, dry_run=dry_run, pause=lambda _: None)


def plan(
    server: GithubServer, number: int, *units: UnitReport, run: str = "100.1", serial: int = 4, **more: Any
) -> PostedStage:
    receipts = {each.unit: replace(receipt(each.unit), serial=serial) for each in units}
    (posted,) = poster(server, number, run).plans(number, [only_plan(*units, receipts=receipts, **more)])
    return posted


def applied(*units: UnitReport, serial: int = 5, run: str = APPLY, **more: object) -> RunRecord:
    wrote = StateWrites(ok=True, lineage=LINEAGE, first=serial, last=serial, versions={})
    receipts = {each.unit: replace(receipt(each.unit), wrote=wrote) for each in units if each.changes}
    return record(*units, receipts=receipts, verb="apply", run_id=run, **more)


def post_applied(server: GithubServer, number: int, done: RunRecord, run: str = "101.1", **more: bool) -> PostedApply:
    context = replace(poster(server, number, run).context, head=MERGE)
    return replace(poster(server, number, run, **more), context=context).applied(
        None, stage_plans([done]), [done], below
    )


def merge(server: GithubServer, number: int) -> None:
    server.pulls[number].state = "merged"
    server.pulls[number].merge_commit = MERGE


def body(server: GithubServer, number: int) -> str:
    (found,) = server.bodies(number)
    return found


def done(name: str, *changes: ChangeLine, **more: object) -> UnitReport:
    return unit(name, *changes, status=Status.APPLIED, **more)


def test_a_comment_and_a_check_then_a_plan_that_becomes_clean(server: GithubServer) -> None:
    posted = plan(server, 7, unit("prod/data", TAGS))
    assert (posted.comment.action, posted.check_kind) == (PostAction.CREATED, "check run")
    assert (server.checks[0].sha, server.checks[0].values["conclusion"]) == (head_of(7), "neutral")
    assert server.checks[0].values["details_url"] == "https://ci.example.com/100.1"
    assert "orch:units" not in server.checks[0].values["output"]["summary"]
    posted = plan(server, 7, unit("prod/data", status=Status.UNCHANGED), run="101.1")
    assert posted.comment.action is PostAction.UPDATED
    assert "### ✅ prod: no changes" in body(server, 7)
    assert server.checks[1].values["conclusion"] == "success"


def test_a_change_that_touches_no_unit_is_a_success_of_one_line(server: GithubServer) -> None:
    poster(server, 7).plans(7, [empty_stage("prod")])
    (check,) = server.checks
    assert (check.values["conclusion"], check.values["output"]["title"]) == ("success", "prod: no unit is affected")
    assert "no unit is affected" in body(server, 7)


def test_without_a_known_commit_the_check_is_on_the_head(server: GithubServer) -> None:
    unknown = replace(poster(server, 7), context=CommentContext("20261124-130207-7f3a"))
    unknown.plans(7, [only_plan(unit("prod/data", TAGS))])
    assert server.checks[0].sha == head_of(7)


def test_two_pull_requests_that_plan_the_same_unit(server: GithubServer) -> None:
    plan(server, 12, unit("prod/data", MEMORY))
    plan(server, 13, unit("prod/jobs", MEMORY), unit("prod/data", status=Status.UNCHANGED))
    posted = plan(server, 7, unit("prod/data", TAGS), unit("prod/jobs", status=Status.UNCHANGED))
    assert posted.shared == ("prod/data",)
    text = body(server, 7)
    assert "**Other open pull requests change the same units.**" in text
    assert "- `prod/data`: [`#12`](https://github.com/example/platform/pull/12) by `author12`" in text
    assert "#13" not in text, "unchanged there"
    server.pulls[12].state = "closed"
    assert plan(server, 7, unit("prod/data", TAGS), run="101.1").shared == ()
    assert "Other open" not in body(server, 7)


def test_what_somebody_else_says_of_a_pull_request_is_not_read(server: GithubServer) -> None:
    plan(server, 12, unit("prod/data", MEMORY))
    (comment,) = server.comments.values()
    comment.author = "mallory"
    assert plan(server, 7, unit("prod/data", TAGS)).shared == ()


def test_an_apply_of_what_was_shown(server: GithubServer) -> None:
    plan(server, 7, unit("prod/data", TAGS))
    merge(server, 7)
    posted = post_applied(server, 7, applied(done("prod/data", TAGS)))
    assert posted.pull_request is not None
    assert posted.pull_request.number == 7
    line = sections_of(body(server, 7))[SectionName.APPLIED].text
    assert line == (
        "✅ **Applied:** 1 unit (1 update), by run [`101.1`](https://ci.example.com/101.1) of commit `ccccccc`; "
        "the changes were those shown here."
    )
    post_applied(server, 7, applied(done("prod/data", TAGS)))
    assert sections_of(body(server, 7))[SectionName.APPLIED].text == line, "the line of a run is not repeated"
    post_applied(server, 7, applied(done("prod/data", MEMORY)), run="102.1")
    lines = sections_of(body(server, 7))[SectionName.APPLIED].text.splitlines()
    assert len(lines) == 2
    assert "**1 was not as approved**: `prod/data` with other changes than shown here" in lines[1]


def test_an_apply_of_something_else_and_in_part(server: GithubServer) -> None:
    plan(server, 7, unit("prod/data", TAGS), unit("prod/api", MEMORY, preview=True))
    merge(server, 7)
    seen = update("aws_lambda_function.this", attribute("memory_size", "256", "1024"))
    units = (
        done("prod/data", TAGS),
        done("prod/api", seen),
        done("prod/new", TAGS),
        unit("prod/web", TAGS, status=Status.FAILED),
    )
    post_applied(server, 7, applied(*units))
    line = sections_of(body(server, 7))[SectionName.APPLIED].text
    assert line.startswith("❌ **Applied in part:** 3 units (3 update)")
    assert "**1 was not as approved**: `prod/new` not shown here" in line, (
        "a preview shows what happens, not each value"
    )
    assert line.endswith("not done: `prod/web`.")


@pytest.mark.parametrize(
    ("how", "says"),
    [("as approved", "exactly as approved"), ("was not previewed", "**1 was not as approved**: `prod/data`")],
)
def test_an_apply_that_records_itself_what_was_approved(server: GithubServer, how: str, says: str) -> None:
    plan(server, 7, unit("prod/data", TAGS))
    merge(server, 7)
    units = (
        ApprovedUnit("prod/data", as_approved=how == "as approved", how=how),
        ApprovedUnit("test/x", how="not applied"),
    )
    post_applied(server, 7, applied(done("prod/data", MEMORY), approved=ApprovedPlans("s3", units)))
    assert says in sections_of(body(server, 7))[SectionName.APPLIED].text


def test_an_apply_whose_comment_was_deleted_writes_one(server: GithubServer) -> None:
    merge(server, 7)
    (posted,) = post_applied(server, 7, applied(done("prod/data", TAGS))).comments
    assert posted.action is PostAction.CREATED
    assert "nobody can tell" in body(server, 7)
    assert "### ✅ prod: 1 applied" in body(server, 7)


def test_an_apply_marks_the_plans_of_others(server: GithubServer) -> None:
    for number, name in ((7, "prod/data"), (12, "prod/data"), (13, "prod/api")):
        plan(server, number, unit(name, MEMORY))
    server.add_pull(14, head_of(14))
    plan(server, 14, unit("prod/jobs", MEMORY))
    merge(server, 7)
    posted = post_applied(server, 7, applied(done("prod/data", MEMORY, outputs_changed=("table_arn",))))
    assert [(each.plan.pull_request.number, each.stale[0].unit) for each in posted.marked] == [
        (12, "prod/data"),
        (13, "prod/api"),
    ]
    same = sections_of(body(server, 12))[SectionName.STALE]
    assert same.about == ("prod/data",)
    assert (
        "run [`101.1`](https://ci.example.com/101.1) of [`#7`](https://github.com/example/platform/pull/7)" in same.text
    )
    assert "- `prod/data`: its state has changed (1 update, `aws_lambda_function.this`)" in same.text
    assert "its upstream `prod/data` has changed" in body(server, 13)
    assert "outputs `table_arn`" in body(server, 13)
    assert "stale" not in body(server, 14)
    found = {each.pull_request.number: each.stale for each in open_plans(poster(server, 7).host).plans}
    assert found == {12: ("prod/data",), 13: ("prod/api",), 14: ()}
    newest = {each.sha: each.values for each in server.checks}
    assert [newest[head_of(number)]["conclusion"] for number in (12, 13, 14)] == [*["action_required"] * 2, "neutral"]
    assert newest[head_of(12)]["output"]["title"] == "stale: prod/data, applied by #7 (1 update); plan again"
    assert (
        newest[head_of(13)]["output"]["title"]
        == "stale: prod/api reads prod/data, applied by #7 (1 update); plan again"
    )
    assert newest[head_of(12)]["external_id"] == "100.1", "the next plan takes its place"
    assert newest[head_of(12)]["details_url"] == "https://ci.example.com/101.1"
    plan(server, 12, unit("prod/data", MEMORY), run="102.1", run_id="20261124-160000-0000")
    assert SectionName.STALE not in sections_of(body(server, 12)), "planned again"
    assert server.checks[-1].values["conclusion"] == "neutral"


@pytest.mark.parametrize("run", ["100.1", "100.2"])
def test_plans_that_are_posted_again_stay_stale(server: GithubServer, run: str) -> None:
    """A job that posts, run again: another attempt of the same run of the CI, or the same one."""
    plan(server, 12, unit("prod/data", MEMORY))
    merge(server, 7)
    post_applied(server, 7, applied(done("prod/data", MEMORY)))
    posted = plan(server, 12, unit("prod/data", MEMORY), run=run)
    assert sections_of(body(server, 12))[SectionName.STALE].about == ("prod/data",)
    assert posted.check_kind == ""
    assert server.checks[-1].values["conclusion"] == "action_required"


def test_the_check_of_another_commit_than_the_one_that_was_planned_stays(server: GithubServer) -> None:
    plan(server, 12, unit("prod/data", MEMORY))
    server.pulls[12].head = head_of(99)
    merge(server, 7)
    (marked,) = post_applied(server, 7, applied(done("prod/data", MEMORY))).marked
    assert marked.check_kind == ""
    assert len(server.checks) == 1


def test_a_check_of_a_newer_plan_is_not_made_stale(server: GithubServer) -> None:
    plan(server, 12, unit("prod/data", MEMORY))
    server.checks[-1].values["external_id"] = "102.1"
    merge(server, 7)
    (marked,) = post_applied(server, 7, applied(done("prod/data", MEMORY))).marked
    assert marked.check_kind == ""
    assert [each.values["conclusion"] for each in server.checks] == ["neutral"]


def test_on_gitlab_the_status_of_stale_plans_fails_and_says_why() -> None:
    with GitlabServer() as server:
        for number in (7, 12):
            server.add_merge_request(number, head_of(number))
        host = GitlabHost(HostPlace(HostKind.GITLAB, server.url, PROJECT, BOT_TOKEN))
        context = CommentContext("100.1", head_of(12))
        receipts = {"prod/data": replace(receipt("prod/data"), serial=4)}
        Poster(host, context, pause=lambda _: None).plans(12, [only_plan(unit("prod/data", MEMORY), receipts=receipts)])
        server.merge_requests[7].state = "merged"
        server.merge_requests[7].merge_commit_sha = MERGE
        made = applied(done("prod/data", MEMORY))
        later = Poster(host, CommentContext("101.1", MERGE), pause=lambda _: None)
        (marked,) = later.applied(None, stage_plans([made]), [made], below).marked
        assert marked.check_kind == "commit status"
        planned, stale = [each for each in server.statuses if each["sha"] == head_of(12)]
        assert (planned["state"], stale["state"]) == ("success", "failed")
        assert stale["description"] == "stale: prod/data, applied by #7 (1 update); plan again · run 100.1"
        assert server.mistakes == []


def test_plans_that_are_not_stale(server: GithubServer) -> None:
    plan(server, 12, unit("prod/data", MEMORY), serial=5)
    again = only_plan(unit("prod/data", MEMORY), run_id="20261124-160000-0000")
    poster(server, 13).plans(13, [again])
    merge(server, 7)
    posted = post_applied(server, 7, applied(done("prod/data", MEMORY)))
    assert posted.marked == ()
    nothing = applied(unit("prod/data", status=Status.UNCHANGED), serial=9)
    assert post_applied(server, 7, nothing, run="102.1").marked == ()


def test_an_apply_that_failed_halfway_makes_plans_stale(server: GithubServer) -> None:
    plan(server, 12, unit("prod/data", MEMORY))
    merge(server, 7)
    posted = post_applied(server, 7, applied(unit("prod/data", MEMORY, status=Status.FAILED)))
    assert [each.plan.pull_request.number for each in posted.marked] == [12]


def test_a_plan_that_is_posted_meanwhile_is_not_marked(server: GithubServer) -> None:
    plan(server, 12, unit("prod/data", MEMORY))
    merge(server, 7)
    (comment,) = server.comments.values()

    def planned_again() -> None:
        comment.body = comment.body.replace("run=100.1", "run=101.1")

    server.before.append(("GET", r".*/issues/comments/\d+", planned_again))
    assert post_applied(server, 7, applied(done("prod/data", MEMORY))).marked == ()
    assert "stale" not in comment.body


def test_an_apply_that_no_pull_request_brought(server: GithubServer) -> None:
    plan(server, 12, unit("prod/data", MEMORY))
    posted = post_applied(server, 7, applied(done("prod/data", MEMORY)))
    assert posted.pull_request is None
    assert [each.plan.pull_request.number for each in posted.marked] == [12]


def test_a_dry_run_writes_nothing(server: GithubServer) -> None:
    plan(server, 7, unit("prod/data", TAGS))
    plan(server, 12, unit("prod/data", MEMORY))
    merge(server, 7)
    before = [(each.id, each.body) for each in server.comments.values()]
    posted = post_applied(server, 7, applied(done("prod/data", TAGS)), dry_run=True)
    assert [each.plan.pull_request.number for each in posted.marked] == [12]
    assert [each.action for each in posted.comments] == [PostAction.UPDATED]
    (stage,) = poster(server, 12, "103.1", dry_run=True).plans(12, [only_plan(unit("prod/data", MEMORY))])
    assert stage.comment.action is PostAction.UPDATED
    assert [(each.id, each.body) for each in server.comments.values()] == before
    assert len(server.checks) == 2


def test_a_comment_as_long_as_a_host_takes_leaves_room_for_marks(server: GithubServer) -> None:
    many: list[UnitReport] = [
        unit(f"prod/u{n}", *(update(f"aws_x.{n}_{m}", attribute("v", "x" * 90, "y" * 90)) for m in range(40)))
        for n in range(60)
    ]
    server.add_pull(20, head_of(20))
    long: StagePlan = only_plan(*many)
    poster(server, 20).plans(20, [long])
    merge(server, 7)
    post_applied(server, 7, applied(*(done(f"prod/u{n}", TAGS) for n in range(60))))
    assert 55_000 < len(body(server, 20)) < 65_536
    assert len(sections_of(body(server, 20))[SectionName.STALE].about) > 30


def test_a_stage_that_is_gone_says_so_in_its_comment(server: GithubServer) -> None:
    """A push that takes a new stage away again leaves no comment that still shows its plan."""
    host = poster(server, 7)
    host.plans(7, [only_plan(unit("prod/data", TAGS))])
    host.plans(7, [only_plan(unit("qa/data", TAGS))])
    server.add_comment(7, f"{Marker('rehearse.qa', '1.1', head_of(7), '9b1c4e2a')}\n### rehearsed")
    later = poster(server, 7, "101.1")
    later.plans(7, [only_plan(unit("prod/data", TAGS))])
    posted = later.unaffected(7, ["test"], {"prod"})
    assert [(each.comment.stage, each.comment.action) for each in posted] == [
        ("test", PostAction.NONE),
        ("qa", PostAction.UPDATED),
    ]
    prod, qa, rehearsed = server.bodies(7)
    assert ("1 update" in prod, "qa: no unit is affected" in qa, "### rehearsed" in rehearsed) == (True, True, True)


def test_the_line_about_an_apply_is_whole_however_much_it_would_say(server: GithubServer) -> None:
    """A line that is cut within code lets the rest of the code act: mention people, point to issues."""
    names = [f"prod/{'n' * 90}{n}" for n in range(6)]
    units = [
        ApprovedUnit(each, as_approved=False, how="not applied", cause=f"@everyone;@everyone;{n} {'@all;' * 60}")
        for n, each in enumerate(names)
    ]
    failed = [unit(each, TAGS, status=Status.FAILED) for each in names]
    merge(server, 7)
    plan(server, 7, unit("prod/data", TAGS))
    post_applied(server, 7, applied(*failed, approved=ApprovedPlans("s3", tuple(units))))
    line = sections_of(body(server, 7))[SectionName.APPLIED].text
    assert "**6 were not as approved**; not done: 6 units." in line
    assert "@" not in line
    assert len(line) < 1_000


def test_all_sections_together_fit_into_the_room_that_is_left_for_them() -> None:
    """Otherwise a host refuses the comment, and the job that marks it fails."""
    name = f"prod/{'n' * 90}"
    lines = [f"- `{name}{n}`: {'✅' * 200}" for n in range(60)]
    about = tuple(f"{name}{n}" for n in range(60))
    applied_lines = "  \n".join(["✅ **Applied:** " + "x" * 950] * 3)
    sections: dict[SectionName, CommentSection | None] = {
        SectionName.APPLIED: CommentSection(applied_lines),
        SectionName.STALE: CommentSection(quoted("WARNING", lines), about),
        SectionName.OTHERS: CommentSection(quoted("NOTE", lines), about),
    }
    text = "<!-- orch:v1 x -->\n### headline\n\nthe rest\n"
    assert length(with_sections(text, sections)) - length(text) < ROOM
