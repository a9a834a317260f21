"""Which commit policies come from, in every CI system."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.guard.trust.base_commit import find_base, is_ci
from orchestrator.util.git import Repository
from tests.support.git import Git

CI = {"CI": "true"}


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository with a merged commit."""
    git = Git(tmp_path / "repository")
    git.commit()
    git.publish()
    return git


def base(git: Git, **env: str) -> str:
    found = find_base(Repository.find(git.root), {"CI": "true", **env})
    assert found is not None
    return found.commit


def test_the_target_branch_of_every_ci_system_is_known(git: Git, tmp_path: Path) -> None:
    main = git("rev-parse", "HEAD")
    git.branch("change")
    git.commit()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"repository": {"default_branch": "main"}}))
    git("symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    for env in (
        {"ORCH_BASE": "origin/main"},
        {"GITHUB_BASE_REF": "main"},
        {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"},
        {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "gone", "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": main},
        {"BITBUCKET_PR_DESTINATION_BRANCH": "main"},
        {"BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main"},
        {"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"},
        {"CODEBUILD_WEBHOOK_BASE_REF": "refs/heads/main"},
        {"CHANGE_TARGET": "main"},
        {"CI_DEFAULT_BRANCH": "main"},
        {"GITHUB_EVENT_PATH": str(event)},
    ):
        assert base(git, **env) == main, env
    assert base(git, GITHUB_REF_PROTECTED="true") == git("rev-parse", "HEAD")
    with pytest.raises(SetupError, match="cannot determine the target branch"):
        base(git)
    git.publish()
    assert base(git) == git("rev-parse", "HEAD")


def test_of_a_merge_request_of_gitlab_it_is_the_tip_of_the_target_branch(git: Git) -> None:
    """Where the change forked, the policies that were merged since are missing."""
    forked = git("rev-parse", "HEAD")
    git.branch("change")
    git.commit()
    git("checkout", "-q", "main")
    older = git.commit(message="a stricter policy")
    git.publish()
    tip = git.commit(message="and one more")
    git("checkout", "-q", "change")
    fork = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": forked}
    branch = {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", **fork}
    assert base(git, **branch) == older
    assert base(git, **branch, CI_MERGE_REQUEST_TARGET_BRANCH_SHA=forked) == older, "a pipeline that is run again"
    assert base(git, **branch, CI_MERGE_REQUEST_TARGET_BRANCH_SHA=tip) == tip, "a clone that was not fetched whole"
    with pytest.raises(SetupError, match="does not contain refs/remotes/origin/release") as caught:
        base(git, **{**branch, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "release"})
    assert "GIT_DEPTH: 0" in (caught.value.hint or "")
    assert base(git, **fork) == older, "the default branch, if GitLab names no target"


@pytest.mark.parametrize("env", [{"GITHUB_BASE_REF": "gone"}, {"ORCH_BASE": "0" * 40}, {"ORCH_BASE": "--help"}])
def test_a_base_that_is_not_there_is_refused_with_what_to_do(git: Git, env: dict[str, str]) -> None:
    with pytest.raises(SetupError) as caught:
        base(git, **env)
    assert "fetch-depth: 0" in (caught.value.hint or "")


def test_a_base_with_nothing_in_common_is_refused(git: Git) -> None:
    git("checkout", "-q", "--orphan", "other")
    git.commit(message="another beginning")
    with pytest.raises(SetupError, match="no common commit"):
        base(git, GITHUB_BASE_REF="main")


def test_on_the_protected_branch_the_change_is_what_was_pushed(git: Git, tmp_path: Path) -> None:
    before = git("rev-parse", "HEAD")
    git.commit("anna@example.com")
    git.commit("bob@example.com")
    git.publish()
    repository = Repository.find(git.root)
    found = find_base(repository, {**CI, "CI_COMMIT_BEFORE_SHA": before})
    assert found is not None
    assert repository is not None
    assert found.since == before
    assert {email for each in repository.commits(before) for email in each.emails} == {
        "anna@example.com",
        "bob@example.com",
    }
    found = find_base(repository, {**CI, "CI_COMMIT_BEFORE_SHA": "0" * 40})
    assert found is not None
    assert found.since == git("rev-parse", "HEAD^1")


def test_a_repository_without_a_commit_has_no_head(git: Git, tmp_path: Path) -> None:
    empty = Git(tmp_path / "empty")
    (empty.root / "HEAD^{commit}").write_text("a file of the name that git is asked about")
    assert Repository.find(empty.root) == Repository(root=empty.root, head="", shallow=False)
    assert Repository.find(empty.root / ".git") is None
    assert Repository.find(git.root) == Repository(root=git.root, head=git("rev-parse", "HEAD"), shallow=False)
    git("clone", "-q", "--depth", "1", f"file://{git.root}", str(tmp_path / "shallow"))
    found = Repository.find(tmp_path / "shallow")
    assert found is not None
    assert found.shallow


def test_another_repository_s_variables_do_not_lead_away(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Git(tmp_path / "other")
    other.commit()
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    found = Repository.find(git.root)
    assert found is not None
    assert found.head == git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        ({}, False),
        ({"CI": "false"}, False),
        ({"CI": ""}, False),
        ({"CI": "true"}, True),
        ({"CI": "1"}, True),
        ({"GITHUB_ACTIONS": "true"}, True),
        ({"CODEBUILD_BUILD_ID": "x:1"}, True),
        ({"JENKINS_URL": "https://x"}, True),
    ],
)
def test_a_ci_is_known_by_what_it_sets(env: dict[str, str], wanted: bool) -> None:
    assert is_ci(env) is wanted
