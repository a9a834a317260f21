"""``orch plan --no-refresh``: a plan from the state alone, marked everywhere, and never applied."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.load import load
from orchestrator.emulator.info import read_info
from tests.support.project import Project

pytestmark = pytest.mark.integration

PARAMETER = """\
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
variable "value" {
  description = "What the parameter says."
  type        = string
}
resource "aws_ssm_parameter" "this" {
  name        = "/t/no-refresh"
  type        = "String"
  value       = var.value
  description = "as applied"
}
output "value" {
  description = "What the parameter says."
  value       = nonsensitive(aws_ssm_parameter.this.value)
}
"""


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("modules/parameter/main.tf", PARAMETER)
    made.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: }\n")
    made.write("live/stacks/first.yaml", "module: parameter\ninputs: {value: one}\n")
    made.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.value }}'}\n")
    made.ready()
    made.orch("apply", "prod", "--yes")
    return made


def records(project: Project, run: str) -> list[dict[str, Any]]:
    journal = project.root / ".orch" / "runs" / run / "journal.jsonl"
    return [json.loads(line) for line in journal.read_text().splitlines()]


def test_a_plan_without_refresh_is_judged_and_marked_and_never_applied(project: Project) -> None:
    identities = Identities(load(project.root), read_info(project.root / ".orch" / "emulator"))
    ssm = identities.client("ssm", "main", Role.APPLY)
    ssm.put_parameter(Name="/t/no-refresh", Value="one", Description="by hand", Overwrite=True)
    assert project.orch("plan", "prod/first", "--json").units()["prod/first"]["status"] == "planned"

    # The change made by hand is not seen, and every line about the unit says why.
    result = project.orch("plan", "prod/first", "--no-refresh", "--detailed-exitcode", "-v")
    assert "prod/first unchanged (without refresh)" in result.err
    assert "orch plan --no-refresh prod/first: nothing to do" in result.out
    assert "changes made outside of Terraform since the last apply are not seen" in " ".join(result.out.split())

    # With an upstream that changes, --changed and --replace: previews, and the same marks.
    project.write("live/stacks/first.yaml", "module: parameter\ninputs: {value: two}\n")
    result = project.orch("plan", "prod", "--no-refresh", "--json")
    report, units = result.json, result.units()
    assert (report["refresh"], [unit["refresh"] for unit in report["units"]]) == (False, [False, False])
    assert [(unit["status"], unit["preview"]) for unit in units.values()] == [("planned", False), ("planned", True)]
    (change,) = units["prod/first"]["changes"]
    assert "description" not in {attribute["path"] for attribute in change["attributes"]}
    replaced = project.orch(
        "plan", "prod/first", "--no-refresh", "--replace", "aws_ssm_parameter.this", "--json"
    ).units()["prod/first"]
    assert (replaced["counts"]["replace"], replaced["refresh"]) == (1, False)

    # Nothing of it can be applied.
    run = report["run"]
    assert not list((project.root / ".orch" / "runs" / run).rglob("receipts/**/*.json"))
    refused = project.orch("apply", "--resume", run, code=4)
    assert "planned without refresh (--no-refresh), and such plans are never applied" in " ".join(refused.err.split())
    assert "orch apply prod" in refused.err
    planned = [record for record in records(project, run) if record["event"] in {"run-started", "planned"}]
    assert [record["refresh"] for record in planned] == [False, False, False]
    shown = " ".join(project.orch("show", run).out.split())
    assert "orch plan --no-refresh prod" in shown
    assert "these plans are never applied" in shown
    assert project.orch("show", run, "--json").json["refresh"] is False
    assert "planned without refresh" in project.orch("runs").out
    assert "planned without refresh" in project.orch("show", "prod/first").out


def test_the_guard_judges_a_plan_without_refresh(project: Project) -> None:
    with (project.root / "policies/protected.yaml").open("a") as file:
        file.write(
            "\nterraform_data:\n  lost: all that was put into it\n  severity: data\n  delete_apis: ['none:Delete']\n"
        )
    result = project.orch("plan", "prod/second", "--no-refresh", "--replace", "terraform_data.this", "--json", code=3)
    unit = result.units()["prod/second"]
    assert (unit["status"], unit["refresh"]) == ("blocked", False)
    assert [finding["rule"] for finding in unit["findings"]] == ["ORCH_PROTECTED"]
