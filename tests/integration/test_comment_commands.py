"""Commands in comments, nightly issues and fork comments: the workflow's steps against a server that speaks GitHub's API."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.findings import finding_id
from orchestrator.report.comment.marker import Marker
from orchestrator.report.json import run_json
from orchestrator.report.model import RunReport, Status
from orchestrator.report.rehearsal.json_form import rehearsal_form
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.rehearse.record import save_rehearsal
from tests.support.comments import RUN, attribute, pool_finding, pool_replacement, unit, update
from tests.support.github_server import APP_TOKEN, REPOSITORY_NAME, Comment, GithubServer
from tests.support.gitlab_server import GitlabServer
from tests.support.project import Project
from tests.support.rehearsals import mixed
from tests.support.workflows import DRIFT, FORK, ORCH, Job, Runner, comment_event, gitlab_script, run_script, step_of

pytestmark = pytest.mark.integration

HEAD = "3f9c2d1e5b6a7c8d9e0f1a2b3c4d5e6f7a8b9c0d"
COMMAND = step_of(ORCH, "command", "Check and answer the command")
WAIVER = step_of(ORCH, "waiver", "Answer with the waiver")
FINDING = pool_finding("prod/identity").id
HOSTILE = "$(touch pwned) `touch pwned` ; touch pwned | touch pwned && ' \" \\ @everyone <img src=x> #1"


class Hosted:
    """A platform without AWS, and its repository on a server."""

    def __init__(self, base: Path, emulator: Path, github: GithubServer) -> None:
        made = Project(base / "origin", emulator=None, accounts={"main": "111111111111"})
        made.write("live/stages/prod.yaml", "account: main\nstacks: {identity: }\n")
        made.write("live/stacks/identity.yaml", "module: box\n")
        made.write("policies/owners.yaml", "anna: [anna@example.com, 42+ann@users.noreply.github.com]\n")
        made.git("init", "-q", "-b", "main")
        made.git("add", "-A")
        made.git("commit", "-q", "-m", "The platform")
        self.base, self.github, self.runner = base, github, Runner(base, made.root, emulator)

    def job(self, body: str = "", event: str = "issue_comment", payload: Any = None) -> Job:
        env = {"GITHUB_API_URL": self.github.url, "GITHUB_REF_PROTECTED": "true"}
        if body:
            self.github.comments[5] = Comment(5, 7, "ann", body)
        return self.runner.job(event, comment_event(body) if payload is None else payload, "refs/heads/main", **env)

    def show(self, stage: str, text: str = "", head: str = HEAD) -> None:
        """Let orch's comment show a commit."""
        self.github.add_comment(7, f"{Marker(stage, '1187.1', head, '9b1c4e2a')}\n### {stage}\n{text}")


@pytest.fixture
def hosted(tmp_path: Path, emulator: Path) -> Iterator[Hosted]:
    with GithubServer() as github:
        github.add_pull(7, HEAD)
        github.permissions = {"ann": "write", "eve": "read"}
        yield Hosted(tmp_path, emulator, github)
    assert github.mistakes == []


def test_a_plan_is_allowed_and_answered(hosted: Hosted) -> None:
    done = hosted.job("orch plan\n\n" + HOSTILE).run(COMMAND, github_token=APP_TOKEN)
    assert done.outputs == {"command": "plan", "pull": "7", "head": HEAD, "base": "main", "stages": "", "run": ""}
    (answer,) = hosted.github.bodies(7)
    assert answer.startswith(
        "▶️ `orch plan` starts in [this run](https://github.com/example/platform/actions/runs/19483)"
    )
    assert list(hosted.base.rglob("pwned")) == []


def test_what_is_merged_is_applied_as_it_was_shown_and_not_otherwise(hosted: Hosted) -> None:
    hosted.show("prod")
    refused = hosted.job("orch apply prod").run(COMMAND, code=3, github_token=APP_TOKEN)
    assert refused.outputs == {}
    assert "orch applies what is merged" in hosted.github.bodies(7)[-1]
    hosted.github.add_pull(7, HEAD, state="merged", merge_commit="a" * 40)
    done = hosted.job("orch apply").run(COMMAND, github_token=APP_TOKEN)
    assert (done.outputs["command"], done.outputs["stages"]) == ("apply", "prod")
    hosted.github.add_pull(7, "b" * 40, state="merged", merge_commit="a" * 40)
    hosted.job("orch apply prod").run(COMMAND, code=3, github_token=APP_TOKEN)
    assert "the head of the pull request is" in hosted.github.bodies(7)[-1]


