"""``orch stage new``, ``orch stage list`` and ``orch stage reap``."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from orchestrator.cli.aws import Aws, open_aws
from orchestrator.cli.commands.destroy import destroy_selection
from orchestrator.cli.completion import complete_stage
from orchestrator.cli.context import Common, command, command_without_details
from orchestrator.cli.options import DryRun, Yes
from orchestrator.cli.output import print_progress, print_rows, write
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.session import circumstances
from orchestrator.cli.write_live import write_live
from orchestrator.config.catalogue import Catalogue
from orchestrator.config.shared_names import shared_names
from orchestrator.config.yaml.reader import read_yaml
from orchestrator.config.yaml.value import YamlKind
from orchestrator.errors import OrchError, UsageError
from orchestrator.report.tables import Column
from orchestrator.run.apply_rules import check_apply_allowed
from orchestrator.run.disposable.reap import reap_check
from orchestrator.run.disposable.stages import (
    ReapDecision,
    StageStatus,
    days_left,
    reap_decisions,
    stage_statuses,
    today_utc,
)
from orchestrator.run.exit_codes import INTERRUPTED
from orchestrator.run.request import RunOptions
from orchestrator.scaffold.new_files import StageAnswers, last_day, stage_file
from orchestrator.util.plural import plural
from orchestrator.util.suggest import near_miss


@command_without_details
def stage_new(
    common: Common,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the stage.", show_default=False)],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="STAGE",
            help="Stage whose account, region and stacks the new one inherits.",
            autocompletion=complete_stage,
            show_default=False,
        ),
    ],
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="WHEN", help="Last day: 7d, 2w, or a date.", show_default=False),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="NAME", help="Another account than that of STAGE.", show_default=False),
    ] = None,
    disposable: Annotated[
        bool,
        typer.Option("--disposable", help="It may be destroyed and rebuilt with all its data, once it is merged."),
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Write the file of a stage that is a copy of another.

    The copy has its own names in AWS, states and tags, so both can be in one account.
    """
    project = open_project(common, offline=True)
    stages = project.catalogue.stages
    if source not in stages:
        message = f"there is no stage {source!r}"
        raise UsageError(message, hint=near_miss(source, stages) or f"stages: {', '.join(sorted(stages))}")
    if name in stages:
        raise UsageError(f"there is a stage {name} already", where=stages[name].at, hint="choose another name")
    answers = StageAnswers(
        name=name,
        source=source,
        account=account,
        expires=None if expires is None else last_day(expires, today_utc()),
        disposable=disposable,
        uses=_uses(project, source),
    )
    catalogue = write_live(common, project, "stage new", stage_file(answers), dry_run=dry_run)
    for problem in shared_names(catalogue, name, source):
        print_progress(common, f"note: {problem}")
    if not (dry_run or common.json or common.quiet):
        write(_next_steps(catalogue, name, disposable=disposable))
    return 0


@command_without_details
def stage_list(common: Common) -> int:
    """List stages with their age, last day, applied units and tags.

    The age counts from the first apply. Needs the plan roles; a stage whose account cannot be read has empty cells.
    """
    project = open_project(common)
    with open_aws(common, project.catalogue) as aws:
        statuses = stage_statuses(reap_check(project.catalogue, aws.emulator)[0], project.catalogue.stages.values())
    for text in dict.fromkeys(f"{each.stage.account}: {each.error}" for each in statuses if each.error):
        print_progress(common, f"note: {text}")
    rows = [_row(project, each) for each in statuses]
    if common.json:
        print_rows(common, "stage list", rows)
    else:
        columns = [Column("stage"), Column("account"), Column("age", right=True), Column("expires")]
        columns += [Column("disposable", optional=True), Column("applied", right=True), Column("tags", wrap=True)]
        print_rows(common, "stage list", [_texts(row) for row in rows], columns)
    return 0


