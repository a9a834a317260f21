"""Which code host, repository, pull request and commit the environment of a CI names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orchestrator.errors import UsageError

_GITHUB_PULL = re.compile(r"refs/pull/(\d{1,9})/(?:merge|head)")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_NAME = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)+")
_LONGEST_EVENT = 30_000_000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class HostKind(StrEnum):
    """A code host that orch can post to."""

    GITHUB = "GitHub"
    GITLAB = "GitLab"


@dataclass(frozen=True, slots=True)
class HostPlace:
    """A repository on a code host, and the pull request that a run of its CI is about.

    Attributes:
        kind: the host.
        api: the address of its API, without a slash at its end. On GitLab the address of the instance.
        repository: ``owner/name``; on GitLab the path of the project.
        token: the token, never shown.
        token_name: the environment variable that has it; empty if none has.
        pull_request: the number; None if the run is not about one.
        head: the commit at the head of the pull request that the run is about; empty if not known.
        commit: the commit that the CI checked out; empty if not known.
        fork: the pull request comes from another repository, so its runs have no right to write here.
    """

    kind: HostKind
    api: str
    repository: str
    token: str = field(default="", repr=False)
    token_name: str = ""
    pull_request: int | None = None
    head: str = ""
    commit: str = ""
    fork: bool = False


def find_place(env: Mapping[str, str], *, repository: str = "", pull_request: int | None = None) -> HostPlace | None:
    """Return the repository and pull request that the environment names; None if it names no repository.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    https://docs.gitlab.com/ci/variables/predefined_variables/

    Args:
        env: the environment.
        repository: a repository in place of the CI's: ``owner/name`` or the address of its page.
        pull_request: a pull request in place of the CI's.

    Raises:
        UsageError: ``repository`` is not a repository, or the API's address would send the token unencrypted.
    """
    found = _of_github(env) or _of_gitlab(env)
    if repository:
        found = _given(env, repository, found)
    if found is None:
        return None
    if pull_request is not None and pull_request != found.pull_request:
        found = replace(found, pull_request=pull_request, head="", fork=False)
    parts = urlsplit(found.api)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        message = f"the API of {found.kind} is not at an https:// address: {found.api}"
        raise UsageError(message, hint="a token must not travel unencrypted")
    return found


def _of_github(env: Mapping[str, str]) -> HostPlace | None:
    if not env.get("GITHUB_REPOSITORY"):
        return None
    event = _event(env.get("GITHUB_EVENT_PATH", ""))
    by_ref = _GITHUB_PULL.fullmatch(env.get("GITHUB_REF", ""))
    number, head = _pull_request(event)
    return HostPlace(
        HostKind.GITHUB,
        env.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        env["GITHUB_REPOSITORY"],
        *_token(env, "GITHUB_TOKEN"),
        pull_request=number if number is not None else int(by_ref[1]) if by_ref else None,
        head=head,
        commit=env.get("GITHUB_SHA", ""),
        fork=_from_fork(event.get("pull_request")),
    )


def _of_gitlab(env: Mapping[str, str]) -> HostPlace | None:
    project = env.get("CI_MERGE_REQUEST_PROJECT_PATH") or env.get("CI_PROJECT_PATH")
    if not project:
        return None
    number = env.get("CI_MERGE_REQUEST_IID", "")
    return HostPlace(
        HostKind.GITLAB,
        env.get("CI_SERVER_URL", "https://gitlab.com").rstrip("/"),
        project,
        *_token(env, "GITLAB_TOKEN", "CI_JOB_TOKEN"),
        pull_request=int(number) if number.isdecimal() else None,
        head=(env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or env.get("CI_COMMIT_SHA", "")) if number else "",
        commit=env.get("CI_COMMIT_SHA", ""),
        fork=bool(number) and env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", project) != project,
    )


def _given(env: Mapping[str, str], repository: str, ci: HostPlace | None) -> HostPlace:
    """Return a place for a repository that was named on the command line.

    Raises:
        UsageError: it is not a repository.
    """
    url = urlsplit(repository) if "://" in repository else urlsplit(f"///{repository}")
    name = url.path.strip("/").removesuffix(".git")
    if not _NAME.fullmatch(name):
        message = f"--repository: {repository!r} is not a repository"
        raise UsageError(message, hint="for example owner/name, or https://gitlab.com/group/project")
    if ci is not None and not url.netloc:
        return (
            ci
            if name == ci.repository
            else replace(ci, repository=name, pull_request=None, head="", commit="", fork=False)
        )
    known = {"github.com": HostKind.GITHUB, "gitlab.com": HostKind.GITLAB}
    by_token = HostKind.GITLAB if env.get("GITLAB_TOKEN") and not env.get("GITHUB_TOKEN") else HostKind.GITHUB
    server = f"{url.scheme}://{url.netloc}" if url.netloc else ""
    if known.get(url.hostname or "", by_token) is HostKind.GITLAB:
        place = HostPlace(
            HostKind.GITLAB, server or "https://gitlab.com", name, *_token(env, "GITLAB_TOKEN", "CI_JOB_TOKEN")
        )
    else:
        own_server = server and url.hostname != "github.com"
        api = f"{server}/api/v3" if own_server else "https://api.github.com"
        place = HostPlace(HostKind.GITHUB, api, name, *_token(env, "GITHUB_TOKEN"))
    same = ci is not None and (ci.api, ci.repository) == (place.api, place.repository)
    return ci if ci is not None and same else place


def _token(env: Mapping[str, str], *names: str) -> tuple[str, str]:
    """Return the first token that is set, and the name of its variable."""
    return next(((env[name], name) for name in names if env.get(name)), ("", ""))


def _event(path: str) -> Mapping[str, Any]:
    """Return the event that started a workflow of GitHub Actions; empty if it cannot be read."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            event = json.loads(file.read(_LONGEST_EVENT))
    except (OSError, ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _pull_request(event: Mapping[str, Any]) -> tuple[int | None, str]:
    """Return number and head commit of the pull request that an event is about.

    ``issue_comment`` names no commit, and ``workflow_run`` no pull request if it comes from a fork.
    """
    run = event.get("workflow_run")
    pulls = run.get("pull_requests") if isinstance(run, dict) else None
    issue = event.get("issue")
    candidates = (
        event.get("pull_request"),
        pulls[0] if isinstance(pulls, list) and pulls else None,
        issue if isinstance(issue, dict) and "pull_request" in issue else None,
    )
    for each in candidates:
        if isinstance(each, dict) and isinstance(each.get("number"), int):
            head = each.get("head")
            commit = head.get("sha", "") if isinstance(head, dict) else ""
            return each["number"], commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else ""
    return None, ""


def _from_fork(pull: Any) -> bool:
    """Return whether the pull request of an event comes from another repository, or from one that was deleted."""
    try:
        return bool(pull) and (pull["head"]["repo"] or {}).get("full_name") != pull["base"]["repo"]["full_name"]
    except (KeyError, TypeError, AttributeError):
        return False
