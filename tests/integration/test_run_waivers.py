"""The life of a waiver, and a change that weakens its judge, in real runs of a module that plans fast."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.emulator import Account
from tests.support.git import Git
from tests.support.project import Project, Result

pytestmark = pytest.mark.integration

BOX = "terraform_data.this"
PROTECTED_BOX = "\nterraform_data:\n  lost: what is in the box\n  severity: data\n  delete_apis: ['box:DeleteBox']\n"
VERSION = "2012-10-17"
LISTED = "policies/protected.yaml"
WAIVERS = "policies/waivers.yaml"


def make_break_glass(account: Account) -> None:
    """The role under which orch applies what a waiver allows; an account's baseline makes a smaller one."""
    anyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam = account.client("iam")
    name = "orch-break-glass"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": VERSION, "Statement": [anyone]}))
    iam.put_role_policy(
        RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Version": VERSION, "Statement": [everything]})
    )


@pytest.fixture
def git(tmp_path: Path, emulator: Path, account: Account) -> Git:
    """A repository in which a box is protected, applied and merged."""
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account.id})
    make_break_glass(account)
    project.write("live/stages/prod.yaml", "account: main\nstacks: {box: , other: }\n")
    project.write("live/stacks/box.yaml", "module: box\ninputs: {value: one, replace_on: a}\n")
    project.write("live/stacks/other.yaml", "module: box\ninputs: {value: two}\n")
    project.write("policies/owners.yaml", "anna: [anna@example.com]\n")
    project.write(".gitignore", ".orch/\n")
    listed = project.root / LISTED
    listed.write_text(listed.read_text() + PROTECTED_BOX)
    git = Git(project.root)
    git.commit()
    git.publish()
    project.ready()
    project.orch("apply", "prod", "--yes")
    return git


def project_of(git: Git) -> Project:
    return Project.at(git.root, {})


def in_pull_request(git: Git, *arguments: str, code: int = 0) -> Result:
    return project_of(git).orch(*arguments, code=code, CI="true", GITHUB_BASE_REF="main")


def test_from_a_finding_to_an_apply_and_away_again(git: Git) -> None:
    orch = project_of(git).orch
    git.branch("change")
    (git.root / "live/stacks/box.yaml").write_text("module: box\ninputs: {value: one, replace_on: b}\n")
    git.commit("bob@example.com")
    (finding,) = in_pull_request(git, "plan", "prod/box", "--json", code=3).units()["prod/box"]["findings"]
    assert (finding["rule"], finding["address"], finding["waiver"]) == ("ORCH_PROTECTED", BOX, "")

    orch("waive", finding["id"], "--reason", "the box is empty", "--owner", "anna", "--expires", "2")
    (again,) = orch("plan", "prod/box", "--json", code=3).units()["prod/box"]["findings"]
    assert "it is not in origin/main as it was fetched last; it must be merged first" in again["hint"]
    git.commit("bob@example.com")
    (again,) = in_pull_request(git, "plan", "prod/box", "--json", code=3).units()["prod/box"]["findings"]
    assert again["id"] == finding["id"]
    assert "it must be merged first" in again["hint"]

    git.publish()  # anna merges it
    planned = orch("plan", "prod", "--json", CI="true")
    (waived,) = planned.units()["prod/box"]["findings"]
    assert (waived["id"], waived["severity"]) == (finding["id"], "waived")
    assert waived["waiver"].startswith(f"{finding['id']} by anna: the box is empty (until ")
    assert planned.units()["prod/other"]["findings"] == []
    shown = orch("apply", "prod", "--yes", CI="true").out
    assert "allowed by: " in shown
    assert "1 applied" in shown

    # what is done is done: now the waiver is unused, although nothing changes any more
    after = orch("plan", "prod", "--json", code=3, CI="true").units()
    (unused,) = after["prod/box"]["findings"]
    assert (unused["rule"], unused["severity"], unused["where"]["file"]) == ("ORCH_WAIVER", "block", WAIVERS)
    assert after["prod/box"]["status"] == "blocked"
    assert after["prod/other"]["status"] == "unchanged"
    git.branch("tidy")
    (git.root / WAIVERS).write_text("[]\n")
    git.commit("bob@example.com")
    in_pull_request(git, "plan", "prod", "--detailed-exitcode", code=0)


def test_a_change_that_weakens_its_judge_blocks_every_unit_and_is_shown_once(git: Git) -> None:
    orch = project_of(git).orch
    git.branch("change")
    listed = git.root / LISTED
    listed.write_text(listed.read_text().replace(PROTECTED_BOX, ""))
    git.commit("bob@example.com")
    result = in_pull_request(git, "apply", "prod", "--yes", "--json", code=3)
    for unit in ("prod/box", "prod/other"):
        report = result.units()[unit]
        assert report["status"] == "blocked"
        (finding,) = report["findings"]
        assert (finding["rule"], finding["unit"]) == ("ORCH_POLICY_WEAKENED", unit)
        assert finding["message"] == "terraform_data would no longer be protected"
    shown = in_pull_request(git, "plan", "prod", code=3).out
    assert shown.count("would no longer be protected") == 1
    assert "policies/protected.yaml: terraform_data  ORCH_POLICY_WEAKENED" in shown
    assert shown.index("in prod/box  ") < shown.index("in prod/other  ") < shown.index("blocked by policy")
    checked = orch("check", "--fast", "--base", "origin/main", "--json", code=None)
    weaker = next(row for row in checked.json["rows"] if row["check"] == "judge")
    assert weaker["subject"].startswith(f"{LISTED}:")
    git.publish()  # merged by its owners: now it is what judges
    orch("plan", "prod", code=0, CI="true")
