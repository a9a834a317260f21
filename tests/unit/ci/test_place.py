"""Which host, repository and pull request the environment of a CI names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.ci.place import HostKind, HostPlace, find_place
from orchestrator.errors import UsageError

HEAD, MERGE = "1" * 40, "2" * 40
GITHUB = {
    "GITHUB_REPOSITORY": "example/platform",
    "GITHUB_TOKEN": "ghs_x",
    "GITHUB_SHA": MERGE,
    "GITHUB_REF": "refs/pull/7/merge",
}
GITLAB = {
    "CI_PROJECT_PATH": "alice/platform",
    "CI_MERGE_REQUEST_PROJECT_PATH": "group/platform",
    "CI_MERGE_REQUEST_IID": "9",
    "CI_COMMIT_SHA": HEAD,
    "CI_JOB_TOKEN": "job",
}


def place(env: dict[str, str], **more: Any) -> HostPlace:
    found = find_place(env, **more)
    assert found is not None
    return found


def with_event(tmp_path: Path, event: Any) -> dict[str, str]:
    file = tmp_path / "event.json"
    file.write_text(event if isinstance(event, str) else json.dumps(event))
    return GITHUB | {"GITHUB_EVENT_PATH": str(file)}


def pull(source: str | None = "example/platform") -> dict[str, Any]:
    return {
        "number": 8,
        "head": {"sha": HEAD, "repo": {"full_name": source} if source else None},
        "base": {"repo": {"full_name": "example/platform"}},
    }


def test_a_pull_request_of_github_by_its_ref_and_by_its_event(tmp_path: Path) -> None:
    found = place(GITHUB)
    assert (found.kind, found.repository, found.pull_request) == (HostKind.GITHUB, "example/platform", 7)
    assert (found.head, found.commit, found.fork) == ("", MERGE, False), "what is checked out is not the head"
    found = place(with_event(tmp_path, {"pull_request": pull()}))
    assert (found.pull_request, found.head, found.fork) == (8, HEAD, False)
    assert place(with_event(tmp_path, {"pull_request": pull("alice/platform")})).fork
    assert place(with_event(tmp_path, {"pull_request": pull(None)})).fork, "a fork that was deleted"


def test_other_events_of_github(tmp_path: Path) -> None:
    comment = with_event(tmp_path, {"issue": {"number": 9, "pull_request": {}}})
    assert place(comment).pull_request == 9
    assert place(with_event(tmp_path, {"workflow_run": {"pull_requests": [pull()]}})).pull_request == 8
    push = with_event(tmp_path, {"workflow_run": {"pull_requests": []}}) | {"GITHUB_REF": "refs/heads/main"}
    assert place(push).pull_request is None
    assert place(with_event(tmp_path, {"issue": {"number": 9}})).pull_request == 7, "an issue is no pull request"


@pytest.mark.parametrize("event", ["", "[", "[]", '{"pull_request": 7}', '{"pull_request": {"number": "8; rm"}}'])
def test_an_event_that_is_none_is_not_believed(tmp_path: Path, event: str) -> None:
    assert place(with_event(tmp_path, event)).pull_request == 7


def test_a_merge_request_of_gitlab_from_a_fork() -> None:
    found = place(GITLAB | {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "alice/platform"})
    assert (found.kind, found.repository, found.pull_request) == (HostKind.GITLAB, "group/platform", 9)
    assert (found.head, found.fork, found.token_name) == (HEAD, True, "CI_JOB_TOKEN")
    own = place(GITLAB | {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "group/platform", "GITLAB_TOKEN": "own"})
    assert (own.fork, own.token_name, own.token) == (False, "GITLAB_TOKEN", "own")


def test_what_is_named_wins() -> None:
    found = place(GITHUB, pull_request=12)
    assert (found.pull_request, found.head) == (12, "")
    found = place(GITHUB, repository="example/other")
    assert (found.repository, found.pull_request, found.token) == ("example/other", None, "ghs_x")
    assert place(GITHUB, repository="https://github.com/example/platform").pull_request == 7
    found = place({"GITLAB_TOKEN": "x"}, repository="https://gitlab.example.com/group/sub/platform.git", pull_request=3)
    assert (found.kind, found.api) == (HostKind.GITLAB, "https://gitlab.example.com")
    assert (found.repository, found.pull_request) == ("group/sub/platform", 3)
    found = place({"GITHUB_TOKEN": "x"}, repository="https://github.example.com/a/b")
    assert (found.kind, found.api) == (HostKind.GITHUB, "https://github.example.com/api/v3")
    assert place({}, repository="a/b").api == "https://api.github.com"


def test_mistakes() -> None:
    assert find_place({"CI": "true"}) is None
    for name in ("platform", "a b/c", "../x", "https://github.com/"):
        with pytest.raises(UsageError, match="is not a repository"):
            find_place({}, repository=name)
    with pytest.raises(UsageError, match="https://"):
        find_place(GITHUB | {"GITHUB_API_URL": "http://github.example.com"})


def test_a_token_is_not_shown() -> None:
    assert "ghs_x" not in repr(place(GITHUB))
