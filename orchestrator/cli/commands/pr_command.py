"""``orch pr command``, ``waiver`` and ``number``: what a comment on a pull request asks for, in GitHub Actions."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.ci.commands.authorize import AllowedCommand, CommandRefusedError, authorize
from orchestrator.ci.commands.event import CommentEvent, read_comment_event
from orchestrator.ci.commands.parse import CommentCommand, Verb, asks_for_help, parse_command
from orchestrator.ci.commands.reply import help_reply, output_lines, refused_reply, started_reply, waiver_reply
from orchestrator.ci.connect import open_code_host
from orchestrator.ci.host import CodeHost
from orchestrator.ci.place import find_place
from orchestrator.cli.commands.waive import next_steps
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.output import print_progress, print_rows, write
from orchestrator.cli.project import open_project, start_folder
from orchestrator.config.load import find_root
from orchestrator.errors import OrchError, SetupError, UsageError
from orchestrator.guard.policies.load import read_policy_files
from orchestrator.guard.trust.owners import OWNERS_FILE, Owners
from orchestrator.guard.trust.valid_waivers import WAIVERS_PATH
from orchestrator.run.history.waive import WaiverRequest, write_waivers
from orchestrator.util.ci import ci_run
from orchestrator.util.plural import agreeing, plural

_DAYS = "7"
"""Validity of a waiver that a comment asks for."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_EventFile = Annotated[
    Path,
    typer.Argument(metavar="EVENT_FILE", help="The comment's event, as GitHub Actions saves it.", show_default=False),
]


@command_without_details
def pr_command(
    common: Common,
    event_file: _EventFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Append what is allowed to this file as NAME=VALUE lines, as GITHUB_OUTPUT takes it.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Check what a comment asks for, and answer it.

    The first line of the comment is `orch plan`, `orch apply [STAGE]`, `orch waive FINDING REASON` or `orch help`.
    Exits with 3 if its author may not ask for it, and does nothing if it is another comment. The jobs of the workflow
    do the work.
    """
    event = read_comment_event(event_file)
    found = _command(event)
    if found is None and event.on_pull_request and asks_for_help(event.body) and not event.by_bot:
        _host().create_comment(event.number, help_reply())
    if found is None:
        print_progress(common, "The comment is no command to orch.")
        return 0
    allowed = _authorized(common, event, found)
    if output is not None:
        _append(output, output_lines(allowed))
    ci = ci_run(os.environ)
    if allowed.command.verb is not Verb.WAIVE:  # that one is answered with the waiver
        _host().create_comment(event.number, started_reply(allowed, ci.report_url if ci else ""))
    pull = allowed.pull_request
    row = {"command": str(allowed.command), "pull_request": pull.number, "head": pull.head, "stages": allowed.stages}
    print_rows(common, "pr-command", [row])
    return 0


@command_without_details
def pr_waiver(common: Common, event_file: _EventFile) -> int:
    """Answer `orch waive FINDING REASON` with the waiver.

    Reads the finding from the runs on this machine, and writes the entry for policies/waivers.yaml into a comment. It
    changes no file: the entry counts once it is committed, reviewed and merged.
    """
    event = read_comment_event(event_file)
    found = _command(event)
    if found is None or found.verb is not Verb.WAIVE:
        raise UsageError("the comment does not ask for a waiver")
    allowed = _authorized(common, event, found)
    request = WaiverRequest(found.finding, found.reason, allowed.owner, _DAYS, plan=False, dry_run=True)
    try:
        written = write_waivers(open_project(common, offline=True).catalogue, request)
    except OrchError as error:
        _host().create_comment(event.number, refused_reply(error, found))
        raise
    following = next_steps(allowed.owner, many=False, history=written.history, ci=True)
    waivers = [(waiver, each.finding.message) for each, waiver in written.waivers]
    comment = _host().create_comment(event.number, waiver_reply(waivers, WAIVERS_PATH, following))
    print_rows(common, "pr-waiver", [{"finding": found.finding, "owner": allowed.owner, "comment": comment.url}])
    return 0


@command_without_details
def pr_number(
    common: Common,
    commit: Annotated[str, typer.Argument(metavar="SHA", help="The commit at its head.", show_default=False)],
) -> int:
    """Print the number of the open pull request from a fork.

    It is the one with this commit at its head. GitHub does not give the number to a run that a fork has
    started. Exits with 2 if there is none, or more than one. A pull request from a branch of the repository
    does not count: anybody can push its head to a fork.
    """
    host = _host()
    if not _COMMIT.fullmatch(commit):
        message = f"{commit!r} is not a whole commit id"
        raise UsageError(message, hint="write all its 40 digits: `git rev-parse REV` prints them")
    found = [pull for pull in host.open_pull_requests() if pull.fork and pull.head == commit]
    if len(found) != 1:
        has = agreeing(len(found), "has", "have")
        pulls = f"{plural(len(found), 'open pull request')} from forks of {host.repository}"
        message = f"{pulls} {has} {commit} at the head"
        hint = "the pull request is closed, or has a newer commit, which has its own run"
        raise UsageError(message, hint=hint if not found else "name the pull request with --pull-request N")
    if common.json:
        print_rows(common, "pr-number", [{"pull_request": found[0].number, "head": commit, "fork": found[0].fork}])
    else:
        write(f"{found[0].number}\n")
    return 0


def _host() -> CodeHost:
    """Return the repository of the workflow.

    Raises:
        UsageError: the environment names none.
        HostError: there is no token for it.
    """
    place = find_place(os.environ)
    if place is None:
        message = "the environment names no repository"
        raise UsageError(message, hint="run this in a workflow of GitHub Actions: docs/ci.md")
    return open_code_host(place)


def _command(event: CommentEvent) -> CommentCommand | None:
    """Return the command of a comment; one with wrong arguments is answered."""
    if not event.on_pull_request:
        return None
    try:
        return parse_command(event.body)
    except UsageError as error:
        _host().create_comment(event.number, refused_reply(error, None))
        raise


def _authorized(common: Common, event: CommentEvent, command: CommentCommand) -> AllowedCommand:
    """Return the command if it is allowed; answer it if not.

    Raises:
        CommandRefusedError: it is not.
        UsageError: the event is of another repository than the environment.
    """
    host = _host()
    if event.repository != host.repository:
        message = f"the comment is on {event.repository}, but this workflow runs in {host.repository}"
        raise UsageError(message)
    tree = read_policy_files(find_root(start_folder(common)))
    owners = Owners.parse(tree.get(OWNERS_FILE, b""), shown_as=f"policies/{OWNERS_FILE}")
    try:
        return authorize(host, event, command, owners)
    except CommandRefusedError as error:
        host.create_comment(event.number, refused_reply(error, command))
        raise


def _append(file: Path, text: str) -> None:
    try:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror}"
        raise SetupError(message, hint="pass the file that GITHUB_OUTPUT names") from error
