"""What ``orch comment``, ``orch plan --comment`` and ``orch pr status`` share: the code host, and what was posted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from orchestrator.ci.applied import WRITING_VERBS
from orchestrator.ci.connect import open_code_host
from orchestrator.ci.host import CodeHost, HostDeniedError
from orchestrator.ci.place import HostPlace, find_place
from orchestrator.ci.posting import PostedApply, PostedStage, Poster
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_progress
from orchestrator.cli.project import open_project
from orchestrator.errors import OrchError, UsageError
from orchestrator.report.comment.body import StageComment
from orchestrator.report.comment.check import StageCheck
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.comment.stage import StagePlan, stage_plans
from orchestrator.report.errors import error_lines
from orchestrator.report.style import use_color
from orchestrator.report.text import clean
from orchestrator.util.ci import ci_run
from orchestrator.util.streams import write_stderr

PullRequestNumber = Annotated[
    int | None,
    typer.Option(
        "--pull-request",
        metavar="N",
        min=1,
        help="The pull request. Default: the one that the CI's run is about; for an apply the one that was merged.",
        show_default=False,
    ),
]
RepositoryName = Annotated[
    str,
    typer.Option(
        "--repository",
        metavar="NAME",
        help="The repository, as owner/name or the address of its page. Default: the CI's.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted, or with ``--dry-run`` would be. ``applied``: None if no run was an apply."""

    stages: tuple[PostedStage, ...] = ()
    applied: PostedApply | None = None


def place_to_post(repository: str, pull_request: int | None) -> HostPlace:
    """Return the repository to post to.

    Raises:
        UsageError: neither the environment nor the command line names one.
    """
    place = find_place(os.environ, repository=repository, pull_request=pull_request)
    if place is None:
        message = "nowhere to post: this is no run of GitHub Actions or GitLab CI"
        raise UsageError(message, hint="name --repository and --pull-request, or write a file with --file FILE")
    return place


def required_number(place: HostPlace) -> int:
    """Return the pull request of a place.

    Raises:
        UsageError: there is none.
    """
    if place.pull_request is None:
        message = "no pull request: this run of the CI is not about one"
        raise UsageError(message, hint="name one with --pull-request N, or write a file with --file FILE")
    return place.pull_request


def is_apply(record: RunRecord) -> bool:
    """Return whether a run writes states, so that the comment says what it did and shows no plans."""
    return record.report.verb in WRITING_VERBS


def comment_context(records: Sequence[RunRecord], head: str, rehearsals: Iterable[str] = ()) -> CommentContext:
    """Return the run of the CI; outside of one, the newest run that the comment is about."""
    ci = ci_run(os.environ, head=head)
    if ci is not None:
        return CommentContext(ci.run, ci.head, ci.source_url, ci.report_url, ci.change, in_ci=True)
    commits = [receipt.commit for record in records for receipt in record.receipts.values() if receipt.commit]
    now = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-0000"
    run = max([*(record.report.run for record in records), *rehearsals], default=now)
    return CommentContext(run, head or (commits[-1].removesuffix("-dirty") if commits else ""))


def post(
    common: Common,
    place: HostPlace,
    context: CommentContext,
    plans: Sequence[StagePlan],
    applies: Sequence[RunRecord],
    *,
    rehearsed: Sequence[tuple[StageComment, StageCheck]] = (),
    unaffected: Sequence[str] | None = None,
    dry_run: bool = False,
) -> Posted:
    """Post comments and checks of plans and rehearsals, and what applies did.

    Args:
        common: the options of every command.
        place: where to post.
        context: the run of the CI.
        plans: the plans of stages.
        applies: runs that wrote states.
        rehearsed: comments and checks of rehearsals.
        unaffected: stages of which the change affects no unit; None if the runs are not all that it affects.
        dry_run: only find out what would be posted.

    Raises:
        UsageError: there are plans, and no pull request.
        SetupError: the code host cannot be used.
    """
    number = required_number(place) if plans or rehearsed or unaffected is not None else place.pull_request
    with _explained(place):
        poster = Poster(open_code_host(place), context, dry_run=dry_run)
        stages = poster.plans(number, plans) if plans and number is not None else []
        if unaffected is not None and number is not None:
            stages += poster.unaffected(number, unaffected, {plan.stage for plan in plans})
        stages += poster.rehearsals(number, rehearsed) if rehearsed and number is not None else []
        if not applies:
            return Posted(tuple(stages))
        of_apply = replace(poster, context=replace(context, head=context.head or place.commit))
        done = of_apply.applied(place.pull_request, stage_plans(applies), applies, _below(common))
    return Posted(tuple(stages), done)


