from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.terraform.plan.unknowns import upstream_marks
from tests.support.terraform import make_root, make_terraform

pytestmark = pytest.mark.integration

FILES = {
    "main.tf": """
locals {
  upstream = { pool = jsondecode(terraform_data.not_applied_yet.id), name = "known" }
}
resource "terraform_data" "not_applied_yet" {}
module "this" {
  source = "./modules/service"
  pool   = local.upstream.pool.arn
  name   = local.upstream.name
}
""",
    "modules/service/main.tf": """
variable "pool" {
  type = string
}
variable "name" {
  type = string
}
locals {
  tags = { pool = var.pool }
  both = merge(local.tags, { name = var.name })
  own  = upper(var.name)
}
resource "terraform_data" "direct" {
  input            = var.pool
  triggers_replace = var.name
}
resource "terraform_data" "by_local" {
  input = local.both.pool
}
resource "terraform_data" "after_direct" {
  input            = terraform_data.direct.input
  triggers_replace = terraform_data.direct.id
}
resource "terraform_data" "keyed" {
  for_each = { "a.b[0]" = var.pool, c = "x" }
  input    = each.value
}
resource "terraform_data" "own" {
  input            = local.own
  triggers_replace = terraform_data.by_local.id
}
module "inner" {
  source = "../inner"
  value  = "${var.name}-${var.pool}"
}
resource "terraform_data" "through" {
  input            = module.inner.value
  triggers_replace = module.inner.id
}
""",
    "modules/inner/main.tf": """
variable "value" {
  type = string
}
resource "terraform_data" "deep" {
  count = 2
  input = [var.value]
}
output "value" {
  value = terraform_data.deep[1].input
}
output "id" {
  value = terraform_data.deep[0].id
}
""",
}


def test_unknowns_of_upstreams_are_told_from_a_modules_own(tmp_path: Path) -> None:
    terraform = make_terraform(tmp_path)
    root = make_root(tmp_path / "root", FILES)
    plan, shown = root.folder / "plan", root.folder / "plan.json"
    terraform.init(root, timeout=60)
    assert terraform.plan(root, out=plan, timeout=60)
    terraform.show_json(root, plan, shown)

    by_pool = upstream_marks(shown, root.folder, {"pool": ["prod/identity"]})
    assert by_pool.keys() == {
        ("module.this.terraform_data.direct", "input"),
        ("module.this.terraform_data.by_local", "input"),
        ("module.this.terraform_data.after_direct", "input"),
        ('module.this.terraform_data.keyed["a.b[0]"]', "input"),
        ("module.this.module.inner.terraform_data.deep[0]", "input"),
        ("module.this.module.inner.terraform_data.deep[1]", "input"),
        ("module.this.terraform_data.through", "input"),
    }
    assert upstream_marks(shown, root.folder, {}) == {}
    by_name = upstream_marks(shown, root.folder, {"name": ["prod/data"]})
    assert by_name.keys() == {
        # Its value is made of both variables: an unknown that goes with the other is not told apart.
        ("module.this.terraform_data.by_local", "input"),
        ("module.this.module.inner.terraform_data.deep[0]", "input"),
        ("module.this.module.inner.terraform_data.deep[1]", "input"),
        ("module.this.terraform_data.through", "input"),
    }
    both = upstream_marks(shown, root.folder, {"pool": ["prod/identity"], "name": ["prod/data"]})
    assert both.keys() == by_pool.keys() | by_name.keys()
    assert both["module.this.terraform_data.direct", "input"] == ("prod/identity",)
    assert both["module.this.terraform_data.by_local", "input"] == ("prod/data", "prod/identity")
