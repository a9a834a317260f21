"""``orch drift``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Common, command
from orchestrator.cli.options import Changed, Exclude, ExecutorName, FailFast, Parallelism, Scheduler, Targets, Timeout
from orchestrator.cli.output import print_nothing_changed, print_report
from orchestrator.cli.project import open_project
from orchestrator.cli.session import ready_session
from orchestrator.run.drift import drift_units
from orchestrator.run.request import THREADED, RunOptions


@command
def drift(
    common: Common,
    targets: Targets = None,
    exclude: Exclude = None,
    changed: Changed = None,
    parallelism: Parallelism = None,
    fail_fast: FailFast = False,
    timeout: Timeout = None,
    executor: ExecutorName = THREADED,
    scheduler: Scheduler = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 0: no drift, 1: error, 2: drift, 3: blocked.")
    ] = False,
) -> int:
    """Show changes made outside of orch.

    Compares what exists in AWS with the state, and exits with 3 if a protected resource differs.
    """
    options = RunOptions.parse(
        targets,
        exclude=exclude,
        changed=changed,
        parallelism=parallelism,
        fail_fast=fail_fast,
        timeout=timeout,
        executor=executor,
        scheduler=scheduler,
    )
    request = open_project(common).request("drift", options)
    if not request.selected:
        return print_nothing_changed(common, "drift", options)
    with ready_session(common, request) as session:
        reports = list(drift_units(session.context, executor=session.executor).values())
        print_report(common, session.finish(reports))
    return session.exit_code(detailed=detailed_exitcode)
