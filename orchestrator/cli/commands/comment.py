"""``orch comment``: the pull request comment and the check of each stage, from the records of runs, without AWS."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import Common, command
from orchestrator.cli.output import print_progress, write
from orchestrator.cli.project import start_folder
from orchestrator.config.load import find_root
from orchestrator.errors import SetupError, UsageError
from orchestrator.report.comment.body import LONGEST_COMMENT, CommentContext, StageComment, stage_comment
from orchestrator.report.comment.check import StageCheck, finding_results, stage_check
from orchestrator.report.comment.json_form import comments_form
from orchestrator.report.comment.marker import may_overwrite, parse_marker
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.comment.rehearsal import rehearsal_comments
from orchestrator.report.comment.stage import StagePlan, empty_stage, stage_plans
from orchestrator.report.rehearsal.model import Rehearsal
from orchestrator.report.result_files import ResultFiles, write_result
from orchestrator.report.tables import dump
from orchestrator.run.history.reports import run_record
from orchestrator.run.rehearse.record import saved_rehearsal
from orchestrator.util.ci import ci_run
from orchestrator.util.plural import plural

_STAGE = "{stage}"
"""What a file name contains in the place of the stage."""
_UNLIMITED = 1_000_000_000


@command
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
            help="Write the comment to this file; - is stdout. For several stages: a name with {stage}.",
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
) -> int:
    """Write the pull request comment and checks of runs.

    Reads the records of the runs, without AWS credentials.
    """
    if file is None and not common.json:
        message = "nowhere to write the comment: orch does not post it to GitHub or GitLab yet"
        raise UsageError(message, hint="name a file with --file FILE (- is stdout), or use --json")
    started = time.monotonic()
    rehearsals = _rehearsals(common, runs or ())
    records = _records(common, [run for run in runs or () if run not in rehearsals])
    plans = () if rehearsals and not records else _plans(records, _records(common, base or ()), stage)
    context = _context(records, head, rehearsals.values())
    rehearsed = _rehearsed(rehearsals.values(), context, stage)
    comments = [*(stage_comment(plan, context) for plan in plans), *(each for each, _ in rehearsed)]
    results = [result for plan in plans for result in finding_results(plan)]
    ResultFiles(started, sarif_file, junit_file).write(results)
    if file is not None:
        _write_comments(common, file, comments)
    if full is not None:
        whole = [stage_comment(plan, context, limit=_UNLIMITED) for plan in plans]
        whole += [each for each, _ in _rehearsed(rehearsals.values(), context, stage, limit=_UNLIMITED)]
        _write_comments(common, full, whole)
    if common.json:
        made = [(each, stage_check(plan, each)) for plan, each in zip(plans, comments, strict=False)]
        write(dump(comments_form([*made, *rehearsed])) + "\n")
    return 0


def _rehearsals(common: Common, runs: Sequence[str]) -> dict[str, Rehearsal]:
    """Return the runs of ``orch rehearse`` among those that were named."""
    root = find_root(start_folder(common)) if runs else None
    found = {run: saved_rehearsal(root, run) for run in dict.fromkeys(runs)} if root else {}
    return {run: rehearsal for run, rehearsal in found.items() if rehearsal is not None}


def _rehearsed(
    rehearsals: Iterable[Rehearsal], context: CommentContext, stage: str | None, *, limit: int = LONGEST_COMMENT
) -> list[tuple[StageComment, StageCheck]]:
    """Return comment and check of each stage that was rehearsed."""
    made = [each for rehearsal in rehearsals for each in rehearsal_comments(rehearsal, context, limit=limit)]
    return [each for each in made if stage is None or each[0].stage == stage]


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


def _context(records: Sequence[RunRecord], head: str, rehearsals: Collection[Rehearsal]) -> CommentContext:
    """Return the run of the CI; outside of one, the newest run that the comment is about."""
    ci = ci_run(os.environ, head=head)
    if ci is not None:
        return CommentContext(ci.run, ci.head, ci.source_url, ci.report_url)
    commits = [receipt.commit for record in records for receipt in record.receipts.values() if receipt.commit]
    commits += [each.head_commit for each in rehearsals if each.head_commit]
    now = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-0000"
    run = max([*(record.report.run for record in records), *(each.run for each in rehearsals)], default=now)
    return CommentContext(run, head or (commits[-1].removesuffix("-dirty") if commits else ""))


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
    try:
        marker = parse_marker(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise SetupError(message, hint="choose another file") from error
    if marker is None or marker.stage != comment.stage or may_overwrite(comment.marker, marker):
        return ""
    return marker.run
