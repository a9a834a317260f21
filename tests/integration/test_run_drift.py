"""``orch drift``: what was changed past Terraform, found by the real provider on the emulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.load import load
from orchestrator.emulator.info import read_info
from tests.support.project import Project, Result

pytestmark = pytest.mark.integration

TABLES = "module: table\ninputs: {tables: {users: {hash_key: {name: id}}}}\n"
# Made at once; a queue takes the provider 25 s.
PARAMETER = """\
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_ssm_parameter" "this" {
  name        = "/t/drift"
  type        = "String"
  value       = "one"
  description = "as applied"
}
"""


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.module("table")
    made.write("modules/parameter/main.tf", PARAMETER)
    made.write("live/stages/prod.yaml", "account: main\nstacks: {data: , tasks: , later: }\n")
    made.write("live/stacks/data.yaml", TABLES)
    made.write("live/stacks/tasks.yaml", "module: parameter\n")
    made.write("live/stacks/later.yaml", "module: box\n")
    made.ready()
    made.orch("apply", "prod", "--exclude", "prod/later", "--yes")
    return made


def by_hand(project: Project, service: str) -> Any:
    """A client in the account, past Terraform."""
    identities = Identities(load(project.root), read_info(project.root / ".orch" / "emulator"))
    return identities.client(service, "main", Role.APPLY)


def looked(project: Project, *arguments: str, code: int) -> tuple[Result, dict[str, dict[str, Any]]]:
    result = project.orch("drift", *arguments, "--json", code=code)
    return result, result.units()


def test_drift_tells_what_was_changed_by_hand_and_changes_nothing(project: Project) -> None:
    result, units = looked(project, "prod", "--detailed-exitcode", code=0)
    assert result.json["verb"] == "drift"
    assert result.json["outcome"] == "nothing to do"
    assert {name: unit["status"] for name, unit in units.items()} == dict.fromkeys(units, "unchanged")
    assert units["prod/later"]["cause"] == "nothing there"

    # something that is not protected
    by_hand(project, "ssm").put_parameter(Name="/t/drift", Value="one", Description="by hand", Overwrite=True)
    _, units = looked(project, "prod/tasks", code=0)
    assert units["prod/tasks"]["status"] == "changed outside"
    (change,) = units["prod/tasks"]["changes"]
    assert change["address"] == "aws_ssm_parameter.this"
    differs = {each["path"]: (each["before"], each["after"]) for each in change["attributes"]}
    assert differs == {"description": ('"as applied"', '"by hand"'), "version": ("1", "2")}
    looked(project, "prod/tasks", "--detailed-exitcode", code=2)

    # protection, switched off by hand
    dynamodb = by_hand(project, "dynamodb")
    (table,) = dynamodb.list_tables()["TableNames"]
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    shown = project.orch("drift", "prod/data", code=3).text
    assert "deletion_protection_enabled changed from True to False" in shown
    _, units = looked(project, "prod", "--detailed-exitcode", code=3)
    assert units["prod/data"]["status"] == "blocked"
    (finding,) = units["prod/data"]["findings"]
    assert (finding["rule"], finding["action"]) == ("ORCH_WEAKENED", "update")
    assert finding["address"] == 'aws_dynamodb_table.this["users"]'
    assert finding["hint"] == "undo the manual change: orch apply prod/data restores the configured value"
    described = dynamodb.describe_table(TableName=table)["Table"]
    assert described["DeletionProtectionEnabled"] is False, "drift looks, and mends nothing"

    # gone
    dynamodb.delete_table(TableName=table)
    _, units = looked(project, "prod/data", code=3)
    (finding,) = units["prod/data"]["findings"]
    assert (finding["rule"], finding["action"]) == ("ORCH_VANISHED", "delete")
    assert "every item" in finding["lost"]
    assert "no longer exists" in finding["message"]
