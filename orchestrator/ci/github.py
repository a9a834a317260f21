"""GitHub, through PyGithub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from github import Auth, Github
from github.Commit import Commit
from github.GithubException import GithubException
from github.Issue import Issue
from github.IssueComment import IssueComment
from github.PaginatedList import PaginatedList
from github.PullRequest import PullRequest as GithubPullRequest

from orchestrator.ci.check_status import is_newer_status, status_description
from orchestrator.ci.host import (
    HostComment,
    HostDeniedError,
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
from orchestrator.report.comment.check import Annotation, Conclusion, StageCheck
from orchestrator.report.comment.marker import is_older

_ANNOTATIONS = 50
"""Annotations that GitHub takes in one call."""
_LONGEST_SUMMARY = 65_535
_SECONDS = 20
_RIGHTS = "a job of GitHub Actions requires `permissions: pull-requests: write`, `checks: write` and `issues: write`"
_PERMISSIONS = {"admin": Permission.ADMIN, "write": Permission.WRITE, "read": Permission.READ}
_STATES = {Conclusion.SUCCESS: "success", Conclusion.NEUTRAL: "success"}


class GithubHost:
    """A repository on GitHub or GitHub Enterprise Server: a `CodeHost`."""

    name = "GitHub"

    def __init__(self, place: HostPlace, retry: BoundedRetry | None = None) -> None:
        self.repository = place.repository
        self._github = Github(
            auth=Auth.Token(place.token),
            base_url=place.api,
            timeout=_SECONDS,
            per_page=100,
            retry=retry or BoundedRetry(),
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        self._repository = self._github.get_repo(place.repository)
        self._login = ""

    def login(self) -> str:
        """Return the login of the token: a user's, or that of an app's bot."""
        if not self._login:
            # The REST API names no user to the token of an app, such as that of GitHub Actions; GraphQL does.
            with _errors("read who the token belongs to"):
                _, answer = self._github.requester.graphql_query("query { viewer { login } }", {})
            self._login = str(answer["data"]["viewer"]["login"])
        return self._login

    def permission(self, login: str) -> Permission:
        """Return what a user may do in the repository."""
        try:
            with _errors(f"read the permission of {login}"):
                return _PERMISSIONS.get(self._repository.get_collaborator_permission(login), Permission.NONE)
        except HostMissingError:
            return Permission.NONE

    def pull_request(self, number: int) -> PullRequest:
        """Return the facts of a pull request."""
        with _errors(f"read pull request {number}"):
            return _pull_request(self._repository.get_pull(number))

    def open_pull_requests(self) -> Iterator[PullRequest]:
        """Yield the open pull requests, the one that changed last first."""
        with _errors("list the open pull requests"):
            yield from map(_pull_request, self._repository.get_pulls(state="open", sort="updated", direction="desc"))

    def merged_by(self, commit: str) -> PullRequest | None:
        """Return the merged pull request that brought a commit into its base branch."""
        with _errors(f"list the pull requests of commit {commit[:12]}"):
            found = [_pull_request(each) for each in self._commit(commit).get_pulls()]
        merged = [each for each in found if each.state is PullRequestState.MERGED]
        return next((each for each in merged if each.merge_commit == commit), merged[0] if merged else None)

    def own_comments(self, number: int) -> Iterator[HostComment]:
        """Yield the token's comments of a pull request, the oldest first."""
        login = self.login()
        with _errors(f"list the comments of pull request {number}"):
            comments = map(_comment, self._repository.get_issue(number).get_comments())
            yield from (each for each in comments if each.author == login)

    def comment(self, number: int, comment: int) -> HostComment:
        """Return one comment of a pull request."""
        with _errors(f"read comment {comment} of pull request {number}"):
            return _comment(self._repository.get_issue(number).get_comment(comment))

    def create_comment(self, number: int, body: str) -> HostComment:
        """Write a comment on a pull request."""
        with _errors(f"write a comment on pull request {number}"):
            return _comment(self._repository.get_issue(number).create_comment(body))

    def update_comment(self, number: int, comment: int, body: str) -> HostComment:
        """Replace the text of a comment."""
        with _errors(f"update comment {comment} of pull request {number}"):
            found = self._repository.get_issue(number).get_comment(comment)
            found.edit(body)
            return _comment(found)

    def delete_comment(self, number: int, comment: int) -> None:
        """Delete a comment, if it is still there."""
        try:
            with _errors(f"delete comment {comment} of pull request {number}"):
                self._repository.get_issue(number).get_comment(comment).delete()
        except HostMissingError:
            return

    def set_check(self, commit: str, check: StageCheck, *, run: str, url: str) -> str:
        """Create a check run; a token that is not of an app, and so must not, sets a commit status."""
        with _errors(f"read the checks of commit {commit[:12]}"):
            runs = list(self._commit(commit).get_check_runs(check_name=check.name))
        if any(each.external_id and is_older(run, each.external_id) for each in runs):
            return ""
        try:
            with _errors(f"write the check {check.name!r}"):
                self._create_check_run(commit, check, run, url)
        except HostDeniedError:
            return self._set_status(commit, check, run, url)
        return "check run"

    def find_issue(self, marker: str) -> HostIssue | None:
        """Return the newest issue of ours with this first line, open ones first."""
        login = self.login()
        for state in ("open", "closed"):
            query = {"state": state, "creator": login, "sort": "created", "direction": "desc"}
            with _errors("list the issues"):
                requester = self._github.requester
                issues = PaginatedList(Issue, requester, f"/repos/{self.repository}/issues", query)
                for each in issues:
                    if _is_issue(each) and each.user.login == login and has_marker(each.body or "", marker):
                        return _issue(each)
        return None

    def create_issue(self, title: str, body: str) -> HostIssue:
        """Open an issue."""
        with _errors("open an issue"):
            return _issue(self._repository.create_issue(title=title, body=body))

    def update_issue(self, number: int, *, title: str, body: str, is_open: bool) -> HostIssue:
        """Replace the title and the text of an issue, and open or close it."""
        with _errors(f"update issue {number}"):
            issue = self._repository.get_issue(number)
            issue.edit(title=title, body=body, state="open" if is_open else "closed")
            return _issue(issue)

    def _commit(self, commit: str) -> Commit:
        return self._repository.get_commit(commit)

    def _create_check_run(self, commit: str, check: StageCheck, run: str, url: str) -> None:
        """Create a new check run, which takes the place of an older one of the same name on the page."""
        notes = [_annotation(each) for each in check.annotations]
        pages = [notes[at : at + _ANNOTATIONS] for at in range(0, len(notes), _ANNOTATIONS)] or [[]]
        details: dict[str, Any] = {"details_url": url} if url else {}
        output: dict[str, Any] = {"title": check.title[:255], "summary": check.summary[:_LONGEST_SUMMARY]}
        made = self._repository.create_check_run(
            name=check.name,
            head_sha=commit,
            external_id=run,
            status="completed",
            conclusion=str(check.conclusion),
            output=output | {"annotations": pages[0]},
            **details,
        )
        for page in pages[1:]:
            made.edit(output=output | {"annotations": page})

    def _set_status(self, commit: str, check: StageCheck, run: str, url: str) -> str:
        with _errors(f"write the check {check.name!r}"):
            _, answer = self._github.requester.requestJsonAndCheck(
                "GET", f"/repos/{self.repository}/commits/{commit}/status", parameters={"per_page": 100}
            )
            for each in answer["statuses"]:
                if each["context"] == check.name and is_newer_status(each.get("description") or "", run):
                    return ""
            self._commit(commit).create_status(
                _STATES.get(check.conclusion, "failure"),
                description=status_description(check.title, run),
                context=check.name,
                **({"target_url": url} if url else {}),
            )
        return "commit status"


