"""``orch rehearse`` as a process: a real apply of base and head on an emulator of its own, with data in it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator.report.comment.marker import parse_marker
from tests.support.git import Git
from tests.support.project import REPOSITORY, Project
from tests.support.records import newest_record

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
REAL = {"AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL", "AWS_SECRET_ACCESS_KEY": "x" * 40, "AWS_PROFILE": "production"}
"""Somebody's own way into AWS: nothing may use it."""


def repository(root: Path, stacks: str, **inputs: str) -> Project:
    """A repository without an emulator, whose stage is merged."""
    made = Project(root, emulator=None, accounts={"main": "111111111111"})
    made.write("live/stages/prod.yaml", f"account: main\nstacks: {{{stacks}}}\n")
    for name, text in inputs.items():
        made.write(f"live/stacks/{name}.yaml", text)
    made.write(".gitignore", ".orch/\n")
    return made


def merge(project: Project) -> Git:
    git = Git(project.root)
    git.commit()
    git.publish()
    return git


def units(result: Any) -> dict[str, Any]:
    return {unit["unit"]: unit for unit in result["units"]}


def outcomes(result: Any) -> dict[str, str]:
    return {name: unit["outcome"] for name, unit in units(result).items()}


def contents(result: Any, unit: str) -> tuple[str, int, int]:
    (resource,) = units(result)[unit]["resources"]
    return resource["fate"], resource["before"], resource["after"]


def test_what_survives_what_is_blocked_what_is_lost_and_what_is_not_modeled(tmp_path: Path) -> None:
    email = "module: pool\ninputs: {sign_in: [email]}\n"
    orders = "module: table\ninputs: {key: id}\n"
    project = repository(tmp_path / "repo", "identity: , other: , orders: ", identity=email, other=email, orders=orders)
    for name, text in (("pool", POOL), ("table", TABLE), ("risk", RISK)):
        project.write(f"modules/{name}/main.tf", text)
    listed = project.root / "policies" / "protected.yaml"
    listed.write_text(re.sub(r"(?ms)^aws_dynamodb_table:\n.*?^(?=\w)", "", listed.read_text()))
    merge(project)

    project.write("live/stages/prod.yaml", "account: main\nstacks: {identity: , other: , orders: , risk: }\n")
    project.write("live/stacks/identity.yaml", "module: pool\ninputs: {sign_in: [email, phone_number]}\n")
    project.write("live/stacks/other.yaml", "module: pool\ninputs: {sign_in: [email], tier: b}\n")
    project.write("live/stacks/orders.yaml", "module: table\ninputs: {key: order}\n")
    project.write("live/stacks/risk.yaml", "module: risk\ninputs: {pool: '${{ other.id }}'}\n")
    planned = project.orch("rehearse", "prod", "--dry-run", "--json", ORCH_AWS="").json["rows"]
    assert {row["unit"]: row["data"] for row in planned} == {
        "prod/identity": "3 users in each aws_cognito_user_pool",
        "prod/other": "3 users in each aws_cognito_user_pool",
        "prod/orders": "3 items in each aws_dynamodb_table",
        "prod/risk": "none: the unit is new",
    }
    file = tmp_path / "all.md"
    result = project.orch("rehearse", "prod", "--json", "--file", str(file), code=3, ORCH_AWS="", **REAL)
    assert outcomes(result.json) == {
        "prod/identity": "blocked",
        "prod/orders": "lost",
        "prod/other": "survived",
        "prod/risk": "not rehearsed",
    }
    assert contents(result.json, "prod/identity") == ("kept", 3, 3)
    assert contents(result.json, "prod/orders") == ("replaced", 3, 0)
    assert contents(result.json, "prod/other") == ("kept", 3, 3)
    (finding,) = units(result.json)["prod/identity"]["findings"]
    assert (finding["rule"], finding["inside"]) == ("ORCH_PROTECTED", "3 users, by AWS's estimate")
    assert [(each["action"], each["during"]) for each in result.json["calls"]] == [("SetRiskConfiguration", "head")]
    assert "does not support cognito-idp SetRiskConfiguration" in units(result.json)["prod/risk"]["cause"]
    assert "`prod/orders` loses:" in file.read_text()

    run = result.json["run"]
    recorded = newest_record(project, ORCH_AWS="")
    assert (recorded["run"], recorded["verb"], recorded["outcome"]) == (run, "rehearse", "blocked by policy")
    comment = project.orch("comment", run, "--file", "-", ORCH_AWS="").out
    marker = parse_marker(comment)
    assert marker is not None
    assert (marker.stage, marker.run) == ("rehearse.prod", run)
    assert "🛑 prod, rehearsed: 1 lost, 1 blocked, 1 not rehearsed, 1 survived" in comment
    checked = project.orch("comment", run, "--json", "--file", "-", ORCH_AWS="").json["stages"]
    assert [each["check"]["conclusion"] for each in checked] == ["action_required"]

    shown = project.orch("show", run, ORCH_AWS="").out
    assert re.search(r"prod/orders +lost +aws_dynamodb_table.this +replaced +3 items +0", shown)

    left = {path.name for path in (project.root / ".orch" / "runs" / run).iterdir()}
    assert {"report.json", "rehearsal.json", "logs", "base-logs"} <= left
    assert not {"plans", "units", "copies", "copies.json"} & left, "only an apply to the emulator could use them"
    assert not project.root.joinpath(".orch", "emulator").exists()


