"""Verbs about states and their locks: unlock, move, adopt."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Common
from orchestrator.cli.options import DryRun, LockTimeout, OneUnit, Yes, verb
from orchestrator.run.request import parse_duration

State = Annotated[
    str, typer.Option("--state", metavar="URL", help="The state: s3://BUCKET/KEY or a file.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""

    @verb(app, "unlock")
    def unlock(common: Common, unit: OneUnit, yes: Yes = False) -> int:
        """Show who holds a unit's state, and since when; then ask, and release that lock and no other."""
        from orchestrator.cli.commands.unlock import run

        return run(common, unit, yes=yes)

    @verb(app, "move")
    def move(
        common: Common,
        source: Annotated[str, typer.Argument(metavar="FROM", help="STAGE, STACK, UNIT or UNIT:ADDRESS.")],
        target: Annotated[str, typer.Argument(metavar="TO", help="Its new name.")],
        dry_run: DryRun = False,
        lock_timeout: LockTimeout = "0s",
        yes: Yes = False,
    ) -> int:
        """Rename a unit, a stage or a stack with its states, or move one resource. Names in AWS stay."""
        from orchestrator.cli.commands.move import run

        return run(
            common, source, target, dry_run=dry_run, yes=yes, wait=parse_duration(lock_timeout, "--lock-timeout")
        )

    @verb(app, "adopt")
    def adopt(
        common: Common,
        unit: OneUnit,
        state: State,
        dry_run: DryRun = False,
        lock_timeout: LockTimeout = "0s",
        yes: Yes = False,
    ) -> int:
        """Take over what another Terraform or Terragrunt has made: its state becomes the unit's. It is not changed."""
        from orchestrator.cli.commands.adopt import run

        return run(common, unit, state, dry_run=dry_run, yes=yes, wait=parse_duration(lock_timeout, "--lock-timeout"))
