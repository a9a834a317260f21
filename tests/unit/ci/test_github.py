"""GitHub through PyGithub, against a local server that speaks its API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.ci.github import GithubHost
from orchestrator.ci.host import HostDeniedError, HostError, HostMissingError, Permission, PullRequestState
from orchestrator.ci.place import HostKind, HostPlace
from orchestrator.ci.retry import BoundedRetry
from orchestrator.errors import Location
from orchestrator.report.comment.check import Annotation, Conclusion, NoteLevel, StageCheck
from tests.support.github_server import APP_TOKEN, BOT, READ_TOKEN, REPOSITORY_NAME, USER_TOKEN, GithubServer
from tests.support.host_server import Fault

HEAD, MERGE = "1" * 40, "2" * 40
CHECK = StageCheck("orch: prod", Conclusion.ACTION_REQUIRED, "1 blocked", "### a summary", ())


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as made:
        made.add_pull(7, HEAD)
        yield made
        assert made.mistakes == []


def host(server: GithubServer, token: str = APP_TOKEN, *, waits: float = 0.5) -> GithubHost:
    place = HostPlace(HostKind.GITHUB, server.url, REPOSITORY_NAME, token)
    return GithubHost(place, BoundedRetry(backoff_factor=waits))


def notes(number: int) -> tuple[Annotation, ...]:
    return tuple(
        Annotation(Location("live/stages/prod.yaml", n + 1), NoteLevel.FAILURE, f"rule {n}", "wrong")
        for n in range(number)
    )


def test_the_facts_of_pull_requests(server: GithubServer) -> None:
    server.add_pull(8, HEAD, source="alice/platform", author=None)
    server.add_pull(9, HEAD, source=None, state="merged", merge_commit=MERGE)
    server.add_pull(10, HEAD, state="closed")
    ours, fork, merged, closed = (host(server).pull_request(number) for number in (7, 8, 9, 10))
    assert (ours.author, ours.head, ours.base, ours.fork, ours.state) == ("alice", HEAD, "main", False, "open")
    assert (fork.author, fork.fork) == ("", True)
    assert (merged.state, merged.merge_commit, merged.fork) == (PullRequestState.MERGED, MERGE, True)
    assert (closed.state, closed.merge_commit) == (PullRequestState.CLOSED, "")
    assert [each.number for each in host(server).open_pull_requests()] == [7, 8]
    assert host(server).merged_by(MERGE) == merged
    assert host(server).merged_by(HEAD) is None
    with pytest.raises(HostMissingError):
        host(server).pull_request(99)


def test_who_we_are_and_who_may_what(server: GithubServer) -> None:
    assert host(server).login() == BOT
    assert host(server, USER_TOKEN).login() == "carol"
    rights = [host(server).permission(name) for name in ("owner", "alice", "guest", "nobody")]
    assert rights == [Permission.ADMIN, Permission.WRITE, Permission.READ, Permission.NONE]


def test_a_check_run_with_more_annotations_than_one_call_takes(server: GithubServer) -> None:
    check = replace(CHECK, annotations=notes(120))
    assert host(server).set_check(HEAD, check, run="10.1", url="https://ci.example.com/1") == "check run"
    (made,) = server.checks
    assert (made.sha, made.values["conclusion"], made.values["external_id"]) == (HEAD, "action_required", "10.1")
    assert [note["title"] for note in made.annotations] == [f"rule {n}" for n in range(120)]
    assert server.called("PATCH .*/check-runs/.*") == 2


def test_a_check_of_an_older_run_is_not_written(server: GithubServer) -> None:
    host(server).set_check(HEAD, CHECK, run="11.1", url="")
    assert host(server).set_check(HEAD, CHECK, run="10.1", url="") == ""
    assert host(server).set_check(HEAD, CHECK, run="12.1", url="") == "check run"
    assert len(server.checks) == 2


def test_the_token_of_a_user_sets_a_commit_status(server: GithubServer) -> None:
    check = replace(CHECK, title="blocked " * 40)
    assert host(server, USER_TOKEN).set_check(HEAD, check, run="11.1", url="https://x.example.com") == "commit status"
    (status,) = server.statuses
    assert (status["state"], status["context"]) == ("failure", "orch: prod")
    assert status["description"].endswith("… · run 11.1")
    assert host(server, USER_TOKEN).set_check(HEAD, CHECK, run="10.1", url="") == ""
    neutral = replace(CHECK, conclusion=Conclusion.NEUTRAL)
    assert host(server, USER_TOKEN).set_check(HEAD, neutral, run="12.1", url="") == "commit status"
    assert [each["state"] for each in server.statuses] == ["failure", "success"]


def test_a_rate_limit_is_waited_for(server: GithubServer) -> None:
    server.faults.append(
        Fault(
            "POST",
            r".*/comments",
            403,
            headers={"Retry-After": "1"},
            message="You have exceeded a secondary rate limit",
        )
    )
    started = time.monotonic()
    host(server).create_comment(7, "hello")
    assert time.monotonic() - started >= 1
    assert server.bodies(7) == ["hello"]
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()))}
    server.faults.append(Fault("GET", r".*/pulls/7", 403, headers=reset, message="API rate limit exceeded"))
    assert host(server).pull_request(7).number == 7


@pytest.mark.parametrize(
    "headers",
    [{"Retry-After": "3600"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3000)}],
)
def test_a_rate_limit_that_takes_too_long_is_an_error(server: GithubServer, headers: dict[str, str]) -> None:
    server.faults.append(Fault("GET", r".*/pulls/7", 403, headers=headers, message="API rate limit exceeded"))
    started = time.monotonic()
    with pytest.raises(HostError, match="too many calls") as error:
        host(server).pull_request(7)
    assert time.monotonic() - started < 5
    assert not isinstance(error.value, HostDeniedError)


def test_errors_of_the_server_are_waited_for_and_end(server: GithubServer) -> None:
    server.faults.append(Fault("GET", r".*/pulls/7", 502, times=2))
    assert host(server).pull_request(7).number == 7
    server.faults.append(Fault("GET", r".*/pulls/7", 503, times=9))
    with pytest.raises(HostError, match=r"failed to read pull request 7 \(status 503\)"):
        host(server, waits=0.01).pull_request(7)
    assert server.called("GET .*/pulls/7") == 3 + 5


def test_a_token_without_rights(server: GithubServer) -> None:
    reader = host(server, READ_TOKEN)
    calls: list[Any] = [
        lambda: reader.create_comment(7, "hello"),
        lambda: reader.set_check(HEAD, CHECK, run="10.1", url=""),
        lambda: reader.create_issue("t", "b"),
    ]
    for call in calls:
        with pytest.raises(HostDeniedError, match="Resource not accessible by integration") as error:
            call()
        assert "permissions: pull-requests: write" in (error.value.hint or "")
    with pytest.raises(HostDeniedError, match="token is not valid") as error:
        host(server, "ghs_secret_that_is_wrong").login()
    assert "ghs_secret" not in str(error.value)


def test_a_host_that_is_not_there(server: GithubServer) -> None:
    nowhere = GithubHost(
        HostPlace(HostKind.GITHUB, "http://127.0.0.1:9", REPOSITORY_NAME, APP_TOKEN), BoundedRetry(backoff_factor=0.01)
    )
    with pytest.raises(HostError, match="GitHub cannot be reached to read pull request 7"):
        nowhere.pull_request(7)


def test_issues(server: GithubServer) -> None:
    ours = host(server)
    marker = "<!-- orch:drift stage=prod -->"
    assert ours.find_issue(marker) is None
    host(server, USER_TOKEN).create_issue("copy", f"{marker}\ntext")
    made = ours.create_issue("prod has drifted", f"{marker}\ntext")
    for n in range(120):
        ours.create_issue(f"another {n}", "text")
    assert ours.find_issue(marker) == made, "behind a page of others, and not somebody else's"
    closed = ours.update_issue(made.number, title="prod", body=f"{marker}\nclean", is_open=False)
    assert (closed.is_open, closed.body) == (False, f"{marker}\nclean")
    assert ours.find_issue(marker) == closed
