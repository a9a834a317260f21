"""Item 2: a user pool inside a CloudFormation stack; Terraform shows only an update of the stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.catalogue import BASELINE
from tests.support.escapes import World

pytestmark = pytest.mark.integration
AGAINST = "sly author"

MODULE = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
variable "name" {
  description = "Name of the stack."
  type        = string
}
resource "aws_cloudformation_stack" "this" {
  name          = var.name
  template_body = file("${path.module}/template.json")
  lifecycle {
    prevent_destroy = true
  }
}
output "pool" {
  description = "Id of the pool in the stack."
  value       = aws_cloudformation_stack.this.outputs["Pool"]
}
"""
POOL = {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": "in-a-stack", "DeletionProtection": "ACTIVE"}}
TEMPLATE: dict[str, Any] = {
    "Resources": {"Pool": POOL, "Queue": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"Pool": {"Value": {"Ref": "Pool"}}},
}
ACTIONS = """\
  plan_actions: ["cloudformation:Describe*", "cloudformation:Get*", "cloudformation:List*"]
  apply_actions: ["cloudformation:*"]
"""
FILES = {
    "modules/users_stack/main.tf": MODULE,
    "modules/users_stack/template.json": json.dumps(TEMPLATE),
    "live/stacks/users.yaml": "module: users_stack\nnames: true\n",
    "live/stacks/baseline.yaml": BASELINE + ACTIONS,
    "live/stages/prod.yaml": "account: main\nstacks:\n  identity:\n  users:\n",
}


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(files=FILES)


def dropped() -> dict[str, Any]:
    return {"Resources": {"Queue": TEMPLATE["Resources"]["Queue"]}, "Outputs": {"Pool": {"Value": "gone"}}}


def renamed() -> dict[str, Any]:
    return {
        "Resources": {"Users": POOL, "Queue": TEMPLATE["Resources"]["Queue"]},
        "Outputs": {"Pool": {"Value": {"Ref": "Users"}}},
    }


def behind_a_condition() -> dict[str, Any]:
    never = {"Never": {"Fn::Equals": ["a", "b"]}}
    return {
        **TEMPLATE,
        "Conditions": never,
        "Resources": {**TEMPLATE["Resources"], "Pool": {**POOL, "Condition": "Never"}},
    }


def way(words: str) -> pytest.MarkDecorator:
    return pytest.mark.way(words, item="2")


@pytest.mark.parametrize(
    ("template", "cause"),
    [
        pytest.param(dropped(), "no longer in the template", marks=way("CloudFormation template drops a pool")),
        pytest.param(renamed(), "no longer in the template", marks=way("CloudFormation logical id renamed")),
        pytest.param(
            behind_a_condition(), "Condition would be false", marks=way("CloudFormation condition that never holds")
        ),
    ],
)
def test_a_template_that_loses_the_pool_is_stopped(world: World, template: dict[str, Any], cause: str) -> None:
    pool = world.attempt("output", "prod/users", "pool", "--raw", code=0).out.strip()
    cognito = world.account.client("cognito-idp")
    if not cognito.list_users(UserPoolId=pool)["Users"]:
        cognito.admin_create_user(UserPoolId=pool, Username="ada", MessageAction="SUPPRESS")
    world.write("modules/users_stack/template.json", json.dumps(template))
    result = world.attempt("apply", "prod/users", "--yes", "--json")
    address = "aws_cloudformation_stack.this/Pool"
    finding = world.assert_blocked(result, rule="ORCH_TEMPLATE", address=address, unit="prod/users")
    assert cause in finding["cause"]
    changes = {change["address"]: change["action"] for change in result.units()["prod/users"]["changes"]}
    assert changes == {"aws_cloudformation_stack.this": "update"}, "that is all that Terraform says"
    assert [user["Username"] for user in cognito.list_users(UserPoolId=pool)["Users"]] == ["ada"]
    assert cognito.describe_user_pool(UserPoolId=pool)["UserPool"]["DeletionProtection"] == "ACTIVE"
    world.assert_alive()