PAIR = {"first": "module: box\ninputs: {value: a}\n", "second": "module: box\ninputs: {value: '${{ first.id }}'}\n"}


BROKEN = 'resource "terraform_data" "this" {\n  input = file("missing.txt")\n}\noutput "id" {\n  value = "x"\n}\n'


def test_a_fork_in_ci_with_new_removed_broken_and_hostile_units(tmp_path: Path) -> None:
    box, reads_broken = "module: box\n", "module: box\ninputs: {value: '${{ broken.id }}'}\n"
    stacks = {**PAIR, "old": box, "tool": box, "broken": "module: broken\n", "after": reads_broken}
    project = repository(tmp_path / "repo", "first: , second: , old: , tool: , broken: , after: ", **stacks)
    project.write("modules/broken/main.tf", BROKEN)
    git = merge(project)
    git.branch("change")
    ran = tmp_path / "ran"
    stage = "account: main\nstacks: {first: , second: , third: , tool: , broken: , after: }\n"
    project.write("live/stages/prod.yaml", stage)
    project.write("live/stacks/third.yaml", "module: box\ninputs: {value: '${{ second.id }}'}\n")
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: b}\n")
    project.write("live/stacks/tool.yaml", f"module: tool\ninputs: {{run: 'touch {ran}'}}\n")
    git.commit("bob@example.com")
    ci = {"CI": "true", "GITHUB_BASE_REF": "main", "GITHUB_RUN_NUMBER": "7", "GITHUB_SHA": git("rev-parse", "HEAD")}
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    result = project.orch("rehearse", "prod", "--json", code=3, ORCH_AWS="", TMPDIR=str(temporary), **ci)
    assert outcomes(result.json) == {
        "prod/first": "survived",
        "prod/second": "survived",
        "prod/third": "new",
        "prod/old": "removed",
        "prod/tool": "blocked",
        "prod/broken": "not rehearsed",
        "prod/after": "not rehearsed",
    }
    found = units(result.json)
    assert found["prod/broken"]["cause"].startswith("base is failed")
    assert "missing.txt" in found["prod/broken"]["error"]
    assert {each["rule"] for each in found["prod/tool"]["findings"]} == {"ORCH_RUNS_CODE"}
    assert not ran.exists(), "a provisioner of the fork ran"
    assert result.json["base_commit"] == git("rev-parse", "main")
    assert result.json["head_commit"] == git("rev-parse", "HEAD")
    assert result.json["calls"] == []
    assert git("worktree", "list").count("\n") == 0
    assert not list(temporary.glob("orch-rehearse-*"))
    comment = project.orch("comment", result.json["run"], "--file", "-", code=0, ORCH_AWS="", **ci).out
    assert " run=7.1 " in comment.splitlines()[0]
    options = ("*", "--changed", "main", "--exclude", "prod/third", "--exclude", "prod/tool", "--dry-run", "--json")
    rows = project.orch("rehearse", *options, ORCH_AWS="").json["rows"]
    sides = {row["unit"]: (row["base"], row["head"]) for row in rows}
    assert (sides["prod/first"], sides["prod/old"]) == ((True, True), (True, False))
    assert not {"prod/third", "prod/tool"} & set(sides)


@pytest.mark.parametrize(("when", "number"), [("Bootstrapping", signal.SIGTERM), ("Base,", signal.SIGINT)])
def test_an_interrupt_removes_the_emulator_and_the_folders(tmp_path: Path, when: str, number: int) -> None:
    project = repository(tmp_path / "repo", "first: , second: ", **PAIR)
    git = merge(project)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        project.command("rehearse", "prod"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=REPOSITORY,
        env=project.environment(TMPDIR=str(temporary), ORCH_AWS=""),
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        assert any(when in line for line in iter(process.stderr.readline, ""))
        (info,) = temporary.glob("orch-rehearse-*/emulator/emulator.json")
        emulator = json.loads(info.read_text())["pid"]
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert not list(temporary.glob("orch-rehearse-*"))
    assert git("worktree", "list").count("\n") == 0
    deadline = time.monotonic() + 10
    while Path(f"/proc/{emulator}/stat").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{emulator}/cmdline").exists() or not Path(f"/proc/{emulator}/cmdline").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rehearse", "prod", "--base", "nowhere"], "unknown git revision 'nowhere'"),
        (["rehearse"], "no target given"),
        (["rehearse", "prod", "--base", "empty"], "has no live/orch.yaml"),
    ],
)
def test_wrong_command_lines(tmp_path: Path, arguments: list[str], says: str) -> None:
    project = repository(tmp_path / "repo", "first: ", first="module: box\n")
    git = merge(project)
    git("checkout", "-q", "--orphan", "start")
    git("rm", "-rqf", ".")
    git.commit()
    git("tag", "empty")
    git("checkout", "-q", "main")
    result = project.orch(*arguments, code=2, ORCH_AWS="")
    assert says in " ".join(result.err.split())
    assert not (project.root / ".orch" / "runs").exists()