@contextmanager
def _errors(doing: str) -> Iterator[None]:
    """Turn what PyGithub raises into the errors of `CodeHost`."""
    try:
        yield
    except GithubException as error:
        headers: Mapping[str, str] = {key.lower(): value for key, value in (error.headers or {}).items()}
        message = error.data.get("message", "") if isinstance(error.data, dict) else ""
        limited = error.status == 429 or "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
        raise host_error("GitHub", error.status, str(message), doing, limited=limited, rights=_RIGHTS) from error
    except requests.RequestException as error:
        message = f"GitHub cannot be reached to {doing}: {type(error).__name__}"
        raise HostError(message, hint="check the network and GITHUB_API_URL") from error


def _pull_request(found: GithubPullRequest) -> PullRequest:
    merged = found.merged_at is not None
    opened = PullRequestState.OPEN if found.state == "open" else PullRequestState.CLOSED
    source: Any = found.head.repo  # None if that repository no longer exists
    author: Any = found.user
    return PullRequest(
        number=found.number,
        title=found.title,
        author=author.login if author is not None else "",
        head=found.head.sha,
        base=found.base.ref,
        fork=source is None or source.full_name != found.base.repo.full_name,
        state=PullRequestState.MERGED if merged else opened,
        merge_commit=(found.merge_commit_sha or "") if merged else "",
        url=found.html_url,
    )


def _comment(found: IssueComment) -> HostComment:
    author: Any = found.user
    return HostComment(found.id, author.login if author is not None else "", found.body or "", found.html_url)


def _issue(found: Issue) -> HostIssue:
    return HostIssue(found.number, found.title, found.body or "", found.state == "open", found.html_url)


def _is_issue(found: Issue) -> bool:
    """Return whether it is no pull request. To ask for its ``pull_request`` would be a call for each issue."""
    return found.html_url.split("/")[-2] == "issues"


def _annotation(note: Annotation) -> dict[str, str | int]:
    return {
        "path": note.where.file,
        "start_line": note.where.line,
        "end_line": note.where.line,
        "annotation_level": str(note.level),
        "title": note.title,
        "message": note.message,
    }
