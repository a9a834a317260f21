"""A code host in memory, for tests of what orch decides; how it speaks to a real one is tested against a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from orchestrator.ci.host import HostComment, HostIssue, HostMissingError, Permission, PullRequest, PullRequestState
from orchestrator.report.comment.check import StageCheck

BOT = "github-actions[bot]"
HEAD = "3f9c2d1e5b6a7c8d9e0f1a2b3c4d5e6f7a8b9c0d"
OPEN = PullRequest(
    7, "Add phones", "bob", HEAD, "main", fork=False, state=PullRequestState.OPEN, merge_commit="", url=""
)


@dataclass
class FakeHost:
    """What a repository has, and what was written to it."""

    pull: PullRequest = OPEN
    permissions: dict[str, Permission] = field(default_factory=dict)
    comments: list[HostComment] = field(default_factory=list)
    issues: list[HostIssue] = field(default_factory=list)
    name: str = "GitHub"
    repository: str = "example/platform"

    def login(self) -> str:
        return BOT

    def permission(self, login: str) -> Permission:
        return self.permissions.get(login, Permission.NONE)

    def pull_request(self, number: int) -> PullRequest:
        if number != self.pull.number:
            raise HostMissingError("no such pull request")
        return self.pull

    def open_pull_requests(self) -> Iterator[PullRequest]:
        yield self.pull

    def merged_by(self, commit: str) -> PullRequest | None:
        return self.pull if self.pull.merge_commit == commit else None

    def own_comments(self, number: int) -> Iterator[HostComment]:
        yield from (each for each in self.comments if each.author == BOT)

    def comment(self, number: int, comment: int) -> HostComment:
        found = next((each for each in self.comments if each.id == comment), None)
        if found is None:
            raise HostMissingError("no such comment")
        return found

    def create_comment(self, number: int, body: str) -> HostComment:
        self.comments.append(HostComment(1000 + len(self.comments), BOT, body, "https://example.com/comment"))
        return self.comments[-1]

    def update_comment(self, number: int, comment: int, body: str) -> HostComment:
        raise NotImplementedError

    def delete_comment(self, number: int, comment: int) -> None:
        raise NotImplementedError

    def set_check(self, commit: str, check: StageCheck, *, run: str, url: str) -> str:
        raise NotImplementedError

    def find_issue(self, marker: str) -> HostIssue | None:
        found = [each for each in self.issues if each.body.partition("\n")[0] == marker]
        return max(found, key=lambda each: (each.is_open, each.number), default=None)

    def create_issue(self, title: str, body: str) -> HostIssue:
        number = len(self.issues) + 1
        self.issues.append(HostIssue(number, title, body, is_open=True, url=f"https://example.com/issues/{number}"))
        return self.issues[-1]

    def update_issue(self, number: int, *, title: str, body: str, is_open: bool) -> HostIssue:
        changed = replace(self.issues[number - 1], title=title, body=body, is_open=is_open)
        self.issues[number - 1] = changed
        return changed
