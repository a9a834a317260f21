"""``orch apply``; the part for ``--resume`` is in ``resume.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import typer

from orchestrator.cli.approve import apply_planned
from orchestrator.cli.commands.approved import apply_approved, approved_place
from orchestrator.cli.commands.resume import resume_run
from orchestrator.cli.context import Common, command
from orchestrator.cli.options import (
    Approved,
    Changed,
    Exclude,
    ExecutorName,
    FailFast,
    LockTimeout,
    Parallelism,
    Replace,
    Scheduler,
    SetValues,
    Targets,
    Timeout,
    Yes,
    given_values,
)
from orchestrator.cli.output import print_next, print_nothing_changed
from orchestrator.cli.project import open_project
from orchestrator.cli.session import circumstances, ready_session
from orchestrator.config.nodes import PlainValue
from orchestrator.errors import UsageError
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.apply_rules import check_apply_allowed
from orchestrator.run.plan import plan_units
from orchestrator.run.replace import check_replaced_exist, check_single_unit
from orchestrator.run.request import THREADED, RunOptions
from orchestrator.terraform.model import Action


@command
def apply(
    common: Common,
    targets: Targets = None,
    exclude: Exclude = None,
    changed: Changed = None,
    parallelism: Parallelism = None,
    fail_fast: FailFast = False,
    timeout: Timeout = None,
    executor: ExecutorName = THREADED,
    scheduler: Scheduler = None,
    values: SetValues = None,
    lock_timeout: LockTimeout = "0s",
    replace: Replace = None,
    yes: Yes = False,
    approved: Approved = None,
    break_glass: Annotated[
        str | None,
        typer.Option(
            "--break-glass",
            metavar="REASON",
            help="Apply with the break-glass role, e.g. while CI is down. Plans are judged as usual.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue a past run as it was approved. TARGET is the run's id; default: the newest unfinished run.",
        ),
    ] = False,
) -> int:
    """Plan, judge and, once approved, apply.

    Asks once for all units. Each unit is applied as soon as its upstreams are done.
    """
    if resume:
        others = (exclude, changed, yes, replace, values, break_glass is not None, approved is not None)
        if len(targets or ()) > 1 or any(others):
            message = "--resume accepts only a run id, and no options that select, approve or set values"
            raise UsageError(message, hint="orch apply --resume [RUN]; `orch runs` lists the runs")
        limits = RunOptions.parse(
            None,
            parallelism=parallelism,
            fail_fast=fail_fast,
            timeout=timeout,
            lock_timeout=lock_timeout,
            executor=executor,
            scheduler=scheduler,
        )
        return resume_run(common, limits, next(iter(targets or ()), None))
    options = RunOptions.parse(
        targets,
        exclude=exclude,
        changed=changed,
        parallelism=parallelism,
        fail_fast=fail_fast,
        timeout=timeout,
        executor=executor,
        scheduler=scheduler,
        lock_timeout=lock_timeout,
        break_glass=break_glass,
        replace=replace,
    )
    return _apply(common, options, given_values(values), yes=yes, approved=approved)


def _apply(
    common: Common, options: RunOptions, given: Mapping[str, PlainValue], *, yes: bool, approved: str | None
) -> int:
    place = approved_place(approved, options) if approved is not None else None
    project = open_project(common, given=given)
    request = project.request("apply", options)
    if not request.selected:
        return print_nothing_changed(common, "apply", options)
    check_single_unit(request.selected, options.replace)
    asked = circumstances(common, yes=yes, break_glass=options.break_glass is not None)
    words = check_apply_allowed(project.catalogue, request.units, asked)
    with ready_session(common, request) as session:
        check_replaced_exist(session.context)
        if place is not None:
            apply_approved(common, session, place, words=words, yes=yes)
            return session.exit_code()
        planned = plan_units(session.context, executor=session.executor, preview_new=not yes, applies=True)
        reports = apply_planned(common, session, planned, words=words, yes=yes)
    code = session.exit_code()
    if code == 0:
        print_next(common, *_next_commands(reports))
    return code


def _next_commands(reports: Sequence[UnitReport]) -> Iterator[str]:
    """Yield the command that shows the outputs of a unit that was just created; nothing for several units."""
    made = [each for each in reports if each.status is Status.APPLIED]
    if len(made) == 1 and made[0].outputs_changed and made[0].count(Action.CREATE):
        yield f"orch output {made[0].unit}"
