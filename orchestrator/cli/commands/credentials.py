"""``orch credentials``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.aws.identity.export import credential_process_json, shell_environment
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import OneAccount, check_choice
from orchestrator.cli.project import open_project
from orchestrator.errors import UsageError
from orchestrator.util.streams import write_stdout

_ROLES = {"plan": Role.PLAN, "apply": Role.APPLY}


@command_without_details
def credentials(
    common: Common,
    account: OneAccount,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="Role to assume: plan or apply.")] = "plan",
    format_: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="env: export lines for a shell; json: for credential_process."),
    ] = "env",
) -> int:
    """Print temporary credentials for an account.

    For example: eval "$(orch credentials production)"
    """
    check_choice("--role", role, _ROLES)
    format_ = "json" if common.json else format_
    check_choice("--format", format_, ("env", "json"))
    project = open_project(common)
    name = project.account(account).name
    with open_aws(common, project.catalogue) as aws:
        if aws.temporary:
            message = "no emulator is running; credentials require one that keeps running"
            raise UsageError(message, hint="run `orch emulator start`, then `orch bootstrap`")
        identities = Identities(project.catalogue, aws.emulator)
        if format_ == "json":
            text = credential_process_json(identities, name, _ROLES[role])
        else:
            folder = project.catalogue.root / ".orch" / "credentials"
            text = shell_environment(folder, project.catalogue, identities, name, _ROLES[role])
    write_stdout(text.rstrip("\n") + "\n")
    return 0
