"""``orch check`` lets the project's own policies judge the units as their files make them, without a plan and without AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import OWNERS, WAIVER, Project

pytestmark = pytest.mark.integration

MODULE = """\
variable "encrypted" {
  type = bool
}

variable "zones" {
  type    = list(string)
  default = ["eu-west-1a"]
}

variable "key" {
  type    = string
  default = null
}

resource "aws_ebs_volume" "this" {
  for_each          = toset(var.zones)
  availability_zone = each.value
  encrypted         = var.encrypted
  kms_key_id        = var.key

  lifecycle {
    prevent_destroy = true
  }
}
"""
POLICY = """\
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck


class Encrypted(BaseResourceCheck):
    def __init__(self):
        super().__init__(
            name="the volume is not encrypted",
            id="OWN_ENCRYPTED",
            categories=[CheckCategories.ENCRYPTION],
            supported_resources=["aws_ebs_volume"],
            guideline="set encrypted to true",
        )

    def scan_resource_conf(self, conf):
        return CheckResult.PASSED if conf.get("encrypted") == [True] else CheckResult.FAILED


check = Encrypted()
"""


def plan(encrypted: bool) -> str:
    values = f'{{"availability_zone": "a", "encrypted": {str(encrypted).lower()}}}'
    return (
        '{"format_version": "1.2", "terraform_version": "1.11.0", "planned_values": {"root_module": {"resources": '
        '[{"address": "aws_ebs_volume.a", "mode": "managed", "type": "aws_ebs_volume", "name": "a", "provider_name": '
        f'"registry.terraform.io/hashicorp/aws", "schema_version": 0, "values": {values}}}]}}}}, "resource_changes": '
        '[{"address": "aws_ebs_volume.a", "mode": "managed", "type": "aws_ebs_volume", "name": "a", "provider_name": '
        '"registry.terraform.io/hashicorp/aws", "change": {"actions": ["create"], "before": null, '
        f'"after": {values}, "after_unknown": {{}}, "before_sensitive": false, "after_sensitive": {{}}}}}}], '
        '"configuration": {"root_module": {}}}'
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("modules/disk/main.tf", MODULE)
    made.write("policies/own_encrypted/check.py", POLICY)
    made.write("policies/own_encrypted/pass.json", plan(True))
    made.write("policies/own_encrypted/fail.json", plan(False))
    made.write("live/stacks/disk.yaml", "module: disk\ninputs: {encrypted: true}\n")
    made.write("live/stages/prod.yaml", "account: main\nstacks: {disk: }\n")
    made.write("live/stages/test.yaml", "account: main\nstacks:\n  disk:\n    inputs:\n      encrypted: false\n")
    return made


def rows(project: Project, *arguments: str, code: int) -> list[dict[str, Any]]:
    project.orch("schema")
    found = project.orch("check", "--fast", *arguments, "--json", code=code, AWS_ACCESS_KEY_ID="").json["rows"]
    assert [row for row in found if row["check"] == "policies" and row["problem"]] == []
    return [row for row in found if row["check"] == "units"]


def test_a_unit_that_a_policy_rejects_is_a_problem_at_the_line_that_sets_it(project: Project) -> None:
    (row,) = rows(project, code=2)
    assert (row["subject"], row["rule"]) == ("live/stages/test.yaml:5:18", "OWN_ENCRYPTED")
    assert row["problem"] == (
        'aws_ebs_volume.this["eu-west-1a"]: the volume is not encrypted; set encrypted to true (in test/disk)'
    )
    told = project.orch("check", "--fast", "--annotate", code=2).err
    assert "OWN_ENCRYPTED,file=live/stages/test.yaml,line=5,col=18::" in told
    (row,) = rows(project, "prod", code=0)
    assert row["subject"] == "1 resource as the files make them"
    (row,) = rows(project, "--files", "live/stages/test.yaml", code=2)
    assert "test/disk" in row["problem"]


def test_a_line_of_a_module_is_named_once_for_all_units(project: Project) -> None:
    project.write("modules/disk/main.tf", MODULE.replace("type = bool", "default = false"))
    project.write("live/stacks/disk.yaml", "module: disk\n")
    project.write("live/stages/test.yaml", "account: main\nstacks: {disk: }\n")
    (row,) = rows(project, code=2)
    assert row["subject"].startswith("modules/disk/main.tf:18")
    assert row["problem"].endswith("(in prod/disk, test/disk)")


def test_what_only_a_plan_knows_is_left_to_it(project: Project) -> None:
    project.write("live/stacks/box.yaml", "module: box\n")
    for inputs in ("{encrypted: '${{ box.value }}'}", "{encrypted: false, key: '${{ box.id }}'}"):
        project.write("live/stages/test.yaml", f"account: main\nstacks: {{box: , disk: {{inputs: {inputs}}}}}\n")
        (row,) = rows(project, code=0)
        assert "; 1 verdict left to the plan" in row["subject"]


def test_a_waiver_allows_it(project: Project) -> None:
    address = 'aws_ebs_volume.this["eu-west-1a"]'
    day = datetime.now(UTC).date() + timedelta(days=3)
    entry = WAIVER.format(id="old", rule="OWN_ENCRYPTED", unit="test/disk", address=f"'{address}'", expires=day)
    project.write("policies/waivers.yaml", entry)
    project.write("policies/owners.yaml", OWNERS)
    row, _ = rows(project, code=0)
    assert "allowed by old by reviewer" in row["note"]
