"""A unit through its whole life, warm and cold: the same plans, the same states, the same resources in AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.terraform.commands import Root
from tests.support.emulator import Account
from tests.support.warm import PROVIDER, Pair, actions, aws_root, comparable_state, differences, plan_file, state_of

pytestmark = pytest.mark.integration

COMMON = (
    PROVIDER
    + """
provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = { stage = "test" }
  }
}

ephemeral "aws_ssm_parameter" "given" {
  arn = "arn:aws:ssm:eu-west-1:@account:parameter/given/secret"
}

check "given" {
  data "aws_ssm_parameter" "given" {
    name = "/given/plain"
  }

  assert {
    condition     = data.aws_ssm_parameter.given.insecure_value == "plain"
    error_message = "another value was given"
  }
}

output "urls" {
  value = { for name, area in module.areas : name => area.arns }
}

output "service" {
  value = provider::aws::arn_parse("arn:aws:sns:eu-west-1:@account:x").service
}
"""
)
BEFORE = {
    "main.tf": COMMON
    + """
module "areas" {
  source   = "./modules/area"
  for_each = { north = ["a", "b"], south = ["c"] }
  name     = each.key
  items    = each.value
}

resource "aws_ssm_parameter" "secret" {
  name             = "/unit/secret"
  type             = "SecureString"
  value_wo         = ephemeral.aws_ssm_parameter.given.value
  value_wo_version = 1
}

resource "aws_ssm_parameter" "old_name" {
  name  = "/unit/moved"
  type  = "String"
  value = "moved"
}

resource "aws_cloudwatch_log_group" "forgotten" {
  name = "/unit/forgotten"
}

resource "aws_sns_topic" "dropped" {
  name = "dropped"
}
""",
    "modules/area/main.tf": """
variable "name" {}
variable "items" {}

module "items" {
  source   = "../item"
  for_each = toset(var.items)
  name     = "${var.name}-${each.key}"
}

output "arns" {
  value = { for name, item in module.items : name => item.arn }
}
""",
    "modules/item/main.tf": """
variable "name" {}

resource "aws_ssm_parameter" "this" {
  name  = "/unit/${var.name}"
  type  = "String"
  value = "item ${var.name}"
}

output "arn" {
  value = aws_ssm_parameter.this.arn
}
""",
}
AFTER = {
    "main.tf": COMMON.replace('"plain"', '"something else"')
    + """
module "areas" {
  source   = "./modules/area"
  for_each = { north = ["a"], west = ["d"] }
  name     = each.key
  items    = each.value
}

resource "aws_ssm_parameter" "secret" {
  name             = "/unit/secret"
  type             = "SecureString"
  value_wo         = "${ephemeral.aws_ssm_parameter.given.value}, new"
  value_wo_version = 2
}

resource "aws_ssm_parameter" "new_name" {
  name        = "/unit/moved"
  type        = "String"
  value       = "moved and changed"
  description = "once called old_name"
}

resource "aws_ssm_parameter" "found" {
  name  = "/given/plain"
  type  = "String"
  value = "plain"
}

moved {
  from = aws_ssm_parameter.old_name
  to   = aws_ssm_parameter.new_name
}

removed {
  from = aws_cloudwatch_log_group.forgotten

  lifecycle {
    destroy = false
  }
}

import {
  to = aws_ssm_parameter.found
  id = "/given/plain"
}
""",
}
NORTH = 'module.areas["north"]'
KNOWN = frozenset({"aws_ssm_parameter", "aws_cloudwatch_log_group", "aws_sns_topic"})
"""The types in the state before the change, as orch reads them there."""


@dataclass(frozen=True, slots=True)
class World:
    """An account of its own, and the unit in it."""

    account: Account
    root: Root

    @classmethod
    def make(cls, emulator: Path, folder: Path) -> World:
        """The unit, with nothing applied, and what it finds in its account."""
        account = Account(emulator)
        ssm = account.client("ssm")
        ssm.put_parameter(Name="/given/secret", Value="s3cret", Type="SecureString")
        ssm.put_parameter(Name="/given/plain", Value="plain", Type="String")
        world = cls(account, aws_root(folder, {}, account))
        world.write(BEFORE)
        return world

    def write(self, files: Mapping[str, str]) -> None:
        """Change the unit's files."""
        for name, text in files.items():
            path = self.root.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("@account", self.account.id))

    def state(self) -> object:
        """The unit's state, comparable with another world's."""
        return comparable_state(self.root, self.account)

    def parameters(self) -> dict[str, str]:
        """Name and value of every parameter in the account."""
        pages = self.account.client("ssm").get_paginator("get_parameters_by_path")
        found = pages.paginate(Path="/", Recursive=True, WithDecryption=True)
        return {each["Name"]: each["Value"] for page in found for each in page["Parameters"]}

    def log_groups(self) -> list[str]:
        """The names of the log groups in the account."""
        return [each["logGroupName"] for each in self.account.client("logs").describe_log_groups()["logGroups"]]