@pytest.mark.parametrize(
    ("body", "source", "permission", "answer"),
    [
        ("orch plan", REPOSITORY_NAME, "read", "may not write to this repository"),
        ("orch plan", "eve/platform", "admin", "forks"),
        (f"orch plan {HOSTILE}", REPOSITORY_NAME, "admin", "takes no arguments"),
        (f"orch apply {HOSTILE}", REPOSITORY_NAME, "admin", "takes one stage"),
        ("orch waive 0123456789 x", REPOSITORY_NAME, "admin", "no comment with a plan"),
    ],
)
def test_what_is_not_allowed_is_answered_and_does_nothing(
    hosted: Hosted, body: str, source: str, permission: str, answer: str
) -> None:
    hosted.github.add_pull(7, HEAD, source=source)
    hosted.github.permissions = {"ann": permission}
    code = 2 if "takes" in answer else 3
    done = hosted.job(body).run(COMMAND, code=code, github_token=APP_TOKEN)
    assert done.outputs == {}
    (said,) = hosted.github.bodies(7)
    assert said.startswith("❌ ")
    assert answer in said.replace("`", "")
    assert "@everyone" not in said.replace("`@everyone", "")
    assert list(hosted.base.rglob("pwned")) == []


@pytest.mark.parametrize("body", ["orch help", "orch aply"])
def test_help_is_answered_with_the_commands(hosted: Hosted, body: str) -> None:
    hosted.github.add_pull(7, HEAD)
    assert hosted.job(body).run(COMMAND, github_token=APP_TOKEN).outputs == {}
    (said,) = hosted.github.bodies(7)
    assert "`orch waive FINDING REASON`" in said


def test_another_comment_is_none_of_its_business(hosted: Hosted) -> None:
    assert hosted.job("orch is slow today").run(COMMAND, github_token=APP_TOKEN).outputs == {}
    payload = comment_event("orch plan")
    del payload["issue"]["pull_request"]
    assert hosted.job(payload=payload).run(COMMAND, github_token=APP_TOKEN).outputs == {}
    assert hosted.github.bodies(7) == []


def test_a_comment_on_another_repository_is_refused(hosted: Hosted) -> None:
    payload = comment_event("orch plan")
    payload["repository"]["full_name"] = "eve/platform"
    assert "eve/platform" in hosted.job(payload=payload).run(COMMAND, code=2, github_token=APP_TOKEN).err


def saved(job: Job, report: RunReport) -> None:
    """Let a run have left its record."""
    folder = job.work / ".orch/runs" / report.run
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(run_json(report), encoding="utf-8")


def test_an_owner_gets_the_waiver_as_an_answer(hosted: Hosted) -> None:
    hosted.show(
        "prod", f"> - **Finding:** `ORCH_PROTECTED` `{FINDING}`\nhttps://github.com/example/platform/actions/runs/77"
    )
    body = f"orch waive {FINDING} agreed with Ann: {HOSTILE}"
    job = hosted.job(body)
    assert job.run(COMMAND, github_token=APP_TOKEN).outputs["run"] == "77"
    finding = pool_finding("prod/identity")
    blocked = unit("prod/identity", pool_replacement(), status=Status.BLOCKED, findings=(finding,))
    saved(job, RunReport(RUN, "plan", ("prod",), (blocked,), 1))
    job.run(WAIVER, github_token=APP_TOKEN)
    answer = hosted.github.bodies(7)[-1]
    assert f"id: {FINDING}" in answer.replace('"', "")
    assert "owner: anna" in answer
    assert "agreed with Ann" in answer
    assert "would be replaced by a new, empty one" in answer.replace("`", "")
    git = subprocess.run(["git", "-C", str(job.work), "status", "--short"], capture_output=True, text=True, check=True)
    assert "policies" not in git.stdout
    assert list(hosted.base.rglob("pwned")) == []
    assert finding_id("ORCH_PROTECTED", "prod/identity", finding.address, "replace") == FINDING


def test_a_stage_that_drifted_has_an_issue_until_it_is_clean(hosted: Hosted) -> None:
    step = step_of(DRIFT, "issues", "Open, update or close the issues")
    change = update("aws_sqs_queue.this", attribute("max_message_size", "1024", "2048"))
    drifted = RunReport(RUN, "drift", ("*",), (unit("prod/identity", change, status=Status.DRIFTED),), 1)
    job = hosted.job(event="schedule", payload={})
    saved(job, drifted)
    job.run(step, github_token=APP_TOKEN)
    (issue,) = hosted.github.issues.values()
    assert (issue["title"], issue["state"]) == ("Drift in prod: 1 unit", "open")
    clean = replace(drifted, units=(unit("prod/identity", status=Status.UNCHANGED),))
    job = hosted.job(event="schedule", payload={})
    saved(job, clean)
    job.run(step, github_token=APP_TOKEN)
    (issue,) = hosted.github.issues.values()
    assert (issue["title"], issue["state"]) == ("No drift in prod", "closed")
    saved(job, replace(drifted, run="20261125-130207-7f3a", verb="plan"))
    assert "not a run of orch drift" in job.run(step, code=2, github_token=APP_TOKEN).err


