"""``orch check``: waivers, owners, and policies that are weaker than at a revision; without AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.git import Git
from tests.support.project import Project, Result

WAIVER = """\
- id: gone
  rule: ORCH_PROTECTED
  unit: prod/identity
  address: aws_cognito_user_pool.this
  owner: anna
  reason: every user has moved
  expires: 2020-01-01
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {identity: }\n")
    made.write("live/stacks/identity.yaml", "module: box\n")
    made.write("policies/owners.yaml", "anna: [anna@example.com]\n")
    made.orch("schema")
    return made


def rows(result: Result, check: str) -> list[tuple[str, str]]:
    return [(row["subject"], row["problem"]) for row in result.json["rows"] if row["check"] == check]


def test_a_wrong_waiver_is_an_error_with_its_place(project: Project) -> None:
    project.write("policies/waivers.yaml", WAIVER)
    (found,) = rows(project.orch("check", "--fast", "--json", code=2), "waivers")
    assert found[0] == "policies/waivers.yaml:1:3"
    assert "expired on 2020-01-01" in found[1]
    assert "remove it" in found[1]


def test_every_problem_of_both_files_is_reported(project: Project) -> None:
    project.write("policies/waivers.yaml", WAIVER.replace("prod/identity", '"*"'))
    project.write("policies/owners.yaml", "anna: anna\n")
    found = rows(project.orch("check", "--fast", "--json", code=2), "waivers")
    assert [place for place, _ in found] == ["policies/owners.yaml:1:1", "policies/waivers.yaml:3:3"]


def test_policies_weaker_than_at_a_revision(project: Project) -> None:
    git = Git(project.root)
    git.commit()
    git.publish()
    fine = project.orch("check", "--fast", "--base", "origin/main", "--json")
    assert rows(fine, "judge") == [("as strict as at origin/main", "")]
    project.write("policies/owners.yaml", "anna: [anna@example.com]\ncarl: [carl@example.com]\n")
    found = rows(project.orch("check", "--fast", "--base", "origin/main", "--json", code=3), "judge")
    assert found == [("policies/owners.yaml:2:1", "weaker than at origin/main: carl would become an owner")]
    assert "a common commit with HEAD" in project.orch("check", "--fast", "--base", "gone", code=2).err


def test_without_git_there_is_nothing_to_compare_with(project: Project) -> None:
    refused = project.orch("check", "--fast", "--base", "main", code=2)
    assert "--base origin/main" in refused.err