def test_the_life_of_a_unit(emulator: Path, tmp_path: Path) -> None:
    """Each plan is compared on one root; each state with that of a second account, where everything is cold."""
    pair = Pair.make(tmp_path)
    ours, theirs = World.make(emulator, tmp_path / "ours"), World.make(emulator, tmp_path / "theirs")

    def cold(step: str, **options: Any) -> None:
        pair.plan(pair.cold, replace(theirs.root, types=KNOWN), "cold", **options)
        pair.apply(theirs.root, "cold", tool=pair.cold)
        assert not list(differences(ours.state(), theirs.state())), step
        assert ours.parameters() == theirs.parameters(), step

    # init
    pair.warm.init(ours.root, timeout=120)
    pair.cold.init(theirs.root, timeout=120)
    for name in (".terraform.lock.hcl", ".terraform/modules/modules.json"):
        assert (ours.root.folder / name).read_bytes() == (theirs.root.folder / name).read_bytes()

    # Create: planned warm, applied cold.
    created = pair.same_plan(ours.root)
    assert set(actions(created).values()) == {"create"}
    assert len(actions(created)) == 7
    pair.apply(ours.root, "warm", tool=pair.cold)
    cold("created")
    assert ours.parameters()["/unit/secret"] == "s3cret"

    # Nothing changed, and what a check says without a change.
    assert not actions(pair.same_plan(ours.root))

    # Update, moved, removed, import, -replace, keys that come and go, a type that is only in the state: planned cold,
    # applied warm.
    again = {"replace": [f'{NORTH}.module.items["a"].aws_ssm_parameter.this']}
    for world in (ours, theirs):
        world.write(AFTER)
    changed = pair.same_plan(replace(ours.root, types=KNOWN), **again)
    assert actions(changed) == {
        f'{NORTH}.module.items["a"].aws_ssm_parameter.this': "delete/create",
        f'{NORTH}.module.items["b"].aws_ssm_parameter.this': "delete",
        'module.areas["south"].module.items["c"].aws_ssm_parameter.this': "delete",
        'module.areas["west"].module.items["d"].aws_ssm_parameter.this': "create",
        "aws_cloudwatch_log_group.forgotten": "forget",
        "aws_sns_topic.dropped": "delete",
        "aws_ssm_parameter.found": "update",
        "aws_ssm_parameter.new_name": "update",
        "aws_ssm_parameter.secret": "update",
    }
    pair.apply(replace(ours.root, types=KNOWN), "cold")
    cold("changed", **again)
    assert ours.parameters()["/unit/secret"] == "s3cret, new"
    assert ours.log_groups() == ["/unit/forgotten"]

    # What changes nothing: the options of a plan, validate, show.
    ours.account.client("ssm").put_parameter(Name="/unit/moved", Value="drifted", Type="String", Overwrite=True)
    assert pair.same_plan(ours.root, refresh_only=True)["resource_drift"]
    assert pair.warm.validate(ours.root) == pair.cold.validate(ours.root)
    pair.warm.show_json(ours.root, plan_file(ours.root, "cold"), tmp_path / "warm.json")
    pair.cold.show_json(ours.root, plan_file(ours.root, "cold"), tmp_path / "cold.json")
    assert (tmp_path / "warm.json").read_bytes() == (tmp_path / "cold.json").read_bytes()

    # Destroy: planned and applied warm.
    assert set(actions(pair.same_plan(ours.root, destroy=True)).values()) == {"delete"}
    pair.apply(ours.root)
    assert state_of(ours.root)["resources"] == []
    assert list(ours.parameters()) == ["/given/secret"]
    assert pair.told == []
