"""What orch needs of a code host: comments, checks and issues, and the facts of pull requests.

GitHub and GitLab implement it (``github.py``, ``gitlab.py``); ``connect.py`` opens the one that the environment names.
Every text from a host is untrusted. A merge request of GitLab is called a pull request here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol

from orchestrator.errors import SetupError
from orchestrator.report.comment.check import StageCheck
from orchestrator.report.text import clean

_SAID = 300
"""Characters shown of what a host says."""


class HostError(SetupError):
    """The code host did not do what was asked: it cannot be reached, it fails, it limits the rate, or refuses."""


class HostDeniedError(HostError):
    """The token lacks the permission."""


class HostMissingError(HostError):
    """What was asked for does not exist, or the token may not see it."""


class PullRequestState(StrEnum):
    """Whether a pull request can still change."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"
    """Closed without a merge."""


class Permission(IntEnum):
    """What a user may do in the repository; a larger one includes the smaller ones."""

    NONE = 0
    READ = 1
    WRITE = 2
    """Push to branches: GitHub's ``write`` and ``maintain``, GitLab's Developer and Maintainer."""
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request.

    Attributes:
        number: its number in the repository.
        title: its title.
        author: the login of who opened it; empty if that account no longer exists.
        head: the commit at the head of its branch.
        base: the name of the branch that it merges into.
        fork: its branch is in another repository.
        state: open, merged or closed.
        merge_commit: the commit that merged it; empty if it is not merged.
        url: the address of its page.
    """

    number: int
    title: str
    author: str
    head: str
    base: str
    fork: bool
    state: PullRequestState
    merge_commit: str
    url: str


@dataclass(frozen=True, slots=True)
class HostComment:
    """A comment on a pull request.

    Attributes:
        id: its id on the host.
        author: the login of who wrote it.
        body: its Markdown.
        url: its address.
    """

    id: int
    author: str
    body: str
    url: str


@dataclass(frozen=True, slots=True)
class HostIssue:
    """An issue. ``number``: its number in the repository; ``body``: its Markdown; ``url``: the address of its page."""

    number: int
    title: str
    body: str
    is_open: bool
    url: str


class CodeHost(Protocol):
    """One repository on a code host, seen with one token.

    Calls that fail because of a rate limit, an error of the server (5xx) or the network are repeated for about two
    minutes at most. Every method raises:

    * `HostDeniedError` if the token may not do it,
    * `HostMissingError` if the pull request, comment or issue does not exist,
    * `HostError` for anything else that the host answers.
    """

    name: str
    """``GitHub`` or ``GitLab``."""
    repository: str
    """``owner/name``; on GitLab the path of the project."""

    def login(self) -> str:
        """Return the login that the token's comments have as their author, e.g. ``github-actions[bot]``."""
        ...

    def permission(self, login: str) -> Permission:
        """Return what a user may do in the repository; `Permission.NONE` for an unknown one."""
        ...

    def pull_request(self, number: int) -> PullRequest:
        """Return the facts of a pull request."""
        ...

    def open_pull_requests(self) -> Iterator[PullRequest]:
        """Yield the open pull requests, the one that changed last first."""
        ...

    def merged_by(self, commit: str) -> PullRequest | None:
        """Return the merged pull request that brought a commit into its base branch; None if there is none."""
        ...

    def own_comments(self, number: int) -> Iterator[HostComment]:
        """Yield the comments of a pull request that `login` wrote, the oldest first."""
        ...

    def comment(self, number: int, comment: int) -> HostComment:
        """Return one comment of a pull request, whoever wrote it."""
        ...

    def create_comment(self, number: int, body: str) -> HostComment:
        """Write a comment on a pull request."""
        ...

    def update_comment(self, number: int, comment: int, body: str) -> HostComment:
        """Replace the text of a comment."""
        ...

    def delete_comment(self, number: int, comment: int) -> None:
        """Delete a comment; one that is gone already is no error."""
        ...

    def set_check(self, commit: str, check: StageCheck, *, run: str, url: str) -> str:
        """Show a check on a commit, with its annotations where the host has these.

        A check of the same name from a newer run stays as it is.

        Args:
            commit: the commit.
            check: the check.
            run: the run that it is from, as in a comment's marker.
            url: the address of its details; empty: none.

        Returns:
            what was written: ``check run``, ``commit status``, or an empty text for nothing.
        """
        ...

    def find_issue(self, marker: str) -> HostIssue | None:
        """Return the newest issue that `login` opened and whose text's first line is ``marker``, open ones first."""
        ...

    def create_issue(self, title: str, body: str) -> HostIssue:
        """Open an issue."""
        ...

    def update_issue(self, number: int, *, title: str, body: str, is_open: bool) -> HostIssue:
        """Replace the title and the text of an issue, and open or close it."""
        ...


def host_error(host: str, status: int, message: str, doing: str, *, limited: bool, rights: str) -> HostError:
    """Return the error for an answer of a code host.

    Args:
        host: the host's name.
        status: the status of HTTP.
        message: what the host says; untrusted.
        doing: what was asked for: ``read pull request 7``.
        limited: the answer is about too many calls.
        rights: what a token must be allowed to do.
    """
    said = f": {clean(message)[:_SAID]}" if message else ""
    what = f"{host} refused to {doing}" if status != 404 else f"{host} cannot {doing}"
    if limited:
        return HostError(f"{what}: too many calls{said}", hint="try again when the rate limit is reset")
    if status == 401:
        return HostDeniedError(
            f"{what}: the token is not valid{said}",
            hint="check that it has not expired, and that it is a token of this host",
        )
    if status == 403:
        return HostDeniedError(f"{what}: the token lacks permission{said}", hint=rights)
    if status == 404:
        hint = "it may exist and be hidden from this token: check the permissions of the token"
        return HostMissingError(f"{what}: it does not exist{said}", hint=hint)
    failed = "failed" if status >= 500 else "refused"
    return HostError(
        f"{host} {failed} to {doing} (status {status}){said}", hint="try again later" if status >= 500 else None
    )


def has_marker(body: str, marker: str) -> bool:
    """Return whether the first line of a text is a marker."""
    return body.partition("\n")[0].strip() == marker
