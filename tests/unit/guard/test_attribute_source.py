"""The line that sets an attribute: through variables, locals, keys and module calls, or else the expression's own line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.nodes import Node, Ref
from orchestrator.errors import Location
from orchestrator.guard.attribute_source import AttributeSource, SourcePath
from orchestrator.terraform.model import Action, ResourceChange
from tests.support.plans import a_unit

STAGE = "live/stages/prod.yaml"
MAIN = """\
variable "memory" { type = number }
variable "timeout" {
  default = 3
}
variable "tags" { default = {} }
variable "tables" { type = map(object({ key = string, ttl = optional(number, 5) })) }
locals {
  limits = {
    memory = var.memory
    "disk" = 512
  }
}
resource "aws_lambda_function" "this" {
  name        = "x"
  memory_size = (var.memory)
  timeout     = var.timeout
  disk        = local.limits.disk
  limits      = local.limits
  size        = max(var.memory, 128)
  tags        = var.tags
  role        = var.role
  environment {
    variables = {
      MEMORY = var.memory
      PLAIN  = "y"
    }
    kind = "plain"
  }
  schema { name = "a" }
  schema { name = "b" }
  dynamic "rule" {
    for_each = var.tables
    content {
      days = rule.value.ttl
    }
  }
}
resource "aws_dynamodb_table" "this" {
  for_each = var.tables
  name     = each.key
  hash_key = each.value.key
  ttl      = each.value.ttl
  range    = each.value["key"]
}
module "inner" {
  for_each = var.tables
  source   = "./inner"
  memory   = var.memory
  key      = each.value.key
}
module "far" {
  source = "terraform-aws-modules/vpc/aws"
}
"""
INNER = """\
variable "memory" {}
variable "key" {}
variable "unset" {
  default = "z"
}
resource "aws_instance" "this" {
  memory = var.memory
  key    = var.key
  unset  = var.unset
}
"""


def at(line: int) -> Location:
    return Location(STAGE, line, 7)


INPUTS = {
    "memory": Node(512, at(17)),
    "tags": Node({"Owner": Node("platform", at(21)), "Team": Node("x", at(22))}, at(20)),
    "tables": Node({"users": Node({"key": Node("id", at(31))}, at(30))}, at(29)),
    "role": Node(Ref("prod/identity", "role", (), at(40)), at(40)),
}


def source(root: Path, address: str, *path: str | int, main: str = MAIN) -> str:
    """The line of an attribute of a resource of the unit with module ``modules/service``."""
    folder = root / "modules/service"
    (folder / "inner").mkdir(parents=True, exist_ok=True)
    (folder / "main.tf").write_text(main)
    (folder / "inner/main.tf").write_text(INNER)
    module, _, local = f"module.this.{address}".rpartition(".aws_")
    kind, _, name = f"aws_{local}".partition(".")
    fields: dict[str, Any] = {"action": Action.UPDATE, "before": {}, "after": {}, "mode": "managed", "provider": "aws"}
    change = ResourceChange(
        address=f"module.this.{address}", type=kind, name=name.split("[")[0], module_address=module, **fields
    )
    found = AttributeSource(a_unit(INPUTS, folder), root)(change, path)
    return f"{found.file}:{found.line}" if found else ""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("memory_size",), f"{STAGE}:17"),
        (("name",), "modules/service/main.tf:14"),
        (("timeout",), "modules/service/main.tf:3"),  # the default of a variable that no input sets
        (("disk",), "modules/service/main.tf:10"),
        (("limits", "memory"), f"{STAGE}:17"),
        (("limits", "disk"), "modules/service/main.tf:10"),
        (("limits", "other"), "modules/service/main.tf:8"),
        (("size",), "modules/service/main.tf:19"),  # the function decides: which argument, is not known
        (("tags", "Owner"), f"{STAGE}:21"),
        (("tags", "Gone"), "modules/service/main.tf:20"),
        (("tags",), f"{STAGE}:20"),
        (("role",), f"{STAGE}:40"),  # where the reference to the other unit is written
        (("environment", 0, "variables", "MEMORY"), f"{STAGE}:17"),
        (("environment", 0, "variables", "PLAIN"), "modules/service/main.tf:25"),
        (("environment", 0, "kind"), "modules/service/main.tf:27"),
        (("environment", 0), "modules/service/main.tf:22"),
        (("environment", 0, "gone"), ""),
        (("rule", 0, "days"), "modules/service/main.tf:34"),
        (("schema", 0, "name"), ""),  # one of two blocks
        (("arn",), ""),  # computed
        ((), ""),
    ],
)
def test_the_line_of_an_attribute(tmp_path: Path, path: SourcePath, place: str) -> None:
    assert source(tmp_path, "aws_lambda_function.this", *path) == place


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("hash_key",), f"{STAGE}:31"),
        (("range",), f"{STAGE}:31"),
        (("name",), f"{STAGE}:30"),
        (("ttl",), "modules/service/main.tf:42"),  # an optional attribute that the input does not set
    ],
)
def test_an_instance_is_followed_to_its_own_entry(tmp_path: Path, path: SourcePath, place: str) -> None:
    assert source(tmp_path, 'aws_dynamodb_table.this["users"]', *path) == place


@pytest.mark.parametrize(
    ("path", "place"),
    [(("memory",), f"{STAGE}:17"), (("key",), f"{STAGE}:31"), (("unset",), "modules/service/inner/main.tf:4")],
)
def test_module_calls_are_followed_up(tmp_path: Path, path: SourcePath, place: str) -> None:
    assert source(tmp_path, 'module.inner["users"].aws_instance.this', *path) == place


@pytest.mark.parametrize(
    "address", ["module.far.aws_vpc.this", "module.gone.aws_vpc.this", "aws_sqs_queue.gone", "data.aws_x.this"]
)
def test_what_is_not_here_has_no_line(tmp_path: Path, address: str) -> None:
    assert source(tmp_path, address, "name") == ""


def test_values_that_go_in_a_circle_end(tmp_path: Path) -> None:
    main = 'locals {\n  a = local.b\n  b = local.a\n}\nresource "aws_x" "this" {\n  name = local.a\n}\n'
    assert source(tmp_path, "aws_x.this", "name", main=main).startswith("modules/service/main.tf:")
