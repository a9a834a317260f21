"""A local server that speaks as much of GitLab's API as orch uses, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.host_server import PAGING, Answer, Call, Handler, HostServer, RefusedCallError, Token

PROJECT = "group/platform"
OWN = "project_7_bot"
BOT_TOKEN, JOB_TOKEN = "glpat-bot", "glcbt-job"
DENIED = "403 Forbidden"


@dataclass
class MergeRequest:
    iid: int
    sha: str
    title: str = "a change"
    author: str = "alice"
    source_project_id: int = 7
    state: str = "opened"
    merge_commit_sha: str | None = None


@dataclass
class Note:
    id: int
    iid: int
    author: str
    body: str


class GitlabServer(HostServer):
    """GitLab with one project."""

    prefix = "/api/v4"

    def __init__(self) -> None:
        super().__init__()
        rights = frozenset({"read", "comment", "status", "issue"})
        self.tokens = {BOT_TOKEN: Token(OWN, rights), JOB_TOKEN: Token("", frozenset())}
        self.merge_requests: dict[int, MergeRequest] = {}
        self.notes: dict[int, Note] = {}
        self.statuses: list[dict[str, Any]] = []
        self.issues: dict[int, dict[str, Any]] = {}
        self.members = {"alice": 30, "owner": 50, "reporter": 20, "guest": 10}
        self._last = 500

    def environment(self, token: str = BOT_TOKEN, **more: str) -> dict[str, Any]:
        """The variables of a job of GitLab CI."""
        name = "CI_JOB_TOKEN" if token == JOB_TOKEN else "GITLAB_TOKEN"
        return {
            "GITLAB_CI": "true",
            "CI_SERVER_URL": self.url,
            "CI_PROJECT_PATH": PROJECT,
            "CI_PROJECT_URL": f"https://gitlab.com/{PROJECT}",
            "CI_PIPELINE_URL": f"https://gitlab.com/{PROJECT}/-/pipelines/9",
            name: token,
            **more,
        }

    def next_id(self) -> int:
        self._last += 1
        return self._last

    def add_merge_request(self, iid: int, sha: str, **more: Any) -> MergeRequest:
        self.merge_requests[iid] = MergeRequest(iid, sha, **more)
        return self.merge_requests[iid]

    def add_note(self, iid: int, body: str, author: str = OWN) -> Note:
        made = Note(self.next_id(), iid, author, body)
        self.notes[made.id] = made
        return made

    def bodies(self, iid: int) -> list[str]:
        """The texts of our notes on a merge request."""
        return [each.body for each in self.notes.values() if each.iid == iid and each.author == OWN]

    def token_of(self, headers: Mapping[str, str]) -> Token | None:
        return self.tokens.get(headers.get("PRIVATE-TOKEN", "") or headers.get("JOB-TOKEN", ""))

    def next_headers(self, page: int, pages: int) -> dict[str, str]:
        return {"X-Page": str(page), "X-Next-Page": str(page + 1) if page < pages else ""}

    def routes(self) -> list[tuple[str, str, set[str], Handler]]:
        project, number, sha = "/projects/group%2Fplatform", r"(\d+)", r"([0-9a-f]{40})"
        listing = {"state", "order_by", "sort"} | PAGING
        merge_request = f"{project}/merge_requests/{number}"
        return [
            ("GET", "/user", set(), self._user),
            ("GET", f"{project}/merge_requests", listing, self._list_merge_requests),
            ("GET", merge_request, set(), lambda call: Answer(200, self._form(self._merge_request(call)))),
            ("GET", f"{merge_request}/notes", {"order_by", "sort"} | PAGING, self._list_notes),
            ("POST", f"{merge_request}/notes", set(), self._create_note),
            (
                "GET",
                f"{merge_request}/notes/{number}",
                set(),
                lambda call: Answer(200, self._note_form(self._note(call))),
            ),
            ("PUT", f"{merge_request}/notes/{number}", set(), self._update_note),
            ("DELETE", f"{merge_request}/notes/{number}", set(), self._delete_note),
            ("GET", f"{project}/repository/commits/{sha}/merge_requests", PAGING, self._of_commit),
            ("GET", f"{project}/repository/commits/{sha}/statuses", {"name"} | PAGING, self._list_statuses),
            ("POST", f"{project}/statuses/{sha}", set(), self._create_status),
            ("GET", f"{project}/issues", listing | {"author_username"}, self._list_issues),
            ("POST", f"{project}/issues", set(), self._create_issue),
            ("GET", f"{project}/issues/{number}", set(), lambda call: Answer(200, self.issues[int(call.found[0])])),
            ("PUT", f"{project}/issues/{number}", set(), self._update_issue),
            ("GET", f"{project}/members/all", {"query"} | PAGING, self._members),
        ]

    def _user(self, call: Call) -> Answer:
        if not call.token.login:
            raise RefusedCallError(401, "401 Unauthorized")
        return Answer(200, {"id": 70, "username": call.token.login})

    def _merge_request(self, call: Call) -> MergeRequest:
        call.needs("read", DENIED)
        found = self.merge_requests.get(int(call.found[0]))
        if found is None:
            raise RefusedCallError(404, "404 Not found")
        return found

    @staticmethod
    def _form(found: MergeRequest) -> dict[str, Any]:
        return {
            "id": 9000 + found.iid,
            "iid": found.iid,
            "title": found.title,
            "author": {"username": found.author},
            "sha": found.sha,
            "target_branch": "main",
            "source_project_id": found.source_project_id,
            "target_project_id": 7,
            "state": found.state,
            "merge_commit_sha": found.merge_commit_sha,
            "web_url": f"https://gitlab.com/{PROJECT}/-/merge_requests/{found.iid}",
        }

    def _list_merge_requests(self, call: Call) -> Answer:
        call.needs("read", DENIED)
        rows = [self._form(each) for each in self.merge_requests.values() if each.state == call.query["state"]]
        return Answer(200, rows=rows)

    @staticmethod
    def _note_form(note: Note) -> dict[str, Any]:
        return {"id": note.id, "body": note.body, "author": {"username": note.author}, "system": False}

    def _note(self, call: Call) -> Note:
        self._merge_request(call)
        note = self.notes.get(int(call.found[1]))
        if note is None or note.iid != int(call.found[0]):
            raise RefusedCallError(404, "404 Note Not Found")
        return note

    def _list_notes(self, call: Call) -> Answer:
        self._merge_request(call)
        assert (call.query["order_by"], call.query["sort"]) == ("created_at", "asc")
        return Answer(200, rows=[self._note_form(n) for n in self.notes.values() if n.iid == int(call.found[0])])

    def _create_note(self, call: Call) -> Answer:
        self._merge_request(call)
        call.needs("comment", DENIED)
        return Answer(201, self._note_form(self.add_note(int(call.found[0]), call.fields({"body"})["body"])))

    def _update_note(self, call: Call) -> Answer:
        note = self._note(call)
        call.needs("comment", DENIED)
        note.body = call.fields({"body"})["body"]
        return Answer(200, self._note_form(note))

    def _delete_note(self, call: Call) -> Answer:
        del self.notes[self._note(call).id]
        return Answer(204)

    def _of_commit(self, call: Call) -> Answer:
        found = [each for each in self.merge_requests.values() if each.merge_commit_sha == call.found[0]]
        return Answer(200, rows=[self._form(each) for each in found])

    def _list_statuses(self, call: Call) -> Answer:
        rows = [s for s in self.statuses if (s["sha"], s["name"]) == (call.found[0], call.query["name"])]
        return Answer(200, rows=rows)

    def _create_status(self, call: Call) -> Answer:
        call.needs("status", DENIED)
        values = call.fields({"state", "name", "description"}, {"target_url"})
        assert values["state"] in {"success", "failed"}
        self.statuses.append({"id": self.next_id(), "sha": call.found[0], **values})
        return Answer(201, self.statuses[-1])

    def _list_issues(self, call: Call) -> Answer:
        rows = [
            each
            for each in reversed(self.issues.values())
            if (each["state"], each["author"]["username"]) == (call.query["state"], call.query["author_username"])
        ]
        return Answer(200, rows=rows)

    def _create_issue(self, call: Call) -> Answer:
        call.needs("issue", DENIED)
        number = self.next_id()
        self.issues[number] = {
            "id": 8000 + number,
            "iid": number,
            "state": "opened",
            "author": {"username": call.token.login},
            "web_url": f"https://gitlab.com/{PROJECT}/-/issues/{number}",
            **call.fields({"title", "description"}),
        }
        return Answer(201, self.issues[number])

    def _update_issue(self, call: Call) -> Answer:
        call.needs("issue", DENIED)
        values = dict(call.fields(set(), {"title", "description", "state_event"}))
        event = values.pop("state_event", "")
        issue = self.issues[int(call.found[0])]
        issue |= values | ({"state": "closed" if event == "close" else "opened"} if event else {})
        return Answer(200, issue)

    def _members(self, call: Call) -> Answer:
        rows = [
            {"id": number, "username": name, "access_level": level}
            for number, (name, level) in enumerate(self.members.items())
            if call.query["query"] in name
        ]
        return Answer(200, rows=rows)
