"""``orch comment``: comment and check of each stage in a pull request, from the records of runs, without AWS."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.commands.posting import (
    PullRequestNumber,
    RepositoryName,
    comment_context,
    is_apply,
    place_to_post,
    post,
    posted_form,
    posted_lines,
)
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import CodeQuality, DryRun
from orchestrator.cli.output import print_progress, write
from orchestrator.cli.project import open_project, start_folder
from orchestrator.config.load import find_root
from orchestrator.errors import BlockedError, SetupError, UsageError
from orchestrator.report.comment.body import LONGEST_COMMENT, StageComment, stage_comment
from orchestrator.report.comment.check import StageCheck, finding_results, stage_check
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.json_form import comments_form
from orchestrator.report.comment.marker import may_overwrite, parse_marker
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.comment.rehearsal import rehearsal_comments, rehearsal_stage
from orchestrator.report.comment.stage import StagePlan, empty_stage, stage_plans
from orchestrator.report.rehearsal.model import Rehearsal
from orchestrator.report.result_files import ResultFiles, write_result
from orchestrator.report.tables import dump
from orchestrator.run.history.reports import run_record
from orchestrator.run.rehearse.record import saved_rehearsal
from orchestrator.util.plural import plural
from orchestrator.util.suggest import near_miss

_STAGE = "{stage}"
"""What a file name contains in the place of the stage."""
_UNLIMITED = 1_000_000_000
_LONGEST_MARKER = 10_000
_MOST_STAGES = 50
"""Of a fork: each stage costs a comment and a check, and the token of a job may make 1,000 calls in an hour."""
_LOOK = "look at what the fork's run has saved: its author can change that"


@command_without_details
def comment(
    common: Common,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...", help="Ids of runs; those of one stage become one comment.", show_default=False
        ),
    ] = None,
    base: Annotated[
        list[str] | None,
        typer.Option(
            "--base",
            metavar="RUN",
            help="A run that planned the base commit: what it plans as well is shown apart. Repeatable.",
            show_default=False,
        ),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage",
            metavar="STAGE",
            help="Only this stage; without RUN, a comment that says that no unit of it is affected.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Write the comment to this file in place of posting it; - is stdout. Several stages: use {stage}.",
            show_default=False,
        ),
    ] = None,
    full: Annotated[
        Path | None,
        typer.Option(
            "--full",
            metavar="FILE",
            help="Also write the comment without a limit of its length, as the full report.",
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        str,
        typer.Option(
            "--head",
            metavar="SHA",
            help="The commit that was planned. Default: the one that the CI names, or the runs' receipts.",
            show_default=False,
        ),
    ] = "",
    sarif_file: Annotated[
        Path | None,
        typer.Option("--sarif", metavar="FILE", help="Also write the findings as SARIF 2.1.0.", show_default=False),
    ] = None,
    junit_file: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Also write the units as JUnit XML.", show_default=False),
    ] = None,
    quality_file: CodeQuality = None,
    pull_request: PullRequestNumber = None,
    repository: RepositoryName = "",
    complete: Annotated[
        bool,
        typer.Option(
            "--complete", help="The runs planned all that the change affects: check and comment of other stages say so."
        ),
    ] = False,
    fork: Annotated[
        bool,
        typer.Option("--fork", help="A fork's run made the records: take nothing but a rehearsal from them."),
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Post the pull request comment and checks of runs.

    Reads the records of the runs, without AWS credentials. Of a run that applied it says what was applied.
    """
    if file is not None and (pull_request or repository or dry_run or complete):
        message = "--file writes the comment in place of posting it"
        raise UsageError(message, hint="leave out --pull-request, --repository, --complete and --dry-run, or --file")
    if fork and (complete or base):
        message = "of a fork's run nothing but its rehearsal is shown"
        raise UsageError(message, hint="leave out --complete and --base, or --fork")
    started = time.monotonic()
    place = place_to_post(repository, pull_request) if file is None else None
    rehearsals = _rehearsals(common, runs or ())
    if fork:
        _check_rehearsed(runs or (), rehearsals)
    records = _records(common, [run for run in runs or () if run not in rehearsals])
    base_records = _records(common, base or ())
    if stage is not None:
        _check_stage(common, stage, [*records, *base_records], rehearsals)
    plans = () if (rehearsals or complete) and not records else _plans(records, base_records, stage)
    commits = [each.head_commit for each in rehearsals.values()]
    context = comment_context(records, head or (place.head if place else "") or next(iter(commits), ""), rehearsals)
    rehearsed = _rehearsed(rehearsals.values(), context, stage)
    comments = [*(stage_comment(plan, context) for plan in plans), *(each for each, _ in rehearsed)]
    results = [result for plan in plans for result in finding_results(plan)]
    ResultFiles(started, sarif_file, junit_file, quality_file).write(results)
    if file is not None:
        _write_comments(common, file, comments)
    if full is not None:
        in_full = replace(context, whole=True)
        whole = [stage_comment(plan, in_full, limit=_UNLIMITED) for plan in plans]
        whole += [each for each, _ in _rehearsed(rehearsals.values(), in_full, stage, limit=_UNLIMITED)]
        _write_comments(common, full, whole)
    posted = None
    if place is not None:
        applies = [each for each in records if is_apply(each)]
        shown = plans if not applies else _plans_only(records, base_records, stage)
        others = _others(common, comments) if complete else None
        posted = post(common, place, context, shown, applies, rehearsed=rehearsed, unaffected=others, dry_run=dry_run)
    if common.json:
        made = [(each, stage_check(plan, each)) for plan, each in zip(plans, comments, strict=False)]
        write(dump(comments_form([*made, *rehearsed]) | (posted_form(posted) if posted else {})) + "\n")
    elif posted is not None:
        write("".join(f"{line}\n" for line in posted_lines(posted, dry_run=dry_run)))
    return 0


