"""Finds the commit that policies, waivers and owners come from: in CI, the tip of the protected target branch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import SetupError
from orchestrator.util.ci import is_protected
from orchestrator.util.git import Repository

_TARGETS = (
    "GITHUB_BASE_REF",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "CODEBUILD_WEBHOOK_BASE_REF",
    "CHANGE_TARGET",
)
"""Variables with the target branch of a pull request: GitHub, Bitbucket, Buildkite, Azure, CodeBuild, Jenkins."""

_COMMITS = ("ORCH_BASE", "CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "CI_MERGE_REQUEST_DIFF_BASE_SHA")
"""Variables with the commit itself: the user's, then GitLab's."""

_PROTECTED = ("GITHUB_REF_PROTECTED", "CI_COMMIT_REF_PROTECTED")
"""Variables that are ``true`` when the build is on a protected branch."""

_DEEPER = (
    "fetch the full history (GitHub: fetch-depth: 0; GitLab: GIT_DEPTH: 0), "
    "or name the protected branch, e.g. ORCH_BASE=origin/main"
)


@dataclass(frozen=True, slots=True)
class BaseCommit:
    """The commit that policies come from, and the extent of the change.

    Attributes:
        commit: the protected commit, e.g. the tip of ``origin/main``. Waivers and owners come from it; in CI, policies
            too. The merge base would not do: it may have waivers that were removed since.
        forked: the merge base; what is weaker now than there, the change weakened.
        since: the change consists of the commits after this one; empty: of HEAD alone.
        protected: policies come from the commit as well: this is CI, or ``ORCH_BASE`` is set.
        description: how the commit was found, for messages.
    """

    commit: str
    forked: str
    since: str
    protected: bool
    description: str


def find_base(repository: Repository | None, env: Mapping[str, str]) -> BaseCommit | None:
    """Find the commit whose policies, waivers and owners apply.

    Args:
        repository: the repository that contains the configuration, or None.
        env: the environment: ``ORCH_BASE``, and the variables of CI systems.

    Returns:
        The commit. None outside CI if there is no repository or no commit: then no waiver is valid.

    Raises:
        SetupError: in CI, if the target of the change cannot be determined.
    """
    protected = is_protected(env)
    if repository is None or not repository.head:
        if protected:
            message = "in CI, policies and waivers come from git, but this is not a git repository with a commit"
            raise SetupError(message, hint="check out the repository with git, and install git in the job")
        return None
    head = repository.head
    if not protected:
        return BaseCommit(head, head, _first_parent(repository), protected=False, description="HEAD")
    revision, source = next(_revisions(repository, env), ("", ""))
    if not revision:
        message = "cannot determine the target branch of this change"
        raise SetupError(message, hint="name the protected branch, e.g. ORCH_BASE=origin/main")
    commit = repository.commit(revision)
    if commit is None:
        message = f"this clone does not contain {revision} ({source}), the target of this change"
        raise SetupError(message, hint=_DEEPER)
    forked = repository.merge_base(commit)
    if forked is None:
        message = f"{revision} ({source}) and HEAD have no common commit in this clone"
        raise SetupError(message, hint=_DEEPER)
    since = forked if forked != head else _before_push(repository, env)
    return BaseCommit(commit, forked, since, protected=True, description=f"{commit[:10]} ({source})")


def _revisions(repository: Repository, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield candidate target revisions with their source, the most reliable first."""
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
    """Return GitHub's event payload; empty elsewhere."""
    file = env.get("GITHUB_EVENT_PATH")
    try:
        found = json.loads(Path(file).read_bytes()) if file else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _before_push(repository: Repository, env: Mapping[str, str]) -> str:
    """Return the branch's commit before this push if CI reports it, otherwise HEAD's first parent."""
    for reported in (env.get("CI_COMMIT_BEFORE_SHA"), _event(env).get("before")):
        commit = repository.commit(reported) if isinstance(reported, str) and reported.strip("0") else None
        if commit and commit != repository.head and repository.merge_base(commit) == commit:
            return commit
    return _first_parent(repository)


def _first_parent(repository: Repository) -> str:
    return repository.commit("HEAD^1") or ""
