"""``orch list``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from orchestrator.cli.context import Common, command
from orchestrator.cli.options import Changed, Exclude, Targets, check_choice
from orchestrator.cli.output import print_progress, print_rows, write
from orchestrator.cli.project import Project, open_project
from orchestrator.config.catalogue import Stage, Unit
from orchestrator.report.tables import Column
from orchestrator.run.disposable.stages import expired, expiry_note, today_utc


@command
def list_units(
    common: Common,
    targets: Targets = None,
    exclude: Exclude = None,
    changed: Changed = None,
    versions: Annotated[bool, typer.Option("--versions", help="Show module versions.")] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Show why each unit is selected: changed files, an upstream, or a target.")
    ] = False,
    matrix: Annotated[
        str | None,
        typer.Option(
            "--matrix",
            metavar="account|stage",
            help="Print a CI job matrix as JSON: one job for each account, to plan, or for each stage, to apply.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """List units.

    Lists all units if no TARGET is given.
    """
    project = open_project(common, offline=True)
    ids = project.select_or_all(targets, exclude=exclude, changed=changed)
    units = [project.catalogue.units[id_] for id_ in ids]
    if matrix is not None:
        check_choice("--matrix", matrix, ("account", "stage"))
        jobs = _account_jobs(units) if matrix == "account" else _stage_jobs(units)
        write(json.dumps({"include": jobs}) + "\n")
        return 0
    rows = [_row(project, unit, versions=versions) for unit in units]
    columns = [Column("unit"), Column("account"), Column("region"), Column("module")]
    if versions:
        columns.append(Column("version"))
    columns += [Column("set_by", detail=True), Column("state", detail=True), Column("upstreams", wrap=True)]
    if why:
        reasons = project.why(ids, targets, changed=changed)
        rows = [{**row, "why": reasons[row["unit"]]} for row in rows]
        columns[-1:] = [Column("why", wrap=True)]
    if not rows and not common.json:
        print_progress(common, f"No selected unit differs from {changed}." if changed else "There are no units yet.")
    print_rows(common, "list", rows, columns)
    for stage in _expired(project, units):
        print_progress(common, f"note: stage {stage.name} {expiry_note(stage)}")
    return 0


def _expired(project: Project, units: Sequence[Unit]) -> list[Stage]:
    """Return the stages of units whose last day is over."""
    stages = [stage for stage in project.catalogue.stages.values() if expired(stage, today_utc())]
    return [stage for stage in stages if any(unit.stage == stage.name for unit in units)]


def _row(project: Project, unit: Unit, *, versions: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "unit": unit.id,
        "account": unit.account,
        "region": unit.region,
        "module": project.module_of(unit),
    }
    if versions:
        row["version"] = unit.module.version
    row["set_by"] = str(unit.at)
    row["state"] = project.catalogue.account_of(unit).state_url(unit.state_key)
    row["upstreams"] = list(project.graph.upstreams(unit.id))
    return row


def _account_jobs(units: Sequence[Unit]) -> list[dict[str, str]]:
    """Return the jobs of a GitHub Actions matrix: account and the targets of ``orch plan``."""
    return [
        {"account": name, "targets": " ".join(unit.id for unit in units if unit.account == name)}
        for name in sorted({unit.account for unit in units})
    ]


def _stage_jobs(units: Sequence[Unit]) -> list[dict[str, str]]:
    """Return the jobs of a GitHub Actions matrix: stage and the targets of ``orch apply``, upstreams first.

    A stage is applied as a whole, so that a job of a newer commit does what an older one, which it replaced, would have
    done. Stacks of accounts are units. ``orch bootstrap`` applies baselines.
    """
    targets: dict[str, list[str]] = {}
    for unit in units:
        if not unit.baseline:
            targets.setdefault(unit.stage, []).append(unit.id if unit.of_account else unit.stage)
    return [{"stage": stage, "targets": " ".join(dict.fromkeys(names))} for stage, names in targets.items()]
