"""One comment for each stage, on a server that speaks GitHub's API: created, updated in place, never over a newer one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.ci.github import GithubHost
from orchestrator.ci.host import CodeHost, HostError
from orchestrator.ci.place import HostKind, HostPlace
from orchestrator.ci.sections import CommentSection, SectionName, sections_of, with_sections
from orchestrator.ci.sticky import PostAction, PostedComment, StageText, post_comments
from orchestrator.report.comment.marker import Marker
from tests.support.github_server import APP_TOKEN, BOT, REPOSITORY_NAME, GithubServer
from tests.support.host_server import Fault

HEAD = "1" * 40
NUMBER = 7


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as made:
        made.add_pull(NUMBER, HEAD)
        yield made
        assert made.mistakes == []


@pytest.fixture
def host(server: GithubServer) -> CodeHost:
    return GithubHost(HostPlace(HostKind.GITHUB, server.url, REPOSITORY_NAME, APP_TOKEN))


def text(run: str, words: str = "plan", stage: str = "prod") -> StageText:
    marker = Marker(stage, run, HEAD, "9b1c4e2a")
    return StageText(marker, f"{marker}\n### {stage}: {words}\n\nbody\n")


def post(host: CodeHost, *texts: StageText, dry_run: bool = False) -> list[PostedComment]:
    return post_comments(host, NUMBER, texts, dry_run=dry_run, pause=lambda _: None)


def test_created_then_updated_in_place_then_left(server: GithubServer, host: CodeHost) -> None:
    (made,) = post(host, text("10.1"))
    assert made.action is PostAction.CREATED
    assert made.url.endswith(f"#issuecomment-{next(iter(server.comments))}")
    (made,) = post(host, text("11.1", "clean"))
    assert made.action is PostAction.UPDATED
    assert server.bodies(NUMBER) == [text("11.1", "clean").text]
    writes = server.called("(POST|PATCH) .*comments.*")
    (made,) = post(host, text("11.1", "clean"))
    assert made.action is PostAction.SAME
    assert server.called("(POST|PATCH) .*comments.*") == writes


def test_each_stage_has_its_own(server: GithubServer, host: CodeHost) -> None:
    post(host, text("10.1"), text("10.1", stage="test"))
    post(host, text("11.1", stage="test"))
    assert sorted(server.bodies(NUMBER)) == sorted([text("10.1").text, text("11.1", stage="test").text])


def test_three_hundred_comments_before_ours(server: GithubServer, host: CodeHost) -> None:
    for n in range(300):
        server.add_comment(NUMBER, f"comment {n}", author="alice")
    post(host, text("10.1"))
    for n in range(50):
        server.add_comment(NUMBER, f"comment {n}", author="bob")
    post(host, text("11.1", "new"))
    assert server.bodies(NUMBER) == [text("11.1", "new").text]
    assert server.called("POST .*/issues/7/comments") == 1


def test_a_marker_that_somebody_else_wrote_is_not_ours(server: GithubServer, host: CodeHost) -> None:
    theirs = server.add_comment(NUMBER, text("99.1", "all is well").text, author="mallory")
    ours = server.add_comment(NUMBER, "Thanks!", author=BOT)
    (made,) = post(host, text("10.1"))
    assert made.action is PostAction.CREATED
    assert (theirs.body, ours.body) == (text("99.1", "all is well").text, "Thanks!")


def test_an_older_run_leaves_a_newer_one(server: GithubServer, host: CodeHost) -> None:
    post(host, text("11.1", "new"))
    (found,) = post(host, text("10.2", "old"))
    assert (found.action, found.run) == (PostAction.OLDER, "11.1")
    assert server.bodies(NUMBER) == [text("11.1", "new").text]


def test_an_older_run_that_writes_at_the_same_time_does_not_win(server: GithubServer, host: CodeHost) -> None:
    comment = server.add_comment(NUMBER, text("9.1").text)

    def older_run_writes() -> None:
        comment.body = text("10.1", "old").text

    # The older run listed before us and writes after us: between our write and our second look.
    listing = r".*/issues/7/comments"
    server.before.append(
        ("PATCH", r".*/comments/\d+", lambda: server.before.append(("GET", listing, older_run_writes)))
    )
    (found,) = post(host, text("11.1", "new"))
    assert found.action is PostAction.UPDATED
    assert server.bodies(NUMBER) == [text("11.1", "new").text]


def test_a_newer_run_that_writes_at_the_same_time_wins(server: GithubServer, host: CodeHost) -> None:
    comment = server.add_comment(NUMBER, text("9.1").text)

    def newer_run_writes() -> None:
        comment.body = text("12.1", "newest").text

    listing = r".*/issues/7/comments"
    server.before.append(
        ("PATCH", r".*/comments/\d+", lambda: server.before.append(("GET", listing, newer_run_writes)))
    )
    (found,) = post(host, text("11.1", "new"))
    assert (found.action, found.run) == (PostAction.OLDER, "12.1")
    assert server.bodies(NUMBER) == [text("12.1", "newest").text]


@pytest.mark.parametrize(("other", "winner"), [("10.1", "11.1"), ("12.1", "12.1")])
def test_two_runs_that_create_at_the_same_time_leave_one(
    server: GithubServer, host: CodeHost, other: str, winner: str
) -> None:
    server.before.append(("POST", r".*/comments", lambda: server.add_comment(NUMBER, text(other).text)))
    post(host, text("11.1"))
    post(host, text(other))
    assert server.bodies(NUMBER) == [text(winner).text]


def test_a_comment_that_is_deleted_meanwhile_is_created_again(server: GithubServer, host: CodeHost) -> None:
    old = server.add_comment(NUMBER, text("9.1").text)
    server.before.append(("PATCH", r".*", lambda: server.comments.pop(old.id)))
    (found,) = post(host, text("10.1"))
    assert found.action is PostAction.CREATED
    assert server.bodies(NUMBER) == [text("10.1").text]


def test_an_answer_that_is_lost_leaves_no_second_comment(server: GithubServer, host: CodeHost) -> None:
    server.faults.append(Fault("POST", r".*/comments", 502, lost=True))
    post(host, text("10.1"))
    assert server.called("POST .*/comments") == 2
    assert server.bodies(NUMBER) == [text("10.1").text]


def test_marks_on_the_same_plans_stay(server: GithubServer, host: CodeHost) -> None:
    post(host, text("10.1"))
    (comment,) = server.comments.values()
    comment.body = with_sections(comment.body, {SectionName.STALE: CommentSection("> stale")})
    post(host, text("10.1"))
    assert SectionName.STALE in sections_of(comment.body)
    post(host, text("11.1"))
    assert sections_of(comment.body) == {}, "planned again"


def test_a_second_job_of_the_same_run_does_not_fight(server: GithubServer, host: CodeHost) -> None:
    def second_job_writes() -> None:
        next(iter(server.comments.values())).body = text("10.1", "second job").text

    server.before.append(
        ("POST", r".*/comments", lambda: server.before.append(("GET", r".*/comments", second_job_writes)))
    )
    post(host, text("10.1", "first job"))
    assert server.bodies(NUMBER) == [text("10.1", "second job").text]


def test_a_dry_run_writes_nothing(server: GithubServer, host: CodeHost) -> None:
    (found,) = post(host, text("10.1"), dry_run=True)
    assert (found.action, server.bodies(NUMBER)) == (PostAction.CREATED, [])
    old = server.add_comment(NUMBER, text("9.1").text)
    (found,) = post(host, text("10.1"), dry_run=True)
    assert (found.action, old.body) == (PostAction.UPDATED, text("9.1").text)


def test_a_pull_request_that_does_not_exist(host: CodeHost) -> None:
    with pytest.raises(HostError, match="does not exist"):
        post_comments(host, 99, [text("10.1")], pause=lambda _: None)
