"""As much of GitHub's API as commands in comments and issues need, on loopback. A call that it does not know fails the test."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

BOT = "github-actions[bot]"
TOKEN = "token-of-the-job"
REPOSITORY_PATH = "/repos/example/platform"


@dataclass
class SmallGithub:
    """A repository with one pull request.

    Attributes:
        pull: the pull request, as GitHub describes it.
        comments: the comments of it.
        issues: the issues.
        permissions: login -> permission.
        checks: the check runs.
        unknown: calls that it does not know.
    """

    pull: dict[str, Any]
    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    permissions: dict[str, str] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    url: str = ""

    def add_comment(self, body: str, author: str = BOT, id_: int = 0) -> dict[str, Any]:
        """Write a comment."""
        number = id_ or 100 + len(self.comments)
        page = f"https://github.com/example/platform/pull/7#issuecomment-{number}"
        comment = {"id": number, "body": body, "user": {"login": author}, "html_url": page}
        comment["url"] = f"{self.url}{REPOSITORY_PATH}/issues/comments/{number}"
        self.comments.append(comment)
        return comment

    def bodies(self, author: str = BOT) -> list[str]:
        """The comments of somebody."""
        return [each["body"] for each in self.comments if each["user"]["login"] == author]

    def answer(self, method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
        """The answer to a call."""
        own = path.removeprefix(REPOSITORY_PATH)
        fixed = {
            "POST /graphql": {"data": {"viewer": {"login": BOT}}},
            "GET /pulls/7": self.pull,
            "GET /pulls": [self.pull] if self.pull["state"] == "open" else [],
            "GET /issues/7": self._issue(7, "Pull request", "", "open"),
            "GET /issues/7/comments": self.comments,
        }
        if (call := f"{method} {own}") in fixed:
            return 200, fixed[call]
        if call == "POST /issues/7/comments":
            return 201, self.add_comment(body["body"])
        if call == "POST /check-runs":
            self.checks.append({"id": len(self.checks) + 1, **body})
            return 201, self.checks[-1]
        if found := re.fullmatch(r"GET /commits/(\w+)/(check-runs|pulls|)/?", call):
            runs = [each for each in self.checks if each["head_sha"] == found[1] and quote(each["name"]) in query]
            merged = [self.pull] if self.pull["merge_commit_sha"] == found[1] else []
            return 200, merged if found[2] == "pulls" else {"total_count": len(runs), "check_runs": runs}
        if found := re.fullmatch(r"GET /collaborators/([^/]+)/permission", call):
            known = self.permissions.get(found[1])
            return (200, {"permission": known, "user": {"login": found[1]}}) if known else (404, {"message": "no user"})
        return self._issues(method, own, query, body)

    def _issues(self, method: str, own: str, query: str, body: Any) -> tuple[int, Any]:
        if method in {"GET", "PATCH"} and (found := re.fullmatch(r"/issues/comments/(\d+)", own)):
            comment = next((each for each in self.comments if each["id"] == int(found[1])), None)
            if comment is not None:
                comment |= body or {}
            return (200, comment) if comment else (404, {"message": "Not Found"})
        if (method, own) == ("GET", "/issues"):
            state = "closed" if "state=closed" in query else "open"
            return 200, [each for each in reversed(self.issues) if each["state"] == state]
        if (method, own) == ("POST", "/issues"):
            self.issues.append(self._issue(50 + len(self.issues), body["title"], body["body"], "open"))
            return 201, self.issues[-1]
        if found := re.fullmatch(r"/issues/(\d+)", own):
            issue = next((each for each in self.issues if each["number"] == int(found[1])), None)
            if issue is not None and method in {"GET", "PATCH"}:
                issue |= body or {}
                return 200, issue
        self.unknown.append(f"{method} {own}?{query}")
        return 404, {"message": "Not Found"}

    def _issue(self, number: int, title: str, body: str, state: str) -> dict[str, Any]:
        own = f"{REPOSITORY_PATH}/issues/{number}"
        issue = {"number": number, "title": title, "body": body, "state": state, "user": {"login": BOT}}
        return {**issue, "url": f"{self.url}{own}", "html_url": f"https://github.com/example/platform/issues/{number}"}


@contextmanager
def small_github(pull: dict[str, Any]) -> Iterator[SmallGithub]:
    """A running server."""
    host = SmallGithub(pull)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = json.loads(self.rfile.read(length)) if length else None
            path, _, query = self.path.partition("?")
            allowed = self.headers.get("Authorization") in {f"token {TOKEN}", f"Bearer {TOKEN}"}
            status, answer = host.answer(self.command, path, query, body) if allowed else (401, {"message": "who?"})
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - named by http.server

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
    assert host.unknown == []


def pull_request(
    head: str, *, state: str = "open", merged: str | bool = False, source: str = "example/platform"
) -> dict[str, Any]:
    """Pull request 7, as GitHub describes it."""
    base = {"ref": "main", "repo": {"full_name": "example/platform"}}
    return {
        "number": 7,
        "title": "Say two",
        "state": state,
        "user": {"login": "bob"},
        "head": {"sha": head, "repo": {"full_name": source}},
        "base": base,
        "merged_at": "2026-11-24T13:02:07Z" if merged else None,
        "merge_commit_sha": merged if isinstance(merged, str) else "a" * 40,
        "html_url": "https://github.com/example/platform/pull/7",
    }
