"""Reads the event of a new comment, which GitHub Actions writes to the file that ``GITHUB_EVENT_PATH`` names.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#issue_comment
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import UsageError

_LARGEST = 5_000_000
"""Bytes; GitHub's events have at most 25 MB, of which a comment is 65,536 characters."""
_HINT = "pass the file that GITHUB_EVENT_PATH names in a workflow that runs on issue_comment"


@dataclass(frozen=True, slots=True)
class CommentEvent:
    """A comment that somebody has just written.

    Attributes:
        repository: ``owner/name``.
        default_branch: the branch whose workflows run on comments, and whose configuration is applied.
        number: the number of the issue or pull request.
        on_pull_request: it is a pull request.
        comment: id of the comment.
        body: its Markdown.
        author: the login of who wrote it.
        author_id: the number of that account, which never changes.
        by_bot: the account is not a person's.
    """

    repository: str
    default_branch: str
    number: int
    on_pull_request: bool
    comment: int
    body: str
    author: str
    author_id: int
    by_bot: bool


def read_comment_event(path: Path) -> CommentEvent:
    """Read the event of a comment that was created.

    Raises:
        UsageError: the file cannot be read, or has another event.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            message = f"{path} is too large for the event of a comment"
            raise UsageError(message, hint=_HINT)
        event = json.loads(data)
        return _comment_event(event)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise UsageError(message, hint=_HINT) from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} is not the event of a comment"
        raise UsageError(message, hint=_HINT) from error


def _comment_event(event: Any) -> CommentEvent:
    """Return the event.

    Raises:
        KeyError, TypeError, ValueError: it is another one.
    """
    issue, comment, repository = event["issue"], event["comment"], event["repository"]
    if event["action"] != "created":
        raise ValueError("an edited comment gives no command")
    user = {} if comment["user"] is None else comment["user"]  # the account may be deleted by now
    return CommentEvent(
        repository=_text(repository["full_name"]),
        default_branch=_text(repository["default_branch"]),
        number=_number(issue["number"]),
        on_pull_request=isinstance(issue.get("pull_request"), dict),
        comment=_number(comment["id"]),
        body=_text(comment["body"] or ""),
        author=_text(user.get("login", "")),
        author_id=_number(user.get("id", 0)),
        by_bot=user.get("type") != "User",
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a number is missing")
    return value
