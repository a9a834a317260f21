"""Finds the commit that policies, waivers and owners come from: the tip of the protected branch, as the remote has it.

In CI all of them come from there. Outside of CI policies come from the working tree, but waivers and owners do not: a
local commit may have any author and any content, so it proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from orchestrator.errors import SetupError
from orchestrator.util.git import RemoteRef, Repository

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
"""Variables that CI systems set, including those that do not set ``CI``."""

_TARGETS = (
    "GITHUB_BASE_REF",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "CODEBUILD_WEBHOOK_BASE_REF",
    "CHANGE_TARGET",
)
"""Variables with the target branch of a pull request: GitHub, Bitbucket, Buildkite, Azure, CodeBuild, Jenkins."""

_GITLAB_BRANCH = "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
_GITLAB_TIP = "CI_MERGE_REQUEST_TARGET_BRANCH_SHA"
"""GitLab's target branch, and its tip when the pipeline was made, which only some pipelines have. GitLab's
``CI_MERGE_REQUEST_DIFF_BASE_SHA`` is where the change forked: policies that were merged since would not apply."""

_PROTECTED = ("GITHUB_REF_PROTECTED", "CI_COMMIT_REF_PROTECTED")
"""Variables that are ``true`` when the build is on a protected branch."""

_DEEPER = (
    "fetch the full history (GitHub: fetch-depth: 0; GitLab: GIT_DEPTH: 0), "
    "or name the protected branch, e.g. ORCH_BASE=origin/main"
)


class Source(StrEnum):
    """Where a base commit comes from."""

    REMOTE = "remote"
    """From a branch of the remote, so it was merged there."""
    NO_REMOTE = "no remote"
    """It is HEAD: the repository has no remote, its user works alone."""
    UNKNOWN = "unknown"
    """It is HEAD, because this clone does not know which branch of its remote is the protected one."""


@dataclass(frozen=True, slots=True)
class BaseCommit:
    """The commit that policies come from, and the extent of the change.

    Attributes:
        commit: the protected commit, e.g. the tip of ``origin/main``. Waivers and owners come from it; in CI, policies
            too. The merge base would not do: it may have waivers that were removed since. HEAD if there is no remote.
        forked: the merge base; what is weaker now than there, the change weakened.
        since: the change consists of the commits after this one; empty: of HEAD alone.
        protected: policies come from the commit as well: this is CI, or ``ORCH_BASE`` is set.
        description: how the commit was found, for messages.
        source: whether anybody but the user can have agreed to what is in the commit.
    """

    commit: str
    forked: str
    since: str
    protected: bool
    description: str
    source: Source = Source.REMOTE


def is_ci(env: Mapping[str, str]) -> bool:
    """Return whether this runs in CI, according to the variables that CI systems set."""
    return env.get("CI", "").lower() in {"1", "true", "yes"} or any(env.get(name) for name in _SYSTEMS)


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
    protected = is_ci(env) or bool(env.get("ORCH_BASE"))
    if repository is None or not repository.head:
        if protected:
            message = "in CI, policies and waivers come from git, but this is not a git repository with a commit"
            raise SetupError(message, hint="check out the repository with git, and install git in the job")
        return None
    head = repository.head
    if not protected:
        return _local_base(repository)
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


def _local_base(repository: Repository) -> BaseCommit:
    """Return the tip of the remote's default branch as it was fetched last; HEAD if there is none."""
    head, refs = repository.head, repository.remote_refs()
    branch = _default_branch(refs)
    if branch is None:
        source = Source.UNKNOWN if refs or repository.has_remote() else Source.NO_REMOTE
        return BaseCommit(head, head, _first_parent(repository), protected=False, description="HEAD", source=source)
    # Without a common commit everything is the change, as far as git can tell.
    forked = head if branch.commit == head else repository.merge_base(branch.commit) or branch.commit
    since = forked if forked != head else _first_parent(repository)
    name = (branch.target or branch.name).removeprefix("refs/remotes/")
    return BaseCommit(branch.commit, forked, since, protected=False, description=name)


def _default_branch(refs: Sequence[RemoteRef]) -> RemoteRef | None:
    """Return the default branch of ``origin``, or of the only remote; None if this clone cannot tell."""
    remotes = {ref.remote for ref in refs}
    remote = "origin" if "origin" in remotes else next(iter(remotes), "") if len(remotes) == 1 else ""
    known = {ref.name: ref for ref in refs}
    if head := known.get(f"refs/remotes/{remote}/HEAD"):
        return head
    usual = [known[name] for name in (f"refs/remotes/{remote}/main", f"refs/remotes/{remote}/master") if name in known]
    return usual[0] if len(usual) == 1 else None


def _revisions(repository: Repository, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield candidate target revisions with their source, the most reliable first."""
    if env.get("ORCH_BASE"):
        yield env["ORCH_BASE"], "ORCH_BASE"
    yield from _gitlab(repository, env)
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


def _gitlab(repository: Repository, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the tip of a merge request's target branch: the newer one of what was fetched and what GitLab reports."""
    name, reported = env.get(_GITLAB_BRANCH), env.get(_GITLAB_TIP)
    fetched = repository.commit(_remote(name)) if name else None
    if reported and not (fetched and repository.contains(fetched, reported)):
        yield reported, _GITLAB_TIP
    elif name:
        yield _remote(name), _GITLAB_BRANCH


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
