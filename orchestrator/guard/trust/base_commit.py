"""Which commit the judge's own files come from: in CI the protected one that a change is made against."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import SetupError
from orchestrator.util.git import Repository

_SYSTEMS = (
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "CODEBUILD_BUILD_ID",
    "TF_BUILD",
    "JENKINS_URL",
    "BUILDKITE",
    "CIRCLECI",
    "BITBUCKET_BUILD_NUMBER",
    "TEAMCITY_VERSION",
)
"""A variable that each CI system sets, also where it does not set ``CI``."""

_TARGETS = (
    "GITHUB_BASE_REF",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "CODEBUILD_WEBHOOK_BASE_REF",
    "CHANGE_TARGET",
)
"""Variables that name the branch a pull request goes to: GitHub, Bitbucket, Buildkite, Azure, CodeBuild, Jenkins."""

_COMMITS = ("ORCH_BASE", "CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "CI_MERGE_REQUEST_DIFF_BASE_SHA")
"""Variables that name the commit itself: the user's own word, then GitLab's."""

_PROTECTED = ("GITHUB_REF_PROTECTED", "CI_COMMIT_REF_PROTECTED")
"""Variables that say ``true`` where what is built is a protected branch itself."""

_DEEPER = (
    "give the checkout all commits (GitHub: fetch-depth: 0; GitLab: GIT_DEPTH: 0), "
    "or name the protected branch, e.g. ORCH_BASE=origin/main"
)


@dataclass(frozen=True, slots=True)
class BaseCommit:
    """Where the judge's files come from, and what the change is.

    Attributes:
        commit: the protected commit, e.g. the tip of ``origin/main``: waivers and owners are read from it, in CI the
            policies too. Not the commit that the change forked from: an old one may have waivers that are gone since.
        forked: the last commit that the change has in common with it: what is weaker than there, the change weakened.
        since: the change is the commits after this one. Empty: HEAD alone.
        protected: policies too are read from the commit: this is a CI, or ``ORCH_BASE`` says so.
        words: how the commit was found, for people.
    """

    commit: str
    forked: str
    since: str
    protected: bool
    description: str


def is_ci(env: Mapping[str, str]) -> bool:
    """Whether a CI runs this, by any of the variables that CI systems set."""
    return env.get("CI", "").lower() in {"1", "true", "yes"} or any(env.get(name) for name in _SYSTEMS)


def find_base(repository: Repository | None, env: Mapping[str, str]) -> BaseCommit | None:
    """The commit whose policies, waivers and owners count.

    Args:
        repository: around the catalogue; None when there is none.
        env: the environment: ``ORCH_BASE``, and what CI systems say.

    Returns:
        None outside of CI without a repository or a commit: then no waiver counts.

    Raises:
        SetupError: in CI, when nobody can tell against what the change is made.
    """
    protected = is_ci(env) or bool(env.get("ORCH_BASE"))
    if repository is None or not repository.head:
        if protected:
            message = "in CI policies and waivers are read from git, and this is no git repository with a commit"
            raise SetupError(message, hint="check the repository out with git, and let the job have git")
        return None
    head = repository.head
    if not protected:
        return BaseCommit(head, head, _first_parent(repository), protected=False, description="HEAD")
    revision, said = next(_revisions(repository, env), ("", ""))
    if not revision:
        message = "nothing says against which branch this change is made"
        raise SetupError(message, hint="name the protected branch, e.g. ORCH_BASE=origin/main")
    commit = repository.commit(revision)
    if commit is None:
        message = f"this clone does not have {revision} ({said}), so nobody can tell against what the change is made"
        raise SetupError(message, hint=_DEEPER)
    forked = repository.merge_base(commit)
    if forked is None:
        message = f"{revision} ({said}) and HEAD have no commit in common in this clone"
        raise SetupError(message, hint=_DEEPER)
    since = forked if forked != head else _before_push(repository, env)
    return BaseCommit(commit, forked, since, protected=True, description=f"{commit[:10]} ({said})")


def _revisions(repository: Repository, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Revisions that the change goes to and who says so, the surest first."""
    yield from ((env[name], name) for name in _COMMITS if env.get(name))
    yield from ((_remote(env[name]), name) for name in _TARGETS if env.get(name))
    yield from ((repository.head, name) for name in _PROTECTED if env.get(name) == "true")
    if env.get("CI_DEFAULT_BRANCH"):
        yield _remote(env["CI_DEFAULT_BRANCH"]), "CI_DEFAULT_BRANCH"
    branch = _event(env).get("repository", {}).get("default_branch")
    if isinstance(branch, str) and branch:
        yield _remote(branch), "the default branch"
    default = repository.default_branch()
    if default:
        yield default, "the default branch"


def _remote(branch: str) -> str:
    return f"refs/remotes/origin/{branch.removeprefix('refs/heads/').removeprefix('origin/')}"


def _event(env: Mapping[str, str]) -> Mapping[str, Any]:
    """What GitHub tells of the event; empty elsewhere."""
    file = env.get("GITHUB_EVENT_PATH")
    try:
        found = json.loads(Path(file).read_bytes()) if file else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _before_push(repository: Repository, env: Mapping[str, str]) -> str:
    """The commit that the branch was at before this push, where the CI tells; else HEAD's first parent."""
    for said in (env.get("CI_COMMIT_BEFORE_SHA"), _event(env).get("before")):
        commit = repository.commit(said) if isinstance(said, str) and said.strip("0") else None
        if commit and commit != repository.head and repository.merge_base(commit) == commit:
            return commit
    return _first_parent(repository)


def _first_parent(repository: Repository) -> str:
    return repository.commit("HEAD^1") or ""
