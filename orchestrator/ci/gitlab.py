"""GitLab, through python-gitlab: merge request notes, commit statuses and issues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from gitlab import Gitlab
from gitlab.exceptions import GitlabError
from requests.adapters import HTTPAdapter

from orchestrator.ci.check_status import is_newer_status, status_description
from orchestrator.ci.host import (
    HostComment,
    HostError,
    HostIssue,
    HostMissingError,
    Permission,
    PullRequest,
    PullRequestState,
    has_marker,
    host_error,
)
from orchestrator.ci.place import HostPlace
from orchestrator.ci.retry import BoundedRetry
from orchestrator.report.comment.check import Conclusion, StageCheck

_SECONDS = 20
_RIGHTS = (
    "set GITLAB_TOKEN to a project access token with the scope `api` and the role Developer; "
    "CI_JOB_TOKEN may not write comments"
)
_STATES = {"opened": PullRequestState.OPEN, "locked": PullRequestState.OPEN, "merged": PullRequestState.MERGED}
_PASSED = frozenset({Conclusion.SUCCESS, Conclusion.NEUTRAL})
_PERMISSIONS = ((50, Permission.ADMIN), (30, Permission.WRITE), (20, Permission.READ))
"""Access levels: Owner, Developer, Reporter. A Guest does not see code."""
_JOB_TOKEN = "CI_JOB_TOKEN"  # noqa: S105 - a name


class _BoundedGitlab(Gitlab):
    """A client whose calls wait only as `BoundedRetry` does: python-gitlab's own wait has no limit."""

    def http_request(self, verb: str, path: str, *arguments: Any, **options: Any) -> requests.Response:
        """Make a call."""
        return super().http_request(verb, path, *arguments, **(options | {"obey_rate_limit": False}))