def open_host(place: HostPlace) -> CodeHost:
    """Return the code host of a place.

    Raises:
        SetupError: there is no token, or the host's client is not installed.
    """
    with _explained(place):
        return open_code_host(place)


def plan_target() -> HostPlace:
    """Return where ``orch plan --comment`` posts.

    Raises:
        UsageError: the run of the CI is not about a pull request.
        SetupError: there is no token, or the host's client is not installed.
    """
    place = place_to_post("", None)
    required_number(place)
    open_host(place)
    return place


def post_plan(common: Common, place: HostPlace, record: RunRecord | None, unaffected: Sequence[str], code: int) -> int:
    """Post the plans of the run that just ended; return its exit code, or that of an error if it had none.

    The report of the run is printed already, so an error of the code host is only a line on stderr.

    Args:
        common: the options of every command.
        place: where to post.
        record: the run; None if there was no unit to plan.
        unaffected: stages of which the change affects no unit.
        code: the exit code of the run.
    """
    records = [record] if record is not None else []
    try:
        context = comment_context(records, place.head)
        posted = post(common, place, context, stage_plans(records), (), unaffected=unaffected)
    except OrchError as error:
        write_stderr(error_lines(error, color=use_color(sys.stderr, os.environ, no_color=common.no_color)) + "\n")
        return code or error.exit_code
    for line in posted_lines(posted, dry_run=False):
        print_progress(common, line)
    return code


def posted_lines(posted: Posted, *, dry_run: bool) -> Iterator[str]:
    """Yield a line for each thing that was posted."""
    would = "would be " if dry_run else ""
    for each in posted.stages:
        found = each.comment
        newer = f": it is from run {found.run}, which is newer" if found.action == "left as it is" else ""
        yield f"{found.stage}: comment {would}{found.action}{newer}  {clean(found.url)}".rstrip()
        if each.check_kind:
            yield f"{found.stage}: {each.check_kind} {would}{each.check.conclusion}: {each.check.title}"
        if each.shared:
            yield f"{found.stage}: other open pull requests change {', '.join(each.shared)}"
    if posted.applied is None:
        return
    if posted.applied.pull_request is None:
        yield "no merged pull request brought this commit into its branch: nothing to say there"
    for comment in posted.applied.comments:
        yield f"{comment.stage}: what was applied {would}added to the comment  {clean(comment.url)}".rstrip()
    for marked in posted.applied.marked:
        pull = marked.plan.pull_request
        units = ", ".join(each.unit for each in marked.stale)
        yield f"#{pull.number} {clean(pull.title)}: {would}marked as stale: {units}"


def posted_form(posted: Posted) -> dict[str, Any]:
    """Return what was posted as plain values for JSON."""
    applied = posted.applied
    return {
        "posted": [
            {
                "stage": each.comment.stage,
                "action": str(each.comment.action),
                "url": each.comment.url,
                "run": each.comment.run,
                "check": each.check_kind,
                "shared": list(each.shared),
            }
            for each in posted.stages
        ],
        "applied": None
        if applied is None
        else {
            "pull_request": applied.pull_request.number if applied.pull_request else None,
            "comments": [{"stage": each.stage, "url": each.url} for each in applied.comments],
            "stale": [
                {
                    "pull_request": each.plan.pull_request.number,
                    "stage": each.plan.comment.marker.stage,
                    "units": [unit.unit for unit in each.stale],
                    "check": each.check_kind,
                }
                for each in applied.marked
            ],
        },
    }


@contextmanager
def _explained(place: HostPlace) -> Iterator[None]:
    """Say that a token may not write because the pull request comes from a fork."""
    try:
        yield
    except HostDeniedError as error:
        if not place.fork:
            raise
        message = f"pull request {place.pull_request} comes from a fork, whose runs may not write here: {error.what}"
        hint = "post from a job that runs in this repository, such as one of `workflow_run`, or use --file FILE"
        raise HostDeniedError(message, hint=hint) from error


def _below(common: Common) -> Callable[[str], Collection[str]]:
    """Return a function from a unit to its downstreams; without ``live/`` it knows none."""
    try:
        graph = open_project(common, offline=True).graph
    except OrchError as error:
        print_progress(common, f"plans that read changed outputs are not looked for: {error.what}")
        return lambda _: ()
    known = frozenset(graph.order)
    return lambda unit: graph.below([unit]) if unit in known else ()
