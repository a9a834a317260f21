"""The resources of a unit before there is a plan: what the files determine, and what they leave open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.load import load
from orchestrator.guard.modules.created import CreatedResource, created_resources
from orchestrator.hcl.modules.read import local_closure
from orchestrator.hcl.modules.scanned import scan_modules
from tests.support.project import Project

VARIABLES = """\
variable "given" {
  type    = any
  default = null
}
variable "kept" {
  type     = string
  default  = "default"
  nullable = false
}
"""


def created(tmp_path: Path, body: str, inputs: str = "{}", **modules: str) -> dict[str, CreatedResource]:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("modules/m/variables.tf", VARIABLES)
    made.write("modules/m/main.tf", body)
    for name, text in modules.items():
        made.write(f"modules/{name}/main.tf", text)
    made.write("live/stacks/m.yaml", f"module: m\ninputs: {inputs}\n")
    made.write("live/stacks/box.yaml", "module: box\n")
    made.write("live/stages/prod.yaml", "account: main\nstacks: {box: , m: }\n")
    catalogue = load(made.root)
    unit = catalogue.units["prod/m"]
    assert unit.module.path is not None
    module = scan_modules(local_closure(unit.module.path, made.root), made.root)[0]
    return {each.change.address: each for each in created_resources(catalogue, unit, module)}


@pytest.mark.parametrize(
    ("expression", "inputs", "value"),
    [
        ("var.given", "{given: {a: [1, x]}}", {"a": [1, "x"]}),
        ("var.given.a[1]", "{given: {a: [1, x]}}", "x"),
        ('"${var.kept}-${1}-${true}"', "{}", "default-1-true"),
        ("var.kept", "{kept: null}", "default"),
        ('var.given == null ? "a" : "b"', "{}", "open"),
        ('var.given ? "a" : "b"', "{given: true}", "a"),
        ("local.b", "{given: 7}", {"x": 7}),
        ("merge({a = 1}, {b = var.given})", "{given: 2}", {"a": 1, "b": 2}),
        ("concat([1], var.given)", "{given: [2]}", [1, 2]),
        ("concat([1], var.given)", "{given: text}", "open"),
        ('coalesce(var.given, "x")', "{}", "x"),
        ('jsonencode({a = [1, "x"]})', "{}", '{"a":[1,"x"]}'),
        ("var.given", "{given: '${{ box.id }}'}", "open"),
        ('"a-${var.given}"', "{given: 'b-${{ box.id }}'}", "open"),
        ("[for x in var.given : x]", "{given: [1]}", "open"),
        ("file(var.kept)", "{}", "open"),
        ("data.aws_region.this.id", "{}", "open"),
        ("aws_x.other.id", "{}", "later"),
        ("aws_x.other.name", "{}", "open"),
        ("local.circle", "{}", "open"),
        ("var.given.nothere", "{given: {a: 1}}", "open"),
    ],
)
def test_the_value_of_an_attribute(tmp_path: Path, expression: str, inputs: str, value: Any) -> None:
    body = f"""\
locals {{
  a = var.given
  b = {{ x = local.a }}
  circle = local.circle
}}
data "aws_region" "this" {{}}
resource "aws_x" "other" {{}}
resource "aws_x" "this" {{
  v = {expression}
}}
"""
    found = created(tmp_path, body, inputs)["module.this.aws_x.this"]
    assert found.determined is (value != "open")
    if value in ("open", "later"):
        assert found.change.after == {}
        assert found.change.after_unknown == {"v": True, "id": True}
    else:
        assert found.change.after == {"v": value}


def test_instances_blocks_and_modules(tmp_path: Path) -> None:
    body = """\
resource "aws_x" "none" { count = 0 }
resource "aws_x" "two" {
  count = 2
  n     = count.index
}
resource "aws_x" "some" {
  count = var.given == 1 ? 1 : 0
}
resource "aws_x" "each" {
  for_each = { a = 1, b = 2 }
  v        = "${each.key}${each.value}"
  rule {
    id = "fixed"
  }
  dynamic "rule" {
    for_each = ["x", "y"]
    content {
      id = rule.value
    }
  }
  dynamic "other" {
    for_each = var.given
    content {}
  }
}
module "inner" {
  source   = "../inner"
  for_each = toset(["k"])
  word     = each.key
}
"""
    inner = (
        'variable "word" {}\nresource "aws_y" "this" {\n  word = var.word\n  lifecycle { prevent_destroy = true }\n}\n'
    )
    found = created(tmp_path, body, inner=inner)
    assert {name.removeprefix("module.this."): each.change.after for name, each in found.items()} == {
        "aws_x.two[0]": {"n": 0},
        "aws_x.two[1]": {"n": 1},
        "aws_x.some[0]": {},
        'aws_x.each["a"]': {"v": "a1", "rule": [{"id": "fixed"}, {"id": "x"}, {"id": "y"}], "other": []},
        'aws_x.each["b"]': {"v": "b2", "rule": [{"id": "fixed"}, {"id": "x"}, {"id": "y"}], "other": []},
        'module.inner["k"].aws_y.this': {"word": "k"},
    }
    assert {name for name, each in found.items() if not each.determined} == {"module.this.aws_x.some[0]"}
