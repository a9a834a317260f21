"""``orch check`` with checkov's own checks, SARIF and JUnit, as a process; without AWS and Terraform."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML

from tests.support.project import ORCH_YAML, REPOSITORY, Project

MODULE = """\
variable "encrypted" {
  type = bool
}

variable "size" {
  type    = number
  default = 1
}

resource "aws_ebs_volume" "this" {
  availability_zone = "eu-west-1a"
  size              = var.size
  encrypted         = var.encrypted

  lifecycle {
    prevent_destroy = true
  }
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("modules/disk/main.tf", MODULE)
    made.write("live/stacks/disk.yaml", "module: disk\ninputs: {encrypted: true}\n")
    made.write("live/stages/prod.yaml", "account: main\nstacks: {disk: }\n")
    made.write("live/stages/test.yaml", "account: main\nstacks: {disk: {inputs: {encrypted: false}}}\n")
    made.orch("schema")
    return made


def select(project: Project, checks: str) -> None:
    (text,) = [ORCH_YAML.format(name="t", bootstrap="A", plan="A", apply="A")]
    project.write("live/orch.yaml", f"{text}checks: {checks}\n")


def rows(project: Project, *arguments: str, code: int) -> list[dict[str, Any]]:
    found = project.orch("check", *arguments, "--json", code=code).json["rows"]
    return [row for row in found if row["check"] == "checkov"]


@pytest.mark.integration
def test_a_check_is_run_with_the_inputs_of_each_unit(project: Project) -> None:
    select(project, "[CKV_AWS_3]")
    sarif, junit = project.root / "out.sarif", project.root / "out.xml"
    (row,) = rows(project, "--sarif", str(sarif), "--junit", str(junit), code=2)
    assert row["subject"] == "modules/disk/main.tf:10"
    assert row["problem"] == (
        "CKV_AWS_3 HIGH: aws_ebs_volume.this: Ensure all data stored in the EBS is securely encrypted (in test/disk)"
    )
    assert (row["rule"], row["severity"]) == ("CKV_AWS_3", "HIGH")
    (result,) = json.loads(sarif.read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (result["ruleId"], place["artifactLocation"]["uri"]) == ("CKV_AWS_3", "modules/disk/main.tf")
    assert place["region"]["startLine"] == 10
    failures = ElementTree.fromstring(junit.read_text()).findall(".//failure")  # noqa: S314 - orch wrote it
    assert [each.get("type") for each in failures] == ["CKV_AWS_3"]
    assert stat.S_IMODE(sarif.stat().st_mode) == 0o644
    # The same by severity, and nothing where nothing fails.
    select(project, "[HIGH]")
    assert [each["rule"] for each in rows(project, code=2)] == ["CKV_AWS_3"]
    project.write("live/stages/test.yaml", "account: main\nstacks: {}\n")
    (row,) = rows(project, code=0)
    assert row["result"] == "ok"


def test_without_the_opt_in_and_with_fast_checkov_does_not_run(project: Project) -> None:
    assert rows(project, "--fast", code=0) == []
    select(project, "[LOW]")
    assert rows(project, "--fast", code=0) == []


def test_an_unknown_severity_is_an_error_with_its_place(project: Project) -> None:
    select(project, "[BAD]")
    refused = project.orch("check", "--fast", "--sarif", str(project.root / "out.sarif"), code=2)
    assert "live/orch.yaml:15:10: " in refused.err
    (result,) = json.loads((project.root / "out.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "live/orch.yaml"
    assert place["region"] == {"startLine": 15, "startColumn": 10}


def test_a_file_that_cannot_be_written_is_an_error(project: Project) -> None:
    refused = project.orch("check", "--fast", "--junit", str(project.root / "live/orch.yaml/x.xml"), code=2)
    assert "cannot be written" in refused.err


def checked(project: Project, *files: str) -> set[str]:
    """The units whose roots are looked at if these files have changed."""
    rows = project.orch("check", "--fast", "--files", *files, "--json").json["rows"]
    return {row["subject"] for row in rows if row["check"] == "roots"}


def test_files_select_the_units_that_they_belong_to(project: Project) -> None:
    assert checked(project, "live/stacks/disk.yaml") == {"prod/disk", "test/disk"}
    assert checked(project, "modules/disk/main.tf", "live/stages/prod.yaml") == {"prod/disk", "test/disk"}
    assert checked(project, "live/stages/prod.yaml") == {"prod/disk"}
    assert checked(project, str(project.root / "live/stages/prod.yaml"), "/etc/passwd", "README.md") == {"prod/disk"}
    assert checked(project, "policies/owners.yaml", "live/stages/gone.yaml") == set()
    assert checked(project) == set()
    assert "--files" in project.orch("check", "--files", "--changed", "HEAD", "x", code=2).err


def test_files_that_belong_to_no_unit_are_named(project: Project) -> None:
    project.write("README.md", "text\n")
    project.write("modules/unused/main.tf", 'resource "terraform_data" "x" {}\n')
    files = ["live/stages/prod.yaml", "README.md", "live/stages/prd.yaml", "modules/unused/main.tf"]
    told = [
        "note: README.md belongs to no unit",
        "note: live/stages/prd.yaml does not exist",
        "note: modules/unused/main.tf belongs to no unit",
    ]
    assert project.orch("check", "--fast", "--files", *files).err.splitlines() == told
    everything = project.orch("check", "--fast", "--files", "live/orch.yaml", *files).err.splitlines()
    assert everything == told, "one file that belongs to every unit does not hide the others"
    fine = ["live/stages/prod.yaml", "modules/disk/main.tf", "policies/owners.yaml"]
    assert project.orch("check", "--fast", "--files", *fine).err == ""


def test_problems_are_annotations_also_of_a_configuration_that_cannot_be_loaded(project: Project) -> None:
    project.write("live/stages/prod.yaml", "account: nowhere\nstacks: {disk: }\n")
    done = project.orch("check", "--annotate", "--json", code=2)
    (line,) = [each for each in done.err.splitlines() if each.startswith("::error ")]
    assert "file=live/stages/prod.yaml,line=1,col=10::" in line
    assert "::error" not in done.out


def test_the_hook_of_pre_commit_checks_the_files_that_it_is_given(project: Project) -> None:
    (hook,) = YAML(typ="safe", pure=True).load(REPOSITORY / ".pre-commit-hooks.yaml")
    program, *arguments = hook["entry"].split()
    assert program == "orch"
    changed = [name for name in ("live/stages/test.yaml", "README.md") if re.search(hook["files"], name)]
    rows = project.orch(*arguments, *changed, "--json").json["rows"]
    assert [row["subject"] for row in rows if row["check"] == "roots"] == ["test/disk"]