@command
def stage_reap(common: Common, dry_run: DryRun = False, yes: Yes = False) -> int:
    """Destroy the disposable stages that have expired.

    Says for each other stage why it stays. Asks for each stage, after it has shown what would be lost.
    """
    project = open_project(common)
    with open_aws(common, project.catalogue) as aws:
        decisions = _decisions(project, aws)
    going = [each for each in decisions if each.reap]
    if not common.json:
        columns = [Column("stage"), Column("account"), Column("reap"), Column("why", wrap=True)]
        print_rows(common, "stage reap", [_reap_row(each) for each in decisions], columns)
    results: dict[str, int] = {}
    if going and not dry_run:
        units = [unit for each in going for unit in each.status.units]
        check_apply_allowed(project.catalogue, units, circumstances(common, yes=yes))
        for each in going:
            results[each.status.stage.name] = _reap(common, project, each, yes=yes)
            if results[each.status.stage.name] == INTERRUPTED:
                break
    if common.json:
        rows = [{**_reap_row(each), "exit_code": results.get(each.status.stage.name)} for each in decisions]
        print_rows(common, "stage reap", rows)
    return INTERRUPTED if INTERRUPTED in results.values() else max(results.values(), default=0)


def _uses(project: Project, source: str) -> dict[str, str | None]:
    """Return the ``uses`` of a stage as they are written; no stage inherits them."""
    root = project.catalogue.root
    found = read_yaml(root / "live" / "stages" / f"{source}.yaml", root=root).get("uses")
    pairs = found.items() if found is not None else ()
    return {name: value.value if value.kind is YamlKind.TEXT else None for name, value in pairs}


def _next_steps(catalogue: Catalogue, name: str, *, disposable: bool) -> str:
    account = catalogue.accounts[catalogue.stages[name].account]
    steps = [] if account.created else [f"orch bootstrap {account.name}  # create the account"]
    if disposable:
        steps.append(
            f"git add live/stages/{name}.yaml && git commit  # and merge it: before, orch does not create the stage"
        )
    return "\n".join(["", "Next:", *(f"  {step}" for step in (*steps, f"orch apply {name}"))]) + "\n"


def _row(project: Project, status: StageStatus) -> dict[str, Any]:
    stage = status.stage
    left = days_left(stage, today_utc())
    return {
        "stage": stage.name,
        "account": stage.account,
        "extends": stage.lineage[1] if len(stage.lineage) > 1 else None,
        "age_days": status.age(datetime.now(UTC)),
        "expires": stage.expires,
        "days_left": left,
        "expired": left is not None and left < 0,
        "disposable": stage.disposable,
        "applied": status.applied,
        "units": len(status.units),
        "orphaned": status.others,
        "tags": {**project.catalogue.accounts[stage.account].tags, "account": stage.account, "stage": stage.name},
        "error": status.error or None,
    }


def _texts(row: dict[str, Any]) -> dict[str, Any]:
    """Return the cells of a row for people."""
    age, left, applied = row["age_days"], row["days_left"], row["applied"]
    when = (
        "" if left is None else f" (expired {plural(-left, 'day')} ago)" if left < 0 else f" (in {plural(left, 'day')})"
    )
    more = f" +{row['orphaned']}" if row["orphaned"] else ""
    return {
        **row,
        "age": None if age is None else f"{age}d",
        "expires": f"{row['expires']}{when}" if row["expires"] else None,
        "applied": "?" if applied is None else f"{applied}/{row['units']}{more}",
        "tags": " ".join(f"{key}={value}" for key, value in sorted(row["tags"].items())),
    }


def _decisions(project: Project, aws: Aws) -> tuple[ReapDecision, ...]:
    access, check = reap_check(project.catalogue, aws.emulator)
    stages = project.catalogue.stages.values()
    expiring = [stage for stage in stages if (days_left(stage, today_utc()) or 0) < 0]
    read = {each.stage.name: each for each in stage_statuses(access, expiring)}
    statuses = [read.get(stage.name) or StageStatus(stage, ()) for stage in stages]
    return reap_decisions(statuses, check, today_utc())


def _reap_row(decision: ReapDecision) -> dict[str, Any]:
    stage = decision.status.stage
    return {"stage": stage.name, "account": stage.account, "reap": decision.reap, "why": decision.why}


def _reap(common: Common, project: Project, decision: ReapDecision, *, yes: bool) -> int:
    """Destroy one stage; return the exit code. A stage that cannot be destroyed does not stop the others."""
    name = decision.status.stage.name
    options = RunOptions.parse([name])
    try:
        if common.json:  # one JSON document on stdout; what is destroyed is told beside it
            with redirect_stdout(sys.stderr):
                code = destroy_selection(replace(common, json=False), project, options, yes=yes)
        else:
            code = destroy_selection(common, project, options, yes=yes)
    except OrchError as error:
        print_progress(common, f"{name} stays: {error}")
        return error.exit_code
    return code
