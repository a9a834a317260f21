"""Decides whether orch does what a comment asks for: who wrote it, on what, and which commit its author has seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.ci.commands.event import CommentEvent
from orchestrator.ci.commands.parse import CommentCommand, Verb
from orchestrator.ci.host import CodeHost, HostComment, Permission, PullRequest, PullRequestState
from orchestrator.errors import BlockedError
from orchestrator.guard.trust.owners import Owners
from orchestrator.report.comment.marker import Marker, is_older, parse_marker
from orchestrator.report.comment.rehearsal import is_rehearsal_stage

_REPEAT = "wait for the comment of the newest commit, read it, and repeat the command"


class CommandRefusedError(BlockedError):
    """Orch does not do what a comment asks for. The message can be shown to everybody."""


@dataclass(frozen=True, slots=True)
class AllowedCommand:
    """A command that orch may carry out.

    Attributes:
        command: the command.
        pull_request: what it is about.
        stages: the stages that it is about: of ``orch apply``, what to apply.
        run_page: number of the run of GitHub Actions whose records have the finding; empty for other commands.
        owner: the owner who waives, a name in ``policies/owners.yaml``; empty for other commands.
    """

    command: CommentCommand
    pull_request: PullRequest
    stages: tuple[str, ...]
    run_page: str = ""
    owner: str = ""


def authorize(host: CodeHost, event: CommentEvent, command: CommentCommand, owners: Owners) -> AllowedCommand:
    """Check everything that must hold before orch carries out a command.

    Args:
        host: the code host.
        event: the comment.
        command: what it asks for.
        owners: who may waive, as the protected branch says.

    Raises:
        CommandRefusedError: orch does not do it; the message says why.
        HostError: the code host does not answer.
    """
    _check_author(host, event)
    _check_comment(host, event)
    pull = host.pull_request(event.number)
    if pull.fork:
        raise CommandRefusedError("orch takes no commands on pull requests from forks")
    _check_state(pull, event, command)
    shown = list(_shown(host, pull.number))
    if command.verb is Verb.PLAN:
        return AllowedCommand(command, pull, tuple(marker.stage for _, marker in shown))
    _check_seen(pull, command, shown)
    if command.verb is Verb.APPLY:
        stages = (command.stage,) if command.stage else tuple(marker.stage for _, marker in shown)
        return AllowedCommand(command, pull, stages)
    owner = _owner(owners, event)
    if not owner:
        address = f"{event.author_id}+{event.author}@users.noreply.github.com"
        message = f"{event.author} is not an owner who may grant waivers"
        raise CommandRefusedError(message, hint=f"owners list their GitHub address, {address}, in policies/owners.yaml")
    page, stages = _run_with(command.finding, host.repository, shown)
    return AllowedCommand(command, pull, stages, page, owner)


def _check_author(host: CodeHost, event: CommentEvent) -> None:
    if event.by_bot or not event.author or event.author == host.login():
        raise CommandRefusedError("orch takes commands from people only")
    if host.permission(event.author) < Permission.WRITE:
        message = f"{event.author} may not write to this repository, and commands require that permission"
        raise CommandRefusedError(message)


def _check_comment(host: CodeHost, event: CommentEvent) -> None:
    """Compare the event with the comment as it is now: nobody has changed it since."""
    now = host.comment(event.number, event.comment)
    if now.author != event.author or now.body.replace("\r\n", "\n") != event.body.replace("\r\n", "\n"):
        raise CommandRefusedError("the comment was edited", hint="write the command as a new comment")


def _check_state(pull: PullRequest, event: CommentEvent, command: CommentCommand) -> None:
    if command.verb is not Verb.APPLY:
        if pull.state is not PullRequestState.OPEN:
            message = f"the pull request is {pull.state}: {command} is for open ones"
            raise CommandRefusedError(message)
        if pull.base != event.default_branch:
            message = f"the pull request is to {pull.base}: orch takes commands on those to {event.default_branch}"
            raise CommandRefusedError(message, hint="the policies and the programs of that branch are its author's")
        return
    if pull.state is not PullRequestState.MERGED:
        message = f"the pull request is {pull.state}: orch applies what is merged"
        raise CommandRefusedError(message, hint="merge it: CI then applies it, and this command repeats that")
    if pull.base != event.default_branch:
        message = f"the pull request was merged into {pull.base}: orch applies what is on {event.default_branch}"
        raise CommandRefusedError(message)


def _shown(host: CodeHost, number: int) -> Iterator[tuple[HostComment, Marker]]:
    """Yield the comments of orch that show plans, with their markers: the newest of each stage."""
    newest: dict[str, tuple[HostComment, Marker]] = {}
    for comment in host.own_comments(number):
        marker = parse_marker(comment.body)
        if marker is None or is_rehearsal_stage(marker.stage):
            continue
        if marker.stage not in newest or not is_older(marker.run, newest[marker.stage][1].run):
            newest[marker.stage] = (comment, marker)
    yield from newest.values()


def _check_seen(pull: PullRequest, command: CommentCommand, shown: Sequence[tuple[HostComment, Marker]]) -> None:
    """Check that what the comments show is the commit at the head: otherwise their reader has not seen it."""
    concerned = [marker for _, marker in shown if command.stage in {"", marker.stage}]
    if not concerned:
        of = f" of {command.stage}" if command.stage else ""
        raise CommandRefusedError(f"there is no comment with a plan{of} on this pull request", hint=_REPEAT)
    for marker in concerned:
        if marker.head != pull.head:
            what = f"the comment of {marker.stage} shows {marker.head[:7] or 'no commit'}"
            message = f"{what}, but the head of the pull request is {pull.head[:7]}"
            raise CommandRefusedError(message, hint=_REPEAT)


def _run_with(
    finding: str, repository: str, shown: Sequence[tuple[HostComment, Marker]]
) -> tuple[str, tuple[str, ...]]:
    """Return the number of the run whose comment shows a finding, and the stages whose comments do."""
    found = [(comment.body, marker.stage) for comment, marker in shown if f"`{finding}`" in comment.body]
    if not found:
        message = f"no comment of orch on this pull request shows the finding {finding}"
        raise CommandRefusedError(message, hint="copy the id from the line that starts with Finding")
    # The last one, in the last lines: a value further up can be such an address as well.
    pages = re.findall(rf"/{re.escape(repository)}/actions/runs/(\d{{1,20}})\b", found[0][0])
    if not pages:
        message = "the comment of orch does not say which run it is from"
        raise CommandRefusedError(message, hint="plan again: orch plan")
    return pages[-1], tuple(stage for _, stage in found)


def _owner(owners: Owners, event: CommentEvent) -> str:
    """Return the owner whose addresses have the author's own address at GitHub; empty: none.

    GitHub gives both forms to the account alone; a login can pass to somebody else, the number cannot.
    """
    own = f"{event.author_id}+{event.author}@users.noreply.github.com".casefold()
    return next((name for name, emails in owners.emails.items() if own in emails), "")
