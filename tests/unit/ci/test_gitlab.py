"""GitLab through python-gitlab, against a local server that speaks its API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.ci.gitlab import GitlabHost
from orchestrator.ci.host import HostDeniedError, HostError, HostMissingError, Permission, PullRequestState
from orchestrator.ci.place import HostKind, HostPlace
from orchestrator.ci.sticky import PostAction, StageText, post_comments
from orchestrator.report.comment.check import Conclusion, StageCheck
from orchestrator.report.comment.marker import Marker
from tests.support.gitlab_server import BOT_TOKEN, JOB_TOKEN, OWN, PROJECT, GitlabServer
from tests.support.host_server import Fault

HEAD, MERGE = "1" * 40, "2" * 40
CHECK = StageCheck("orch: prod", Conclusion.ACTION_REQUIRED, "1 blocked", "### a summary", ())


@pytest.fixture
def server() -> Iterator[GitlabServer]:
    with GitlabServer() as made:
        made.add_merge_request(7, HEAD)
        yield made
        assert made.mistakes == []


def host(server: GitlabServer, token: str = BOT_TOKEN) -> GitlabHost:
    name = "CI_JOB_TOKEN" if token == JOB_TOKEN else "GITLAB_TOKEN"
    return GitlabHost(HostPlace(HostKind.GITLAB, server.url, PROJECT, token, name))


def text(run: str, words: str = "plan") -> StageText:
    marker = Marker("prod", run, HEAD, "9b1c4e2a")
    return StageText(marker, f"{marker}\n### prod: {words}\n")


def test_the_facts_of_merge_requests(server: GitlabServer) -> None:
    server.add_merge_request(8, HEAD, source_project_id=99)
    server.add_merge_request(9, HEAD, state="merged", merge_commit_sha=MERGE)
    ours, fork, merged = (host(server).pull_request(number) for number in (7, 8, 9))
    assert (ours.author, ours.head, ours.base, ours.fork, ours.state) == ("alice", HEAD, "main", False, "open")
    assert fork.fork
    assert (merged.state, merged.merge_commit) == (PullRequestState.MERGED, MERGE)
    assert [each.number for each in host(server).open_pull_requests()] == [7, 8]
    assert host(server).merged_by(MERGE) == merged
    assert host(server).merged_by(HEAD) is None
    with pytest.raises(HostMissingError):
        host(server).pull_request(99)


def test_who_we_are_and_who_may_what(server: GitlabServer) -> None:
    assert host(server).login() == OWN
    rights = [host(server).permission(name) for name in ("owner", "alice", "reporter", "guest", "ali")]
    assert rights == [Permission.ADMIN, Permission.WRITE, Permission.READ, Permission.NONE, Permission.NONE]


def test_one_note_is_updated_in_place_behind_three_hundred(server: GitlabServer) -> None:
    for n in range(300):
        server.add_note(7, f"note {n}", author="alice")
    server.add_note(7, text("99.1").text, author="mallory")
    (made,) = post_comments(host(server), 7, [text("10.1")], pause=lambda _: None)
    assert made.action is PostAction.CREATED
    (made,) = post_comments(host(server), 7, [text("11.1", "clean")], pause=lambda _: None)
    assert made.action is PostAction.UPDATED
    (made,) = post_comments(host(server), 7, [text("10.1")], pause=lambda _: None)
    assert made.action is PostAction.OLDER
    assert [body.strip() for body in server.bodies(7)] == [text("11.1", "clean").text.strip()]


def test_a_note_that_is_deleted_meanwhile_is_written_again(server: GitlabServer) -> None:
    old = server.add_note(7, text("9.1").text)
    server.before.append(("PUT", r".*", lambda: server.notes.pop(old.id)))
    post_comments(host(server), 7, [text("10.1")], pause=lambda _: None)
    assert len(server.bodies(7)) == 1
    host(server).delete_comment(7, old.id)
    (left,) = server.notes
    host(server).delete_comment(7, left)
    assert server.notes == {}


def test_a_check_is_a_commit_status(server: GitlabServer) -> None:
    assert host(server).set_check(HEAD, CHECK, run="11.1", url="https://x.example.com") == "commit status"
    assert host(server).set_check(HEAD, CHECK, run="10.1", url="") == ""
    host(server).set_check(HEAD, replace(CHECK, conclusion=Conclusion.NEUTRAL), run="12.1", url="")
    assert [(each["name"], each["state"]) for each in server.statuses] == [
        ("orch: prod", "failed"),
        ("orch: prod", "success"),
    ]


def test_rate_limits_and_errors_of_the_server(server: GitlabServer) -> None:
    server.faults.append(Fault("POST", r".*/notes", 429, headers={"Retry-After": "1"}))
    server.faults.append(Fault("GET", r".*/merge_requests/7", 502, times=2))
    started = time.monotonic()
    host(server).create_comment(7, "hello")
    assert time.monotonic() - started >= 1
    assert host(server).pull_request(7).number == 7
    server.faults.append(Fault("GET", r".*/merge_requests/7", 429, headers={"Retry-After": "3600"}))
    with pytest.raises(HostError, match="too many calls"):
        host(server).pull_request(7)
    assert time.monotonic() - started < 10


def test_the_token_of_a_job_may_not_write(server: GitlabServer) -> None:
    with pytest.raises(HostDeniedError, match="token"):
        list(host(server, JOB_TOKEN).own_comments(7))
    with pytest.raises(HostDeniedError, match="lacks permission") as error:
        host(server, JOB_TOKEN).create_comment(7, "hello")
    assert "CI_JOB_TOKEN may not write comments" in (error.value.hint or "")


def test_issues(server: GitlabServer) -> None:
    ours = host(server)
    marker = "<!-- orch:drift stage=prod -->"
    assert ours.find_issue(marker) is None
    made = ours.create_issue("prod has drifted", f"{marker}\ntext")
    for n in range(120):
        ours.create_issue(f"another {n}", "text")
    assert ours.find_issue(marker) == made
    closed = ours.update_issue(made.number, title="prod", body=f"{marker}\nclean", is_open=False)
    assert ours.find_issue(marker) == closed
    assert not closed.is_open
    assert ours.update_issue(made.number, title="prod", body=marker, is_open=True).is_open
    assert ours.find_issue(marker) is not None
