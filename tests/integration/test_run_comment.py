"""``orch plan --comment``: plans with the real Terraform, then posts on a server that speaks GitHub's API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.github_server import GithubServer
from tests.support.project import Project

pytestmark = pytest.mark.integration
HEAD = "1" * 40


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {first: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    return made.ready()


def test_plans_and_applies_of_a_pull_request_end_in_its_comment(project: Project) -> None:
    with GithubServer() as server:
        env = server.environment() | {"GITHUB_RUN_NUMBER": "10", "GITHUB_SHA": HEAD, "GITHUB_REF": "refs/heads/main"}
        del env["GITHUB_ACTIONS"]  # in CI, orch asks git for the protected commit
        early = project.orch("plan", "prod", "--comment", code=2, **env)
        assert "no pull request" in early.err
        assert not (project.root / ".orch" / "runs").exists(), "asked before the plan"
        for number in (7, 12):
            server.add_pull(number, HEAD)
            pull = env | {"GITHUB_REF": f"refs/pull/{number}/merge"}
            done = project.orch("plan", "prod", "--comment", "--json", **pull)
            assert done.json["kind"] == "run"
            assert "prod: comment created" in done.err
        (text,) = server.bodies(7)
        assert "### 📝 prod: 1 create" in text
        assert [each.values["conclusion"] for each in server.checks] == ["neutral", "neutral"]
        wrong = project.orch("plan", "prod", "--comment", code=2, **pull | {"GITHUB_TOKEN": "wrong"})
        assert "prod/first" in wrong.out, "the plan is shown, although it cannot be posted"
        assert "the token is not valid" in wrong.err

        run = project.orch("apply", "prod", "--yes", "--json").json["run"]
        server.pulls[7].state, server.pulls[7].merge_commit = "merged", HEAD
        project.orch("comment", run, **env)
        assert "the changes were those shown here" in server.bodies(7)[0]
        (other,) = server.bodies(12)
        assert "- `prod/first`: its state has changed (1 create, `terraform_data.this`)" in other
        assert server.mistakes == []