class GitlabHost:
    """A project on GitLab: a `CodeHost`."""

    name = "GitLab"

    def __init__(self, place: HostPlace, retry: BoundedRetry | None = None) -> None:
        self.repository = place.repository
        self._page = f"{place.api}/{place.repository}/-"
        session = requests.Session()
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry or BoundedRetry()))
        token: dict[str, Any] = {"job_token" if place.token_name == _JOB_TOKEN else "private_token": place.token}
        self._gitlab = _BoundedGitlab(place.api, timeout=_SECONDS, per_page=100, session=session, **token)
        self._project = self._gitlab.projects.get(place.repository, lazy=True)
        self._login = ""

    def login(self) -> str:
        """Return the name of the user that the token belongs to."""
        if not self._login:
            with _errors("read who the token belongs to"):
                answer: Any = self._gitlab.http_get("/user")
            self._login = str(answer["username"])
        return self._login

    def permission(self, login: str) -> Permission:
        """Return what a user may do in the project."""
        with _errors(f"read the permission of {login}"):
            members = list(self._project.members_all.list(iterator=True, query=login))
        levels = [each.access_level for each in members if each.username == login]
        return next(
            (right for least, right in _PERMISSIONS if any(level >= least for level in levels)), Permission.NONE
        )

    def pull_request(self, number: int) -> PullRequest:
        """Return the facts of a merge request."""
        with _errors(f"read merge request {number}"):
            return _merge_request(self._project.mergerequests.get(number))

    def open_pull_requests(self) -> Iterator[PullRequest]:
        """Yield the open merge requests, the one that changed last first."""
        with _errors("list the open merge requests"):
            query = {"state": "opened", "order_by": "updated_at", "sort": "desc"}
            yield from map(_merge_request, self._project.mergerequests.list(iterator=True, **query))

    def merged_by(self, commit: str) -> PullRequest | None:
        """Return the merged merge request that brought a commit into its target branch."""
        with _errors(f"list the merge requests of commit {commit[:12]}"):
            found = self._project.commits.get(commit, lazy=True).merge_requests()
            numbers = [each["iid"] for each in found if each["state"] == "merged"]
        return self.pull_request(numbers[0]) if numbers else None

    def own_comments(self, number: int) -> Iterator[HostComment]:
        """Yield the token's notes of a merge request, the oldest first."""
        login = self.login()
        with _errors(f"list the comments of merge request {number}"):
            notes = self._notes(number).list(iterator=True, order_by="created_at", sort="asc")
            yield from (self._comment(number, each) for each in notes if each.author["username"] == login)

    def comment(self, number: int, comment: int) -> HostComment:
        """Return one note of a merge request."""
        with _errors(f"read comment {comment} of merge request {number}"):
            return self._comment(number, self._notes(number).get(comment))

    def create_comment(self, number: int, body: str) -> HostComment:
        """Write a note on a merge request."""
        with _errors(f"write a comment on merge request {number}"):
            return self._comment(number, self._notes(number).create({"body": body}))

    def update_comment(self, number: int, comment: int, body: str) -> HostComment:
        """Replace the text of a note."""
        with _errors(f"update comment {comment} of merge request {number}"):
            self._notes(number).update(comment, {"body": body})
        return HostComment(comment, self.login(), body, self._url(number, comment))

    def delete_comment(self, number: int, comment: int) -> None:
        """Delete a note, if it is still there."""
        try:
            with _errors(f"delete comment {comment} of merge request {number}"):
                self._notes(number).delete(comment)
        except HostMissingError:
            return

    def set_check(self, commit: str, check: StageCheck, *, run: str, url: str) -> str:
        """Set a commit status. GitLab shows no annotations for it."""
        with _errors(f"write the check {check.name!r}"):
            statuses = self._project.commits.get(commit, lazy=True).statuses
            if any(
                is_newer_status(each.description or "", run) for each in statuses.list(iterator=True, name=check.name)
            ):
                return ""
            values = {
                "state": "success" if check.conclusion in _PASSED else "failed",
                "name": check.name,
                "description": status_description(check.title, run),
            }
            statuses.create(values | ({"target_url": url} if url else {}))
        return "commit status"

    def find_issue(self, marker: str) -> HostIssue | None:
        """Return the newest issue of ours with this first line, open ones first."""
        login = self.login()
        for state in ("opened", "closed"):
            query = {"state": state, "author_username": login, "order_by": "created_at", "sort": "desc"}
            with _errors("list the issues"):
                for each in self._project.issues.list(iterator=True, **query):
                    if each.author["username"] == login and has_marker(each.description or "", marker):
                        return _gitlab_issue(each)
        return None

    def create_issue(self, title: str, body: str) -> HostIssue:
        """Open an issue."""
        with _errors("open an issue"):
            return _gitlab_issue(self._project.issues.create({"title": title, "description": body}))

    def update_issue(self, number: int, *, title: str, body: str, is_open: bool) -> HostIssue:
        """Replace the title and the text of an issue, and open or close it."""
        with _errors(f"update issue {number}"):
            issue = self._project.issues.get(number)
            change = {} if (issue.state == "opened") is is_open else {"state_event": "reopen" if is_open else "close"}
            self._project.issues.update(number, {"title": title, "description": body} | change)
            return HostIssue(number, title, body, is_open, issue.web_url)

    def _notes(self, number: int) -> Any:
        return self._project.mergerequests.get(number, lazy=True).notes

    def _url(self, number: int, comment: int) -> str:
        return f"{self._page}/merge_requests/{number}#note_{comment}"

    def _comment(self, number: int, found: Any) -> HostComment:
        return HostComment(found.id, found.author["username"], found.body, self._url(number, found.id))


@contextmanager
def _errors(doing: str) -> Iterator[None]:
    """Turn what python-gitlab raises into the errors of `CodeHost`."""
    try:
        yield
    except GitlabError as error:
        status = error.response_code or 0
        message = str(error.error_message)
        raise host_error("GitLab", status, message, doing, limited=status == 429, rights=_RIGHTS) from error
    except requests.RequestException as error:
        message = f"GitLab cannot be reached to {doing}: {type(error).__name__}"
        raise HostError(message, hint="check the network and CI_SERVER_URL") from error


def _merge_request(found: Any) -> PullRequest:
    state = _STATES.get(found.state, PullRequestState.CLOSED)
    merge = found.attributes.get("merge_commit_sha") or found.attributes.get("squash_commit_sha") or ""
    return PullRequest(
        number=found.iid,
        title=found.title,
        author=(found.author or {}).get("username", ""),
        head=found.sha or "",
        base=found.target_branch,
        fork=found.source_project_id != found.target_project_id,
        state=state,
        merge_commit=merge if state is PullRequestState.MERGED else "",
        url=found.web_url,
    )


def _gitlab_issue(found: Any) -> HostIssue:
    return HostIssue(found.iid, found.title, found.description or "", found.state == "opened", found.web_url)