def _others(common: Common, comments: Sequence[StageComment]) -> list[str]:
    """Return the stages of ``live/`` that no comment is about. A baseline is not planned for a change."""
    catalogue = open_project(common, offline=True).catalogue
    stages = dict.fromkeys(unit.stage for unit in catalogue.units.values() if not unit.baseline)
    return sorted(set(stages) - {each.stage for each in comments})


def _check_stage(common: Common, stage: str, records: Iterable[RunRecord], rehearsals: Mapping[str, Rehearsal]) -> None:
    """Check that a stage is in the runs or in ``live/``: of another one, nothing would be affected, and all be green.

    Raises:
        UsageError: it is in neither.
    """
    known = {unit.unit.partition("/")[0] for each in records for unit in each.report.units}
    known |= {unit.stage for each in rehearsals.values() for unit in each.units}
    if stage in known:
        return
    catalogue = open_project(common, offline=True).catalogue
    known |= {*catalogue.stages, *(unit.stage for unit in catalogue.units.values())}
    if stage not in known:
        hint = near_miss(stage, known) or f"stages: {', '.join(sorted(known))}"
        raise UsageError(f"no run and no file of live/ has a stage {stage!r}", hint=hint)


def _rehearsals(common: Common, runs: Sequence[str]) -> dict[str, Rehearsal]:
    """Return the runs of ``orch rehearse`` among those that were named."""
    root = find_root(start_folder(common)) if runs else None
    found = {run: saved_rehearsal(root, run) for run in dict.fromkeys(runs)} if root else {}
    return {run: rehearsal for run, rehearsal in found.items() if rehearsal is not None}


def _check_rehearsed(runs: Sequence[str], rehearsals: Mapping[str, Rehearsal]) -> None:
    """Check that all runs are rehearsals: what a fork saves is its author's, so it must not pass for a plan.

    Raises:
        UsageError: no run is given.
        BlockedError: one is something else, or they name so many stages that the comments would use up the rate limit.
    """
    if not runs:
        raise UsageError("no run given", hint="name a run of `orch rehearse`")
    for run in runs:
        if run not in rehearsals:
            message = f"run {run} is not a rehearsal, and nothing else of a fork's run is shown"
            raise BlockedError(message, hint=_LOOK)
    stages = {unit.stage for each in rehearsals.values() for unit in each.units if unit.target}
    if len(stages) > _MOST_STAGES:
        message = f"the runs name {plural(len(stages), 'stage')}; of a fork at most {_MOST_STAGES} are shown"
        raise BlockedError(message, hint=_LOOK)


def _rehearsed(
    rehearsals: Iterable[Rehearsal], context: CommentContext, stage: str | None, *, limit: int = LONGEST_COMMENT
) -> list[tuple[StageComment, StageCheck]]:
    """Return comment and check of each stage that was rehearsed."""
    made = [each for rehearsal in rehearsals for each in rehearsal_comments(rehearsal, context, limit=limit)]
    return [each for each in made if stage is None or each[0].stage == rehearsal_stage(stage)]


def _records(common: Common, runs: Sequence[str]) -> list[RunRecord]:
    root = find_root(start_folder(common)) if runs else None
    return [run_record(root, run) for run in dict.fromkeys(runs)] if root else []


def _plans(records: Sequence[RunRecord], base: Sequence[RunRecord], stage: str | None) -> tuple[StagePlan, ...]:
    """Return the plans of every stage of the runs, or of one stage.

    Raises:
        UsageError: nothing says which stage.
    """
    plans = stage_plans(records, base=[each.report for each in base])
    if stage is not None:
        return next(((plan,) for plan in plans if plan.stage == stage), (empty_stage(stage),))
    if not plans:
        message = "the runs name no stage" if records else "no run given"
        raise UsageError(message, hint="name a run of `orch runs`, or the stage with --stage")
    return plans


def _plans_only(records: Sequence[RunRecord], base: Sequence[RunRecord], stage: str | None) -> tuple[StagePlan, ...]:
    """Return the plans of runs that only planned; runs that applied have none to show."""
    planned = [each for each in records if not is_apply(each)]
    return _plans(planned, base, stage) if planned else ()


def _write_comments(common: Common, file: Path, comments: Sequence[StageComment]) -> None:
    """Write comments to stdout, or each to its file; a file from a newer run stays.

    Raises:
        UsageError: several comments would have one file.
        SetupError: a file cannot be read or written.
    """
    if str(file) == "-":
        if not common.json:
            write("\n".join(each.text for each in comments))
        return
    if len(comments) > 1 and _STAGE not in str(file):
        names = ", ".join(each.stage for each in comments)
        message = f"{plural(len(comments), 'stage')} do not fit in one file: {names}"
        raise UsageError(message, hint=f"use a name with {_STAGE}, e.g. --file comment-{_STAGE}.md, or --stage STAGE")
    for each in comments:
        path = Path(str(file).replace(_STAGE, each.stage))
        newer = _newer(path, each)
        if newer:
            print_progress(common, f"{path} stays as it is: it is from run {newer}, which is newer")
        else:
            write_result(path, each.text)


def _newer(path: Path, comment: StageComment) -> str:
    """Return the run that wrote a file, if it is a newer one than the comment's; otherwise an empty text."""
    if not path.is_file():  # /dev/stdout, which has no end, or a folder, which cannot be written
        return ""
    try:
        with path.open(encoding="utf-8") as file:
            marker = parse_marker(file.readline(_LONGEST_MARKER))
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise SetupError(message, hint="choose another file") from error
    if marker is None or marker.stage != comment.stage or may_overwrite(comment.marker, marker):
        return ""
    return marker.run
