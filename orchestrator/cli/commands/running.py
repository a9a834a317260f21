"""Verbs that run Terraform over a selection: plan, apply, destroy."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Common
from orchestrator.cli.options import (
    Changed,
    Exclude,
    FailFast,
    LockTimeout,
    Replace,
    Slots,
    Targets,
    Timeout,
    Yes,
    verb,
)
from orchestrator.errors import UsageError
from orchestrator.run.request import RunOptions


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""

    @verb(app, "plan")
    def plan(
        common: Common,
        targets: Targets = None,
        exclude: Exclude = None,
        changed: Changed = None,
        slots: Slots = None,
        fail_fast: FailFast = False,
        timeout: Timeout = None,
        detailed_exitcode: Annotated[
            bool, typer.Option("--detailed-exitcode", help="0 nothing to do, 2 changes, 1 any error, 3 blocked.")
        ] = False,
        replace: Replace = None,
    ) -> int:
        """Show what apply would do, unit by unit, and judge it. Changes nothing."""
        from orchestrator.cli.commands.plan import run

        options = RunOptions.parse(
            targets,
            exclude=exclude,
            changed=changed,
            parallelism=slots,
            fail_fast=fail_fast,
            timeout=timeout,
            replace=replace,
        )
        return run(common, options, detailed_exitcode=detailed_exitcode)

    @verb(app, "drift")
    def drift(
        common: Common,
        targets: Targets = None,
        exclude: Exclude = None,
        changed: Changed = None,
        slots: Slots = None,
        fail_fast: FailFast = False,
        timeout: Timeout = None,
        detailed_exitcode: Annotated[
            bool, typer.Option("--detailed-exitcode", help="0 as the state says, 2 changes, 1 any error, 3 blocked.")
        ] = False,
    ) -> int:
        """Show what changed outside: by hand, by another tool. Exit code 3 where something protected did."""
        from orchestrator.cli.commands.drift import run

        options = RunOptions.parse(
            targets, exclude=exclude, changed=changed, parallelism=slots, fail_fast=fail_fast, timeout=timeout
        )
        return run(common, options, detailed_exitcode=detailed_exitcode)

    @verb(app, "apply")
    def apply(
        common: Common,
        targets: Targets = None,
        exclude: Exclude = None,
        changed: Changed = None,
        slots: Slots = None,
        fail_fast: FailFast = False,
        timeout: Timeout = None,
        lock_timeout: LockTimeout = "0s",
        yes: Yes = False,
        break_glass: Annotated[
            str | None,
            typer.Option(
                "--break-glass",
                metavar="REASON",
                help="Apply under the break-glass role, for the day when CI is down. Judged like any other.",
                show_default=False,
            ),
        ] = None,
        replace: Replace = None,
        resume: Annotated[
            bool,
            typer.Option(
                "--resume",
                help="Go on with what a past run had approved: the TARGET is its id; default: the newest run that was "
                "interrupted or cut off.",
            ),
        ] = False,
    ) -> int:
        """Plan, judge, show, ask once, apply: each unit the moment its upstreams are done."""
        from orchestrator.cli.commands.apply import run

        if resume:
            from orchestrator.cli.commands.resume import run as go_on

            if len(targets or ()) > 1 or exclude or changed or yes or replace or break_glass is not None:
                message = "--resume goes on with one past run, as it was approved"
                raise UsageError(message, hint="orch apply --resume [RUN]; `orch runs` lists the runs")
            options = RunOptions.parse(
                None, parallelism=slots, fail_fast=fail_fast, timeout=timeout, lock_timeout=lock_timeout
            )
            return go_on(common, options, next(iter(targets or ()), None))
        options = RunOptions.parse(
            targets,
            exclude=exclude,
            changed=changed,
            parallelism=slots,
            fail_fast=fail_fast,
            timeout=timeout,
            lock_timeout=lock_timeout,
            break_glass=break_glass,
            replace=replace,
        )
        return run(common, options, yes=yes)

    @verb(app, "destroy")
    def destroy(
        common: Common,
        targets: Targets = None,
        exclude: Exclude = None,
        slots: Slots = None,
        fail_fast: FailFast = False,
        timeout: Timeout = None,
        lock_timeout: LockTimeout = "0s",
        yes: Yes = False,
        orphans: Annotated[
            bool,
            typer.Option("--orphans", help="TARGET is a stage or unit that is no longer in live/: what is left of it."),
        ] = False,
    ) -> int:
        """Destroy units, downstreams first. What is protected stays: the guard judges this like any plan."""
        options = RunOptions.parse(
            targets,
            exclude=exclude,
            parallelism=slots,
            fail_fast=fail_fast,
            timeout=timeout,
            lock_timeout=lock_timeout,
        )
        if orphans:
            from orchestrator.cli.commands.destroy_orphans import run as run_orphans

            return run_orphans(common, options, yes=yes)
        from orchestrator.cli.commands.destroy import run

        return run(common, options, yes=yes)
