"""``orch rehearse`` as a process: a real apply of base and head on an emulator of its own, with data in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.git import Git
from tests.support.project import Project

pytestmark = pytest.mark.integration

POOL = """\
variable "sign_in" {
  type = list(string)
}
variable "tier" {
  type    = string
  default = "a"
}
resource "aws_cognito_user_pool" "this" {
  name                = "people"
  username_attributes = var.sign_in
  deletion_protection = "ACTIVE"
  tags                = { Tier = var.tier }
  lifecycle {
    prevent_destroy = true
  }
}
output "id" {
  value = aws_cognito_user_pool.this.id
}
"""
TABLE = """\
variable "key" {
  type = string
}
resource "aws_dynamodb_table" "this" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = var.key
  attribute {
    name = var.key
    type = "S"
  }
}
"""
RISK = """\
variable "pool" {
  type = string
}
resource "aws_cognito_risk_configuration" "this" {
  user_pool_id = var.pool
  compromised_credentials_risk_configuration {
    actions {
      event_action = "BLOCK"
    }
  }
}
"""


def stacks(project: Project, **inputs: str) -> None:
    for name, text in inputs.items():
        project.write(f"live/stacks/{name}.yaml", text)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A merged repository with a pool, a table that its policies do not protect, and a pool of which nothing changes."""
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    for name, text in (("pool", POOL), ("table", TABLE), ("risk", RISK)):
        made.write(f"modules/{name}/main.tf", text)
    listed = made.root / "policies" / "protected.yaml"
    listed.write_text(re.sub(r"(?ms)^aws_dynamodb_table:\n.*?^(?=\w)", "", listed.read_text()))
    made.write("live/stages/prod.yaml", "account: main\nstacks: {identity: , other: , orders: }\n")
    stacks(
        made,
        identity="module: pool\ninputs: {sign_in: [email]}\n",
        other="module: pool\ninputs: {sign_in: [email]}\n",
        orders="module: table\ninputs: {key: id}\n",
    )
    made.write(".gitignore", ".orch/\n")
    git = Git(made.root)
    git.commit()
    git.publish()
    return made


def units(result: Any) -> dict[str, Any]:
    return {unit["unit"]: unit for unit in result["units"]}


def test_what_survives_what_is_blocked_what_is_lost_and_what_is_not_modeled(project: Project, tmp_path: Path) -> None:
    project.write("live/stages/prod.yaml", "account: main\nstacks: {identity: , other: , orders: , risk: }\n")
    stacks(
        project,
        identity="module: pool\ninputs: {sign_in: [email, phone_number]}\n",
        other="module: pool\ninputs: {sign_in: [email], tier: b}\n",
        orders="module: table\ninputs: {key: order}\n",
        risk="module: risk\ninputs: {pool: '${{ other.id }}'}\n",
    )
    secrets = {
        "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
        "AWS_SECRET_ACCESS_KEY": "x" * 40,
        "AWS_REGION": "eu-west-1",
    }
    result = project.orch(
        "rehearse", "prod", "--json", "--file", str(tmp_path / "all.md"), code=3, ORCH_AWS="", **secrets
    )
    print(project.orch("comment", result.json["run"], "--file", "-").out)
    print((tmp_path / "all.md").read_text())
    print(project.orch("show", result.json["run"]).out)
    print(project.orch("rehearse", "prod", "--dry-run").out)
    print(project.orch("rehearse", "prod", code=3).out)
    print(list(project.root.glob(".orch/runs/*/*")))
