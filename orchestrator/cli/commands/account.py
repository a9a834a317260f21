"""``orch account new`` and ``orch account list``."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import DryRun, check_choice
from orchestrator.cli.output import print_rows, write
from orchestrator.cli.project import open_project
from orchestrator.cli.write_live import write_live
from orchestrator.config.accounts_lock import counted, read_accounts_lock
from orchestrator.errors import UsageError
from orchestrator.report.tables import Column
from orchestrator.scaffold.answers import valid_account_id, valid_region
from orchestrator.scaffold.new_files import AccountAnswers, account_files


@command_without_details
def account_new(
    common: Common,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.", show_default=False)],
    email: Annotated[
        str | None,
        typer.Option(
            "--email",
            metavar="ADDRESS",
            help="Address of the root user of an account that does not exist yet. No other AWS account has it.",
            show_default=False,
        ),
    ] = None,
    organizational_unit: Annotated[
        str | None,
        typer.Option(
            "--ou",
            metavar="PATH",
            help="Organizational unit of the account, e.g. Workloads/Development.",
            show_default=False,
        ),
    ] = None,
    id_: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Id of an account that exists.", show_default=False),
    ] = None,
    access: Annotated[str, typer.Option("--access", metavar="ACCESS", help="restricted or open.")] = "restricted",
    region: Annotated[
        str | None,
        typer.Option("--region", help="Region of the account. Default: that of live/orch.yaml.", show_default=False),
    ] = None,
    dry_run: DryRun = False,
) -> int:
    """Write the file of an account.

    Its stacks have the baseline. `orch bootstrap` then creates the account in AWS Organizations, if it has no id.
    """
    project = open_project(common, offline=True)
    settings = project.catalogue.settings
    check_choice("--access", access, ("restricted", "open"))
    if email is None and id_ is None:
        message = f"is {name} an account that exists, or a new one?"
        raise UsageError(message, hint="pass --id ID for one that exists, or --email ADDRESS for a new one")
    if organizational_unit is not None and email is None:
        raise UsageError("--ou requires --email", hint="pass the address of the account's root user")
    if name in project.catalogue.accounts:
        message = f"there is an account {name} already"
        raise UsageError(message, where=project.catalogue.accounts[name].at, hint="choose another name")
    answers = AccountAnswers(
        name=name,
        id=None if id_ is None else valid_account_id(id_),
        email=email,
        organizational_unit=organizational_unit,
        restricted=access == "restricted",
        region=settings.region if region is None else valid_region(region),
        own_region=region is not None and region != settings.region,
    )
    write_live(
        common, project, "account new", account_files(project.catalogue.root, settings, answers), dry_run=dry_run
    )
    if not (dry_run or common.json or common.quiet):
        steps = "create the account, its state bucket and roles" if id_ is None else "make its state bucket and roles"
        write(f"\nNext:\n  orch bootstrap {name}  # {steps}\n")
    return 0


@command_without_details
def account_list(common: Common) -> int:
    """List accounts.

    Reads live/ only. Bootstrapped are the accounts that live/accounts.lock.yaml lists.
    """
    catalogue = open_project(common, offline=True).catalogue
    lock = counted(read_accounts_lock(catalogue.root), emulated=common.emulator)
    stages = Counter(stage.account for stage in catalogue.stages.values())
    rows = [
        {
            "account": account.name,
            "id": account.id if account.created else None,
            "access": "restricted" if account.restricted else "open",
            "region": account.region,
            "bootstrapped": account.name in lock,
            "stages": stages[account.name],
            "email": account.organization.email if account.organization is not None else None,
            "organizational_unit": account.organization.organizational_unit
            if account.organization is not None
            else None,
        }
        for account in catalogue.accounts.values()
    ]
    shown = [{**row, "id": row["id"] or "not created yet"} for row in rows]
    optional = ("stages", "email", "organizational_unit")
    columns = [Column(key, right=key == "stages", optional=key in optional) for key in rows[0]] if rows else []
    print_rows(common, "account list", rows if common.json else shown, columns)
    return 0
