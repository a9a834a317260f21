"""A local server that speaks as much of GitHub's API as orch uses, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.host_server import PAGING, Answer, Call, Handler, HostServer, RefusedCallError, Token

REPOSITORY_NAME = "example/platform"
BOT = "github-actions[bot]"
NO_RIGHT = "Resource not accessible by integration"
ALL_RIGHTS = frozenset({"read", "comment", "check", "status", "issue"})
APP_TOKEN, READ_TOKEN, USER_TOKEN = "ghs_app", "ghs_read", "ghp_user"
LONGEST = 65_536


@dataclass
class Pull:
    number: int
    head: str
    title: str = "a change"
    author: str | None = "alice"
    base: str = "main"
    source: str | None = REPOSITORY_NAME
    state: str = "open"
    merge_commit: str = ""


@dataclass
class Comment:
    id: int
    pull: int
    author: str
    body: str


@dataclass
class CheckRunRecord:
    id: int
    sha: str
    values: dict[str, Any]
    annotations: list[dict[str, Any]] = field(default_factory=list)


class GithubServer(HostServer):
    """GitHub with one repository."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = {
            APP_TOKEN: Token(BOT, ALL_RIGHTS, app=True),
            READ_TOKEN: Token(BOT, frozenset({"read"}), app=True),
            USER_TOKEN: Token("carol", ALL_RIGHTS),
        }
        self.pulls: dict[int, Pull] = {}
        self.comments: dict[int, Comment] = {}
        self.checks: list[CheckRunRecord] = []
        self.statuses: list[dict[str, Any]] = []
        self.issues: dict[int, dict[str, Any]] = {}
        self.permissions = {"alice": "write", "owner": "admin", "guest": "read"}
        self._last = 1000

    def environment(self, token: str = APP_TOKEN, **more: str) -> dict[str, Any]:
        """The variables of a job of GitHub Actions."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.url,
            "GITHUB_REPOSITORY": REPOSITORY_NAME,
            "GITHUB_TOKEN": token,
            "GITHUB_RUN_ID": "19483",
            **more,
        }

    def next_id(self) -> int:
        self._last += 1
        return self._last

    def add_pull(self, number: int, head: str, **more: Any) -> Pull:
        self.pulls[number] = Pull(number, head, **more)
        return self.pulls[number]

    def add_comment(self, pull: int, body: str, author: str = BOT) -> Comment:
        made = Comment(self.next_id(), pull, author, body)
        self.comments[made.id] = made
        return made

    def bodies(self, pull: int) -> list[str]:
        """The texts of our comments on a pull request."""
        return [each.body for each in self.comments.values() if each.pull == pull and each.author == BOT]

    def token_of(self, headers: Mapping[str, str]) -> Token | None:
        return self.tokens.get(headers.get("Authorization", "").removeprefix("token ").removeprefix("Bearer "))

    def routes(self) -> list[tuple[str, str, set[str], Handler]]:
        repo, number, sha = f"/repos/{REPOSITORY_NAME}", r"(\d+)", r"([0-9a-f]{40})"
        listing = {"state", "sort", "direction"} | PAGING
        return [
            ("POST", "/graphql", set(), self._graphql),
            ("GET", f"{repo}/pulls", listing, self._list_pulls),
            ("GET", f"{repo}/pulls/{number}", set(), lambda call: Answer(200, self._pull_form(self._pull(call)))),
            ("GET", f"{repo}/commits/{sha}", set(), lambda call: Answer(200, {"sha": call.found[0], "url": call.path})),
            ("GET", f"{repo}/commits/{sha}/pulls", PAGING, self._pulls_of_commit),
            ("GET", f"{repo}/issues/{number}/comments", PAGING, self._list_comments),
            ("POST", f"{repo}/issues/{number}/comments", set(), self._create_comment),
            ("GET", f"{repo}/issues/comments/{number}", set(), lambda call: Answer(200, self._form(self._one(call)))),
            ("PATCH", f"{repo}/issues/comments/{number}", set(), self._update_comment),
            ("DELETE", f"{repo}/issues/comments/{number}", set(), self._delete_comment),
            ("GET", f"{repo}/commits/{sha}/check-runs", {"check_name"} | PAGING, self._list_checks),
            ("POST", f"{repo}/check-runs", set(), self._create_check),
            ("PATCH", f"{repo}/check-runs/{number}", set(), self._update_check),
            ("GET", f"{repo}/commits/{sha}/status", PAGING, self._combined_status),
            ("POST", f"{repo}/statuses/{sha}", set(), self._create_status),
            ("GET", f"{repo}/issues", listing | {"creator"}, self._list_issues),
            ("POST", f"{repo}/issues", set(), self._create_issue),
            ("GET", f"{repo}/issues/{number}", set(), lambda call: Answer(200, self._issue(call))),
            ("PATCH", f"{repo}/issues/{number}", set(), self._update_issue),
            ("GET", rf"{repo}/collaborators/([\w%-]+)/permission", set(), self._permission),
        ]

    def _graphql(self, call: Call) -> Answer:
        assert call.fields({"query", "variables"}) == {"query": "query { viewer { login } }", "variables": {}}
        return Answer(200, {"data": {"viewer": {"login": call.token.login}}})

    def _pull(self, call: Call) -> Pull:
        pull = self.pulls.get(int(call.found[0]))
        if pull is None:
            raise RefusedCallError(404, "Not Found")
        return pull

    def _pull_form(self, pull: Pull) -> dict[str, Any]:
        merged = pull.state == "merged"
        source = {"full_name": pull.source} if pull.source else None
        return {
            "url": f"{self.url}/repos/{REPOSITORY_NAME}/pulls/{pull.number}",
            "number": pull.number,
            "title": pull.title,
            "user": {"login": pull.author} if pull.author else None,
            "head": {"sha": pull.head, "ref": "topic", "repo": source},
            "base": {"sha": "b" * 40, "ref": pull.base, "repo": {"full_name": REPOSITORY_NAME}},
            "state": "open" if pull.state == "open" else "closed",
            "merged_at": "2026-11-24T13:02:07Z" if merged else None,
            "merge_commit_sha": pull.merge_commit or None,
            "html_url": f"https://github.com/{REPOSITORY_NAME}/pull/{pull.number}",
        }

    def _list_pulls(self, call: Call) -> Answer:
        assert call.query["state"] == "open"
        return Answer(200, rows=[self._pull_form(each) for each in self.pulls.values() if each.state == "open"])

    def _pulls_of_commit(self, call: Call) -> Answer:
        return Answer(200, rows=[self._pull_form(p) for p in self.pulls.values() if p.merge_commit == call.found[0]])

    def _form(self, comment: Comment) -> dict[str, Any]:
        return {
            "id": comment.id,
            "url": f"{self.url}/repos/{REPOSITORY_NAME}/issues/comments/{comment.id}",
            "user": {"login": comment.author},
            "body": comment.body,
            "html_url": f"https://github.com/{REPOSITORY_NAME}/pull/{comment.pull}#issuecomment-{comment.id}",
        }

    def _list_comments(self, call: Call) -> Answer:
        self._pull(call)
        return Answer(200, rows=[self._form(c) for c in self.comments.values() if c.pull == int(call.found[0])])

    def _create_comment(self, call: Call) -> Answer:
        self._pull(call)
        call.needs("comment", NO_RIGHT)
        body = call.fields({"body"})["body"]
        assert len(body) < LONGEST, "body is too long (maximum is 65536 characters)"
        return Answer(201, self._form(self.add_comment(int(call.found[0]), body, call.token.login)))

    def _one(self, call: Call) -> Comment:
        comment = self.comments.get(int(call.found[0]))
        if comment is None:
            raise RefusedCallError(404, "Not Found")
        return comment

    def _update_comment(self, call: Call) -> Answer:
        comment = self._one(call)
        call.needs("comment", NO_RIGHT)
        comment.body = call.fields({"body"})["body"]
        assert len(comment.body) < LONGEST, "body is too long (maximum is 65536 characters)"
        return Answer(200, self._form(comment))

    def _delete_comment(self, call: Call) -> Answer:
        call.needs("comment", NO_RIGHT)
        del self.comments[self._one(call).id]
        return Answer(204)

    def _check_form(self, check: CheckRunRecord) -> dict[str, Any]:
        url = f"{self.url}/repos/{REPOSITORY_NAME}/check-runs/{check.id}"
        return {"id": check.id, "url": url, "head_sha": check.sha, **check.values}

    def _list_checks(self, call: Call) -> Answer:
        rows = [
            self._check_form(each)
            for each in self.checks
            if (each.sha, each.values["name"]) == (call.found[0], call.query["check_name"])
        ]
        return Answer(200, rows=rows, wrap="check_runs")

    def _create_check(self, call: Call) -> Answer:
        if not call.token.app:
            raise RefusedCallError(403, "You must authenticate via a GitHub App.")
        call.needs("check", NO_RIGHT)
        values = dict(
            call.fields({"name", "head_sha", "status", "conclusion", "external_id", "output"}, {"details_url"})
        )
        assert values["status"] == "completed"
        assert values["conclusion"] in {"success", "neutral", "failure", "action_required"}
        sha = values.pop("head_sha")
        check = CheckRunRecord(self.next_id(), sha, values)
        self._add_output(check, values["output"])
        self.checks.append(check)
        return Answer(201, self._check_form(check))

    def _update_check(self, call: Call) -> Answer:
        check = next((each for each in self.checks if each.id == int(call.found[0])), None)
        if check is None:
            raise RefusedCallError(404, "Not Found")
        self._add_output(check, call.fields({"output"})["output"])
        return Answer(200, self._check_form(check))

    @staticmethod
    def _add_output(check: CheckRunRecord, output: dict[str, Any]) -> None:
        assert set(output) == {"title", "summary", "annotations"}, sorted(output)
        assert len(output["summary"]) < LONGEST
        assert len(output["annotations"]) <= 50, "at most 50 annotations"
        for note in output["annotations"]:
            assert set(note) == {"path", "start_line", "end_line", "annotation_level", "title", "message"}, sorted(note)
            assert note["annotation_level"] in {"notice", "warning", "failure"}
            assert note["start_line"] >= 1
        check.annotations += output["annotations"]

    def _combined_status(self, call: Call) -> Answer:
        found = [each for each in self.statuses if each["sha"] == call.found[0]]
        newest = {each["context"]: each for each in found}
        return Answer(200, {"state": "success", "statuses": list(newest.values())})

    def _create_status(self, call: Call) -> Answer:
        call.needs("status", NO_RIGHT)
        values = call.fields({"state", "context", "description"}, {"target_url"})
        assert values["state"] in {"success", "failure"}
        assert len(values["description"]) <= 140
        self.statuses.append({"sha": call.found[0], **values})
        return Answer(201, values)

    def _list_issues(self, call: Call) -> Answer:
        rows = [
            each
            for each in reversed(self.issues.values())
            if each["state"] == call.query["state"] and each["user"]["login"] == call.query["creator"]
        ]
        return Answer(200, rows=rows)

    def _create_issue(self, call: Call) -> Answer:
        call.needs("issue", NO_RIGHT)
        values = call.fields({"title", "body"})
        number = self.next_id()
        self.issues[number] = {
            "url": f"{self.url}/repos/{REPOSITORY_NAME}/issues/{number}",
            "number": number,
            "state": "open",
            "user": {"login": call.token.login},
            "html_url": f"https://github.com/{REPOSITORY_NAME}/issues/{number}",
            **values,
        }
        return Answer(201, self.issues[number])

    def _issue(self, call: Call) -> dict[str, Any]:
        issue = self.issues.get(int(call.found[0]))
        if issue is None:
            raise RefusedCallError(404, "Not Found")
        return issue

    def _update_issue(self, call: Call) -> Answer:
        call.needs("issue", NO_RIGHT)
        issue = self._issue(call)
        issue |= call.fields(set(), {"title", "body", "state"})
        return Answer(200, issue)

    def _permission(self, call: Call) -> Answer:
        if call.found[0] not in self.permissions:
            raise RefusedCallError(404, f"{call.found[0]} is not a user")
        return Answer(200, {"permission": self.permissions[call.found[0]]})
