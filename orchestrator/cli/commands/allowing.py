"""The verb by which people allow what the guard forbids: waive."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Common
from orchestrator.cli.options import verb


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @verb(app, "waive")
    def waive(
        common: Common,
        finding: Annotated[str, typer.Argument(metavar="FINDING", help="The id that a report shows, ten digits.")],
        reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it may be lost.")],
        owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Who allows it: a name in owners.yaml.")],
        expires: Annotated[
            str, typer.Option("--expires", metavar="DATE|DAYS", help="The last day that it counts, at most 14 ahead.")
        ] = "7",
        plan: Annotated[bool, typer.Option("--plan", help="Only for the very plan that was judged.")] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, write nothing.")] = False,
    ) -> int:
        """Write a waiver for one finding into policies/waivers.yaml. It counts once its owner has merged it."""
        from orchestrator.cli.commands.waive import WaiverRequest, run

        return run(common, WaiverRequest(finding, reason, owner, expires, plan, dry_run))