def test_the_pull_request_of_a_fork_is_found_by_its_head(hosted: Hosted) -> None:
    hosted.github.add_pull(7, HEAD, source="eve/platform")
    job = hosted.job(event="workflow_run", payload={"workflow_run": {"pull_requests": [], "head_sha": HEAD}})
    script = 'orch pr number "$HEAD" --json'
    step = replace(step_of(FORK, "comment", "Comment"), script=script)
    found = job.run(step, github_token=APP_TOKEN, github_event_workflow_run_head_sha=HEAD)
    assert json.loads(found.out)["rows"] == [{"pull_request": 7, "head": HEAD, "fork": True}]
    none = job.run(step, code=2, github_token=APP_TOKEN, github_event_workflow_run_head_sha="b" * 40)
    assert "0 open pull requests from forks" in " ".join((none.out + none.err).split())
    short = job.run(step, code=2, github_token=APP_TOKEN, github_event_workflow_run_head_sha=HEAD[:7])
    assert "not a whole commit id" in short.out + short.err


def test_gitlab_shows_the_rehearsal_of_a_fork_in_a_pipeline_of_the_project(hosted: Hosted) -> None:
    job = hosted.job(event="push", payload={})
    for name in [each for each in job.env if each.startswith("GITHUB_")]:
        del job.env[name]
    saved(job, RunReport(RUN, "rehearse", ("prod",), (unit("prod/identity"),), seconds=1))
    save_rehearsal(RunPaths(root=job.work, run=RUN), mixed())
    with GitlabServer() as gitlab:
        gitlab.add_merge_request(7, HEAD, source_project_id=99)
        mine = gitlab.environment(CI_MERGE_REQUEST_IID="7", CI_PIPELINE_IID="100")
        env = {**job.env, **mine, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD}
        done = run_script(gitlab_script("rehearsed"), cwd=job.work, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        (shown,) = gitlab.bodies(7)
        assert shown.startswith(f"<!-- orch:v1 stage=rehearse.prod run=100.1 head={HEAD} ")
        assert [(each["name"], each["state"]) for each in gitlab.statuses] == [("orch rehearse: prod", "failed")]
        assert gitlab.mistakes == []


def fork_job(hosted: Hosted) -> Job:
    """The job that shows what a fork's run saved, with the record of a rehearsal that a fork's run may save."""
    hosted.github.add_pull(7, HEAD, source="eve/platform")
    job = hosted.job(event="workflow_run", payload={"workflow_run": {"pull_requests": [], "head_sha": HEAD}})
    saved(job, RunReport(RUN, "rehearse", ("prod",), (), 1))
    form = rehearsal_form(replace(mixed(), run=RUN))
    (job.work / ".orch/runs" / RUN / "rehearsal.json").write_text(json.dumps(form), encoding="utf-8")
    return job


def run_fork(job: Job, code: int = 0) -> str:
    done = job.run(
        step_of(FORK, "comment", "Comment"), code=code, github_token=APP_TOKEN, github_event_workflow_run_head_sha=HEAD
    )
    return done.out + done.err


def test_a_forks_rehearsal_is_shown(hosted: Hosted) -> None:
    run_fork(fork_job(hosted))
    assert [each.values["name"] for each in hosted.github.checks] == ["orch rehearse: prod"]
    (shown,) = hosted.github.bodies(7)
    assert shown.startswith("<!-- orch:v1 stage=rehearse.prod ")


@pytest.mark.parametrize("verb", ["plan", "apply", "drift"])
def test_a_fork_cannot_pass_a_record_of_its_own_for_a_plan_or_an_apply(hosted: Hosted, verb: str) -> None:
    """Otherwise it passes the check `orch: prod`, which a protected branch requires, or marks the plans of others."""
    job = fork_job(hosted)
    saved(job, RunReport("20261124-140000-0000", verb, ("prod",), (unit("prod/identity", status=Status.UNCHANGED),), 1))
    assert "20261124-140000-0000 is not a rehearsal" in run_fork(job, code=3)
    assert (hosted.github.checks, hosted.github.comments) == ([], {})


@pytest.mark.parametrize("name", ["--complete", "--dry-run", "--file=x.md", "-C", "--pull-request=8"])
def test_the_name_of_a_folder_of_a_fork_is_no_option(hosted: Hosted, name: str) -> None:
    """`--complete` as the name of a folder would pass the check of every stage that the fork did not rehearse."""
    job = fork_job(hosted)
    (job.work / ".orch/runs" / name).mkdir()
    assert f"there is no run '{name}'" in " ".join(run_fork(job, code=2).split())
    assert (hosted.github.checks, hosted.github.comments) == ([], {})


def test_a_fork_with_the_head_of_another_pull_request_is_not_taken_for_it(hosted: Hosted) -> None:
    """Whoever pushes the head of somebody's pull request to a fork must not write into that one."""
    job = fork_job(hosted)
    hosted.github.add_pull(7, HEAD)
    assert "0 open pull requests from forks" in " ".join(run_fork(job, code=2).split())
    hosted.github.add_pull(8, HEAD, source="eve/platform")
    run_fork(job)
    assert (len(hosted.github.bodies(7)), len(hosted.github.bodies(8))) == (0, 1)
