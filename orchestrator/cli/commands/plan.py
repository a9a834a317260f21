"""``orch plan``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace as replace_options
from typing import Annotated

import typer

from orchestrator.cli.commands.approved import keep_plans, place_to_keep
from orchestrator.cli.context import Common, command
from orchestrator.cli.options import (
    Changed,
    Exclude,
    ExecutorName,
    FailFast,
    IgnoreMissing,
    Out,
    Parallelism,
    Replace,
    Scheduler,
    SetValues,
    Store,
    Targets,
    Timeout,
    given_values,
)
from orchestrator.cli.output import print_nothing_changed, print_nothing_selected, print_report
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.session import ready_session
from orchestrator.report.comment.records import RunRecord
from orchestrator.run.approved.places import check_keys
from orchestrator.run.history.reports import run_record
from orchestrator.run.plan import plan_units
from orchestrator.run.replace import check_replaced_exist, check_single_unit
from orchestrator.run.request import THREADED, RunOptions, RunRequest


@command
def plan(
    common: Common,
    targets: Targets = None,
    exclude: Exclude = None,
    changed: Changed = None,
    ignore_missing: IgnoreMissing = False,
    parallelism: Parallelism = None,
    fail_fast: FailFast = False,
    timeout: Timeout = None,
    executor: ExecutorName = THREADED,
    scheduler: Scheduler = None,
    values: SetValues = None,
    replace: Replace = None,
    no_refresh: Annotated[
        bool,
        typer.Option(
            "--no-refresh",
            help="Plan from the state alone: faster, blind to changes made outside of orch, and never applied.",
        ),
    ] = False,
    store: Store = None,
    out: Out = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 0: no changes, 1: error, 2: changes, 3: blocked.")
    ] = False,
    comment: Annotated[
        bool,
        typer.Option("--comment", help="Post comment and checks on the CI's pull request, as `orch comment` does."),
    ] = False,
) -> int:
    """Show the changes that apply would make, and judge them."""
    options = RunOptions.parse(
        targets,
        exclude=exclude,
        changed=changed,
        parallelism=parallelism,
        fail_fast=fail_fast,
        timeout=timeout,
        executor=executor,
        scheduler=scheduler,
        replace=replace,
        refresh=not no_refresh,
    )
    place = place_to_keep(store, out, options)
    post = _poster(common) if comment else None
    project = open_project(common, given=given_values(values))
    if ignore_missing and options.targets:
        known = project.known(options.targets)
        if not known:
            return print_nothing_selected(common, "plan", options, "No target matches a unit.")
        options = replace_options(options, targets=known)
    request = project.request("plan", options)
    if not request.selected:
        code = print_nothing_changed(common, "plan", options)
        return post(None, _unaffected(project, request), code) if post else code
    check_single_unit(request.selected, options.replace)
    if place is not None:
        check_keys(request.catalogue, request.units, place)
    with ready_session(common, request) as session:
        check_replaced_exist(session.context)
        planned = plan_units(session.context, executor=session.executor)
        notes: tuple[str, ...] = ()
        if place is not None:
            planned, notes = keep_plans(session, planned, place)
        print_report(common, session.finish([each.report for each in planned.values()], notes))
    code = session.exit_code(detailed=detailed_exitcode)
    folders = session.context.run.folders
    return post(run_record(folders.root, folders.run), _unaffected(project, request), code) if post else code


def _unaffected(project: Project, request: RunRequest) -> tuple[str, ...]:
    """Return the stages that the targets name and of which ``--changed`` leaves no unit, without baselines alone."""
    options = request.options
    if options.changed is None:
        return ()
    named = project.select(options.targets or ("*",), exclude=options.exclude)
    left = {project.catalogue.units[id_].stage for id_ in request.selected}
    units = [project.catalogue.units[id_] for id_ in named]
    return tuple(sorted({unit.stage for unit in units if not unit.baseline} - left))


def _poster(common: Common) -> Callable[[RunRecord | None, Sequence[str], int], int]:
    """Return what posts a run and stages without a unit in it, and returns its exit code.

    That it can be posted is checked here, before the plan.

    Raises:
        UsageError: the run of the CI is not about a pull request.
        SetupError: there is no token, or the host's client is not installed.
    """
    from orchestrator.cli.commands.posting import plan_target, post_plan  # noqa: PLC0415 - slows the start of each plan

    place = plan_target()
    return lambda record, unaffected, code: post_plan(common, place, record, unaffected, code)
