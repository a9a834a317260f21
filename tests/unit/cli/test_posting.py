"""``orch comment`` and ``orch pr status`` as processes, against servers that speak the APIs of GitHub and GitLab."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.ci.sections import SectionName, sections_of
from orchestrator.report.comment.marker import Marker, parse_marker
from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.reports import save_report
from tests.support.comments import RUN, attribute, pool_finding, pool_replacement, receipt, run, unit, update
from tests.support.github_server import READ_TOKEN, REPOSITORY_NAME, USER_TOKEN, GithubServer
from tests.support.gitlab_server import BOT_TOKEN, JOB_TOKEN, PROJECT, GitlabServer
from tests.support.host_server import Fault
from tests.support.project import REPOSITORY, Project

HEAD, MERGE = "1" * 40, "2" * 40
OTHER, APPLY = "20261124-140000-0000", "20261124-150000-0000"
WITHOUT_CLIENTS = """\
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"github", "gitlab"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
from orchestrator.cli.app import main
sys.exit(main())
"""
CHANGE = update("terraform_data.this", attribute("input", '"a"', '"b"'))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {identity: , data: , api: }\n")
    for name in ("identity", "data"):
        made.write(f"live/stacks/{name}.yaml", "module: box\n")
    made.write("live/stacks/api.yaml", "module: box\ninputs: {value: 'x-${{ data.id }}'}\n")
    identity = unit(
        "prod/identity", pool_replacement(), status=Status.BLOCKED, findings=(pool_finding("prod/identity"),)
    )
    save(made, run(identity, unit("prod/data", CHANGE)))
    save(made, run(unit("prod/api", CHANGE), run_id=OTHER))
    save(made, run(applied(), run_id=APPLY, verb="apply"))
    return made


def applied() -> UnitReport:
    return unit("prod/data", CHANGE, status=Status.APPLIED, outputs_changed=("id",))


def save(project: Project, report: RunReport) -> None:
    folders = RunPaths(root=project.root, run=report.run)
    folders.of_run.mkdir(parents=True)
    save_report(folders, report)
    for each in report.units:
        folder = folders.of_run / "receipts" / each.unit
        folder.mkdir(parents=True)
        receipt(each.unit).write(folder / "eu-west-1.json")


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as made:
        made.add_pull(7, HEAD)
        yield made
        assert made.mistakes == []


def job(server: GithubServer, tmp_path: Path, number: int = 7, token: str = "", **more: str) -> dict[str, Any]:
    """The variables of a job about a pull request."""
    pull: dict[str, Any] = {
        "number": number,
        "head": {"sha": server.pulls[number].head, "repo": {"full_name": server.pulls[number].source}},
        "base": {"repo": {"full_name": REPOSITORY_NAME}},
    }
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": pull}))
    env = server.environment(**({"token": token} if token else {}))
    values = {"GITHUB_EVENT_PATH": str(event), "GITHUB_SHA": MERGE, "GITHUB_RUN_NUMBER": "10", **more}
    return env | values


def body(server: GithubServer, number: int) -> str:
    (found,) = server.bodies(number)
    return found


def test_a_job_posts_a_comment_and_a_check_on_the_head_of_the_pull_request(
    project: Project, server: GithubServer, tmp_path: Path
) -> None:
    done = project.orch("comment", RUN, **job(server, tmp_path))
    comment, check = done.out.splitlines()
    assert comment.startswith("prod: comment created  https://github.com/example/platform/pull/7#issuecomment-")
    assert check == "prod: check run action_required: prod: 1 blocked, 1 update"
    marker = parse_marker(body(server, 7))
    assert marker is not None
    assert (marker.run, marker.head) == ("10.1", HEAD), "the head, not the merge commit that is checked out"
    (made,) = server.checks
    assert (made.sha, made.values["external_id"]) == (HEAD, "10.1")
    assert made.annotations[0]["path"] == "live/stacks/identity.yaml"
    again = project.orch("comment", OTHER, "--json", **job(server, tmp_path, GITHUB_RUN_NUMBER="11")).json
    assert again["stages"][0]["check"]["conclusion"] == "neutral"
    assert again["applied"] is None
    (posted,) = again["posted"]
    assert (posted["action"], posted["check"], posted["run"]) == ("updated", "check run", "11.1")


@pytest.mark.parametrize("targets", [("prod",), ("prod", "test"), ("*",), ()])
def test_a_plan_of_a_change_that_touches_no_unit_is_a_success_of_one_line(
    project: Project, server: GithubServer, tmp_path: Path, targets: tuple[str, ...]
) -> None:
    project.write("live/stages/test.yaml", "account: main\nstacks: {data: }\n")
    project.write(".gitignore", ".orch/\n")
    project.git("init", "-q", "-b", "main")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "All")
    env = job(server, tmp_path, GITHUB_REF_PROTECTED="true")
    old = server.add_comment(7, f"{Marker('prod', '9.1', HEAD, '9b1c4e2a')}\n### 🛑 prod: 1 blocked")
    done = project.orch("plan", *targets, "--changed", "main", "--comment", **env)
    stages = ["prod"] if targets == ("prod",) else ["prod", "test"]
    assert [(each.values["name"], each.values["conclusion"]) for each in server.checks] == [
        (f"orch: {stage}", "success") for stage in stages
    ]
    assert {
        each.values["output"]["title"].removeprefix(f"{stage}: ")
        for each, stage in zip(server.checks, stages, strict=True)
    } == {"no unit is affected"}
    assert "prod: comment updated" in done.err
    assert "### ✅ prod: no unit is affected" in old.body
    assert server.bodies(7) == [old.body], "no comment for a stage that had none"


def test_an_older_run_says_that_it_left_the_comment(project: Project, server: GithubServer, tmp_path: Path) -> None:
    project.orch("comment", OTHER, **job(server, tmp_path, GITHUB_RUN_NUMBER="11"))
    new = body(server, 7)
    done = project.orch("comment", RUN, **job(server, tmp_path))
    assert "prod: comment left as it is: it is from run 11.1, which is newer" in done.out
    assert (body(server, 7), len(server.checks)) == (new, 1)


def test_by_hand_with_a_users_token(project: Project, server: GithubServer, tmp_path: Path) -> None:
    env: dict[str, Any] = {
        "GITHUB_TOKEN": USER_TOKEN,
        "GITHUB_API_URL": server.url,
        "GITHUB_REPOSITORY": REPOSITORY_NAME,
    }
    done = project.orch("comment", RUN, "--pull-request", "7", "--head", HEAD, **env)
    assert "prod: commit status action_required" in done.out
    assert server.statuses[0]["sha"] == HEAD


def test_a_dry_run_says_what_would_be_posted(project: Project, server: GithubServer, tmp_path: Path) -> None:
    done = project.orch("comment", RUN, "--dry-run", **job(server, tmp_path))
    assert "prod: comment would be created" in done.out
    assert "prod: check would be action_required" in done.out
    assert (server.comments, server.checks) == ({}, [])


def test_a_fork_without_secrets_writes_its_files_and_says_why_nothing_is_posted(
    project: Project, server: GithubServer, tmp_path: Path
) -> None:
    server.add_pull(8, HEAD, source="alice/platform")
    files = ("--sarif", str(tmp_path / "x.sarif"), "--full", str(tmp_path / "full.md"))
    done = project.orch("comment", RUN, *files, code=2, **job(server, tmp_path, 8, READ_TOKEN))
    assert "pull request 8 comes from a fork, whose runs may not write here" in done.err
    assert "workflow_run" in done.err
    assert "### 🛑 prod: 1 blocked" in (tmp_path / "full.md").read_text()
    assert json.loads((tmp_path / "x.sarif").read_text())["runs"][0]["results"]
    own = project.orch("comment", RUN, code=2, **job(server, tmp_path, 7, READ_TOKEN))
    assert "GitHub refused to write a comment on pull request 7: the token lacks permission" in own.err
    assert "permissions: pull-requests: write" in own.err
    assert server.comments == {}


def test_a_host_that_fails(project: Project, server: GithubServer, tmp_path: Path) -> None:
    server.faults.append(Fault("POST", "/graphql", 403, headers={"Retry-After": "4000"}))
    done = project.orch("comment", RUN, code=2, **job(server, tmp_path))
    assert "too many calls" in done.err
    wrong = project.orch("comment", RUN, code=2, **job(server, tmp_path, 7, "ghs_wrong_token"))
    assert "the token is not valid" in wrong.err
    assert "ghs_wrong_token" not in wrong.text


def test_without_a_pull_request_or_a_token(project: Project, server: GithubServer, tmp_path: Path) -> None:
    env = server.environment() | {"GITHUB_RUN_NUMBER": "10", "GITHUB_REF": "refs/heads/main"}
    assert "no pull request: this run of the CI is not about one" in project.orch("comment", RUN, code=2, **env).err
    none = job(server, tmp_path) | {"GITHUB_TOKEN": ""}
    missing = project.orch("comment", RUN, code=2, **none).err
    assert "GitHub requires a token, and GITHUB_TOKEN is not set" in missing
    assert server.calls == []


def test_without_the_extra(project: Project, server: GithubServer, tmp_path: Path) -> None:
    env = project.environment(**job(server, tmp_path))
    command = [sys.executable, "-c", WITHOUT_CLIENTS, "-C", str(project.root), "comment", RUN]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=env, check=False)
    assert done.returncode == 2
    assert "GitHub requires the package PyGithub, which is not installed" in done.stderr
    assert "pip install 'orch[github]'" in done.stderr
    assert server.calls == []


def test_an_apply_says_so_and_marks_others(project: Project, server: GithubServer, tmp_path: Path) -> None:
    server.add_pull(12, "3" * 40, title="Another change")
    project.orch("comment", RUN, **job(server, tmp_path))
    shared = project.orch("comment", RUN, OTHER, **job(server, tmp_path, 12))
    assert "prod: other open pull requests change prod/identity, prod/data" in " ".join(shared.out.split())
    server.pulls[7].state, server.pulls[7].merge_commit = "merged", MERGE
    push = server.environment() | {"GITHUB_RUN_NUMBER": "12", "GITHUB_SHA": MERGE, "GITHUB_REF": "refs/heads/main"}
    done = project.orch("comment", APPLY, **push)
    assert "prod: what was applied added to the comment  https://" in done.out
    assert "#12 Another change: marked as stale: prod/data, prod/api" in done.out
    assert "the changes were those shown here" in sections_of(body(server, 7))[SectionName.APPLIED].text
    assert sections_of(body(server, 12))[SectionName.STALE].about == ("prod/data", "prod/api")
    told = project.orch("comment", APPLY, "--json", **push).json["applied"]
    assert (told["pull_request"], told["stale"][0]["units"]) == (7, ["prod/data", "prod/api"])


def test_the_status_of_open_pull_requests(project: Project, server: GithubServer, tmp_path: Path) -> None:
    env = server.environment()
    assert "No open pull request changes a unit" in project.orch("pr", "status", **env).err
    server.add_pull(12, "3" * 40, title="Another change", author="bob")
    server.add_pull(13, "4" * 40)
    project.orch("comment", RUN, **job(server, tmp_path))
    project.orch("comment", RUN, OTHER, **job(server, tmp_path, 12))
    server.pulls[7].head = "5" * 40
    done = project.orch("pr", "status", **env)
    lines = [line.split() for line in done.out.splitlines()]
    assert [line[:3] for line in lines[1:] if "/" in line[0]] == [
        ["prod/api", "12", "update"],
        ["prod/data", "7", "update"],
        ["prod/data", "12", "update"],
        ["prod/identity", "7", "blocked"],
        ["prod/identity", "12", "blocked"],
    ]
    assert "1 open pull request has no plan: #13" in done.err
    rows = project.orch("pr", "status", "--json", **env).json
    assert (rows["format"], rows["kind"]) == (1, "pr-status")
    assert rows["rows"][1] == {
        "unit": "prod/data",
        "pull_request": 7,
        "title": "a change",
        "author": "alice",
        "change": "update",
        "stale": True,
        "shared": [12],
        "url": "https://github.com/example/platform/pull/7",
        "state": "stale: planned 1111111, the branch is at 5555555; also changed by #12",
    }
    assert "nowhere to post" in project.orch("pr", "status", code=2).err


def test_a_merge_request_of_gitlab(project: Project, tmp_path: Path) -> None:
    with GitlabServer() as server:
        server.add_merge_request(7, HEAD)
        values = {"CI_MERGE_REQUEST_IID": "7", "CI_COMMIT_SHA": HEAD, "CI_PIPELINE_IID": "40"}
        done = project.orch("comment", RUN, **server.environment(BOT_TOKEN, **values))
        assert f"prod: comment created  {server.url}/{PROJECT}/-/merge_requests/7#note_" in done.out
        assert "prod: commit status action_required: prod: 1 blocked, 1 update" in done.out
        (text,) = server.bodies(7)
        marker = parse_marker(text)
        assert marker is not None
        assert (marker.run, marker.head) == ("40.1", HEAD)
        assert [(each["sha"], each["state"]) for each in server.statuses] == [(HEAD, "failed")]
        fork = values | {
            "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "alice/platform",
            "CI_MERGE_REQUEST_PROJECT_PATH": PROJECT,
        }
        denied = project.orch("comment", RUN, code=2, **server.environment(JOB_TOKEN, **fork))
        assert "pull request 7 comes from a fork" in denied.err
        assert server.mistakes == []
