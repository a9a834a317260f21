"""``orch credentials``."""

from __future__ import annotations

import sys

from orchestrator.aws.identity.credentials import env_text, json_text
from orchestrator.aws.identity.roles import Identities, Role
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common
from orchestrator.cli.project import open_project
from orchestrator.errors import UsageError

ROLES = {"plan": Role.PLAN, "apply": Role.APPLY}
FORMATS = ("env", "json")


def run(common: Common, account: str, *, role: str, format_: str) -> int:
    """Print what a person's shell needs to work in an account."""
    if role not in ROLES:
        message = f"--role {role!r} is not known"
        raise UsageError(message, hint="one of " + ", ".join(ROLES))
    format_ = "json" if common.json else format_
    if format_ not in FORMATS:
        message = f"--format {format_!r} is not known"
        raise UsageError(message, hint="one of " + ", ".join(FORMATS))
    project = open_project(common)
    name = project.account(account).name
    with open_aws(common, project.catalogue) as aws:
        if aws.temporary:
            message = "no emulator is running, and the one started now ends with this command"
            raise UsageError(message, hint="orch emulator start, then orch bootstrap")
        identities = Identities(project.catalogue, aws.emulator)
        if format_ == "json":
            text = json_text(identities, name, ROLES[role])
        else:
            folder = project.catalogue.root / ".orch" / "credentials"
            text = env_text(folder, project.catalogue, identities, name, ROLES[role])
    sys.stdout.write(text.rstrip("\n") + "\n")
    return 0
