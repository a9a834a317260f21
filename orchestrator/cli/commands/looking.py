"""Verbs that look and change nothing: list, graph, show, output, runs, verify, check."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.completion import complete_unit
from orchestrator.cli.context import Common
from orchestrator.cli.options import Accounts, Changed, Exclude, OneUnit, Targets, verb


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""

    @verb(app, "list")
    def list_(
        common: Common,
        targets: Targets = None,
        exclude: Exclude = None,
        changed: Changed = None,
        versions: Annotated[bool, typer.Option("--versions", help="Show module versions.")] = False,
        matrix: Annotated[
            str | None,
            typer.Option("--matrix", metavar="account", help="JSON for a CI's job matrix, one entry an account."),
        ] = None,
    ) -> int:
        """List units: account, region, module. Without TARGET all of them."""
        from orchestrator.cli.commands.list import run

        return run(common, targets or [], exclude or [], changed, versions=versions, matrix=matrix)

    @verb(app, "graph")
    def graph(
        common: Common,
        targets: Targets = None,
        exclude: Exclude = None,
        changed: Changed = None,
        format_: Annotated[str, typer.Option("--format", help="tree, mermaid, dot or json.")] = "tree",
    ) -> int:
        """Show the order of units. Without TARGET of all of them."""
        from orchestrator.cli.commands.graph import run

        return run(common, targets or [], exclude or [], changed, format_=format_)

    @verb(app, "show")
    def show(
        common: Common,
        what: Annotated[
            str,
            typer.Argument(
                metavar="UNIT|RUN|FINDING",
                help="STAGE/STACK[@REGION], the id of a run, or of a finding.",
                autocompletion=complete_unit,
                show_default=False,
            ),
        ],
        root: Annotated[bool, typer.Option("--root", help="Render the unit's Terraform root and print where.")] = False,
    ) -> int:
        """Show a unit (inputs with file and line, state, last run), a run with its receipts, or explain a finding."""
        from orchestrator.cli.commands.show import run

        return run(common, what, root=root)

    @verb(app, "output")
    def output(
        common: Common,
        unit: OneUnit,
        name: Annotated[str | None, typer.Argument(metavar="NAME", help="One output.", show_default=False)] = None,
        raw: Annotated[bool, typer.Option("--raw", help="The bare value, for scripts.")] = False,
    ) -> int:
        """Print a unit's outputs, read from its state."""
        from orchestrator.cli.commands.output import run

        return run(common, unit, name, raw=raw)

    @verb(app, "runs")
    def runs(
        common: Common,
        limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many, the newest first.")] = 20,
    ) -> int:
        """List past and interrupted runs of this machine: how they ended, what is done and what is left."""
        from orchestrator.cli.commands.runs import run

        return run(common, limit)

    @verb(app, "verify")
    def verify(
        common: Common,
        accounts: Accounts = None,
        since: Annotated[
            str | None,
            typer.Option(
                "--since", metavar="TIME", help="Look at nothing older: 2026-11-01, 14d, 12h.", show_default=False
            ),
        ] = None,
    ) -> int:
        """Compare the history of the accounts' states with receipts: exit 3 names what was written past orch."""
        from orchestrator.cli.commands.verify import run

        return run(common, accounts or [], since)

    @verb(app, "check")
    def check(
        common: Common,
        targets: Targets = None,
        exclude: Exclude = None,
        changed: Changed = None,
        fast: Annotated[bool, typer.Option("--fast", help="Leave out `terraform validate`.")] = False,
        base: Annotated[
            str | None,
            typer.Option(
                "--base",
                metavar="REV",
                help="Also tell what the policies lost since git's REV, e.g. origin/main; exit code 3 if anything.",
                show_default=False,
            ),
        ] = None,
    ) -> int:
        """Check catalogue, schemas, policies and rendered roots. Needs no AWS."""
        from orchestrator.cli.commands.check import run

        return run(common, targets or [], exclude or [], changed, fast=fast, base=base)
