"""The shell steps of `.github/workflows/orch.yml` as they stand, from a pull request to the apply after its merge.

The emulator stands for AWS. What GitHub gives to a step is given: variables, the event, outputs of other jobs, artifacts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.report.comment.marker import Marker
from tests.support.emulator import new_account_id
from tests.support.github_server import APP_TOKEN, GithubServer
from tests.support.gitlab_server import GitlabServer
from tests.support.project import Project
from tests.support.workflows import DRIFT, FORK, ORCH, Job, Runner, gitlab_script, run_script, step_of

pytestmark = pytest.mark.integration

HOSTILE = '$(touch${IFS}pwned)`touch${IFS}pwned`";touch${IFS}pwned;#'
"""The name of a branch, the title of a pull request, the text of a comment."""


class Platform:
    """A repository on a code host with one stage, applied, and pull request 7."""

    def __init__(self, base: Path, emulator: Path) -> None:
        made = Project(base / "origin", emulator=emulator, accounts={"main": new_account_id()})
        made.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: }\n")
        made.write("live/stages/test.yaml", "account: main\nstacks: {first: }\n")
        made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
        made.write("live/stacks/second.yaml", "module: box\ninputs: {value: 'after ${{ first.value }}'}\n")
        made.write(".gitignore", ".orch/\n")
        made.orch("schema")
        made.git("init", "-q", "-b", "main")
        self.commit_all(made, "The platform")
        self.origin = made.ready()
        self.commit_all(made, "The accounts")
        made.orch("apply", "prod", "test", "--yes", "-q")
        made.git("checkout", "-q", "-b", HOSTILE)
        made.write("live/stages/prod.yaml", "account: main\nstacks: {first: {inputs: {value: two}}, second: }\n")
        self.commit_all(made, "Say two")
        self.head = self.commit("HEAD")
        made.git("checkout", "-q", "--detach", "main")
        made.git("merge", "-q", "--no-ff", "-m", "Merge", HOSTILE)
        made.git("update-ref", "refs/pull/7/merge", "HEAD")
        made.git("checkout", "-q", "main")
        self.runner = Runner(base, made.root, emulator)

    @staticmethod
    def commit_all(project: Project, message: str) -> None:
        project.git("add", "-A")
        project.git("commit", "-q", "--allow-empty", "-m", message)

    def commit(self, name: str) -> str:
        return self.origin_git("rev-parse", name)

    def origin_git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.origin.root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def pull_request(self) -> dict[str, Any]:
        head = {"sha": self.head, "ref": HOSTILE, "repo": {"full_name": "example/platform"}}
        base = {"ref": "main", "sha": self.commit("main")}
        pull = {"number": 7, "title": HOSTILE, "head": head, "base": base}
        repository = {"full_name": "example/platform", "default_branch": "main"}
        return {"action": "synchronize", "number": 7, "pull_request": pull, "repository": repository}

    def job(self, **more: str) -> Job:
        """A job of the pull request."""
        env = {"GITHUB_BASE_REF": "main", "GITHUB_HEAD_REF": HOSTILE, "GITHUB_REF_NAME": "7/merge", **more}
        return self.runner.job("pull_request", self.pull_request(), "refs/pull/7/merge", **env)


@pytest.fixture
def platform(tmp_path: Path, emulator: Path) -> Platform:
    return Platform(tmp_path, emulator)


@pytest.fixture(scope="module")
def unmerged(tmp_path_factory: pytest.TempPathFactory, emulator: Path) -> Platform:
    """A platform for the tests that leave the pull request as it is."""
    return Platform(tmp_path_factory.mktemp("unmerged"), emulator)


def comment(
    platform: Platform,
    github: GithubServer,
    artifact: Path | None,
    jobs: int,
    *,
    base: Path | None = None,
    code: int = 0,
) -> None:
    """Run the job `comment` on what the jobs that plan have left."""
    job = platform.job(GITHUB_API_URL=github.url)
    if artifact is not None:
        job.download(artifact)
    if base is not None:
        job.download(base, ".orch/base")
    job.run(
        step_of(ORCH, "comment", "Comment"),
        code=code,
        github_token=APP_TOKEN,
        github_event_pull_request_head_sha_needs_command_outputs_head=platform.head,
        needs_check_outputs_matrix_needs_command_outputs_matrix=json.dumps({"include": [{}] * jobs}),
    )


def test_a_pull_request_is_checked_planned_shown_and_after_the_merge_applied(
    platform: Platform, tmp_path: Path
) -> None:
    check = platform.job()
    check.run(step_of(ORCH, "check", "Check without AWS"))
    listed = check.run(step_of(ORCH, "check", "List the units that the change affects"))
    assert listed.matrix == [{"account": "main", "targets": "prod/first prod/second"}]
    assert json.loads((check.work / "orch.sarif").read_text())["version"] == "2.1.0"
    assert (check.work / "orch.xml").is_file()

    with GithubServer() as github:
        artifact = plan_of(platform, listed.matrix[0]["targets"], tmp_path / "artifact")
        github.add_pull(7, platform.head)
        comment(platform, github, None, 1, code=1)
        assert (github.comments, github.checks) == ({}, [])
        comment(platform, github, artifact, 1)
        (shown,) = github.bodies(7)
        assert f"head={platform.head}" in shown
        (full,) = tmp_path.glob("job-*/work/orch-prod.md")
        assert f"head={platform.head}" in full.read_text(encoding="utf-8")
        assert {each.values["name"]: each.values["conclusion"] for each in github.checks} == {
            "orch: prod": "neutral",
            "orch: test": "success",
        }
        merge_and_apply(platform, github, tmp_path / "applied")
        assert "applied" in github.bodies(7)[0]
    assert github.mistakes == []
    assert list(tmp_path.rglob("pwned")) == []


def plan_of(platform: Platform, targets: str, artifact: Path) -> Path:
    """Run the job `plan`, and return what it leaves for the others."""
    job = platform.job()
    planned = job.run(step_of(ORCH, "plan", "Plan"), matrix_targets=targets)
    assert "2 plans stored in s3" in " ".join(planned.out.split())
    kept = job.upload(ORCH, "plan", "Keep the records", artifact)
    assert sorted(Path(name).name for name in kept) == ["eu-west-1.json", "report.json"]
    return artifact


def drift_beside_a_change(platform: Platform) -> None:
    """Merge a unit that nobody applies into main; the pull request touches its file, and adds another unit."""
    origin = platform.origin
    origin.write("live/stages/test.yaml", "account: main\nstacks: {first: , third: }\n")
    origin.write("live/stacks/third.yaml", "module: box\ninputs: {value: three}\n")
    platform.commit_all(origin, "Add the third, applied by nobody")
    origin.git("checkout", "-q", HOSTILE)
    origin.git("merge", "-q", "-m", "Merge main", "main")
    origin.write("live/stages/test.yaml", "account: main\nstacks: {first: , third: , fourth: }\n")
    origin.write("live/stacks/third.yaml", "# The third\nmodule: box\ninputs: {value: three}\n")
    origin.write("live/stacks/fourth.yaml", "module: box\ninputs: {value: four}\n")
    platform.commit_all(origin, "Add the fourth")
    platform.head = platform.commit("HEAD")
    origin.git("checkout", "-q", "--detach", "main")
    origin.git("merge", "-q", "--no-ff", "-m", "Merge", HOSTILE)
    origin.git("update-ref", "refs/pull/7/merge", "HEAD")
    origin.git("checkout", "-q", "main")


def test_what_the_base_commit_plans_as_well_stands_apart_in_the_comment(platform: Platform, tmp_path: Path) -> None:
    drift_beside_a_change(platform)
    job, heads, bases = platform.job(), tmp_path / "head", tmp_path / "base"
    job.run(step_of(ORCH, "plan", "Plan"), matrix_targets="test/third test/fourth")
    job.run(
        step_of(ORCH, "plan", "Check out the commit that the change starts from"),
        matrix_targets="",
        github_event_name_issue_comment_change=".",
    )
    planned = job.run(
        step_of(ORCH, "plan", "Plan that commit as well"),
        matrix_targets="test/third test/fourth",
        needs_command_outputs_base_github_base_ref="main",
    )
    assert "orch plan test/third" in planned.out
    assert "test/fourth" not in planned.out
    job.upload(ORCH, "plan", "Keep the records", heads)
    assert [Path(name).name for name in job.upload(ORCH, "plan", "Keep the records of that commit", bases)] == [
        "report.json"
    ]
    with GithubServer() as github:
        github.add_pull(7, platform.head)
        comment(platform, github, heads, 1, base=bases)
        (shown,) = github.bodies(7)
    change, _, before = shown.partition("#### Differed before this pull request")
    assert "<code>test/third</code>" in before
    assert "<code>test/third</code>" not in change
    assert "<code>test/fourth</code>" in change
    assert list(tmp_path.rglob("pwned")) == []


def test_a_base_commit_that_cannot_be_planned_stops_nothing(platform: Platform) -> None:
    origin = platform.origin
    origin.git("checkout", "-q", "--detach", "main")
    origin.write("live/stacks/second.yaml", "module: box\ninputs: {valeu: invalid}\n")
    platform.commit_all(origin, "A base with an error")
    origin.git("merge", "-q", "--no-ff", "-X", "theirs", "-m", "Merge", HOSTILE)
    origin.git("update-ref", "refs/pull/7/merge", "HEAD")
    job = platform.job()
    job.run(
        step_of(ORCH, "plan", "Check out the commit that the change starts from"),
        matrix_targets="",
        github_event_name_issue_comment_change=".",
    )
    ended = job.run(
        step_of(ORCH, "plan", "Plan that commit as well"),
        matrix_targets="prod/first prod/second",
        needs_command_outputs_base_github_base_ref="main",
    )
    assert "::warning::" in ended.out


def test_a_push_in_between_makes_the_plans_stale_and_nothing_is_applied(platform: Platform, tmp_path: Path) -> None:
    with GithubServer() as github:
        github.add_pull(7, platform.head)
        comment(platform, github, plan_of(platform, "prod/first prod/second", tmp_path / "artifact"), 1)
        platform.origin.write("live/stacks/second.yaml", "module: box\ninputs: {value: 'now ${{ first.value }}'}\n")
        platform.commit_all(platform.origin, "Say now (#8)")
        platform.origin.git("merge", "-q", "--squash", HOSTILE)
        platform.commit_all(platform.origin, "Say two (#7)")
        merged = platform.commit("main")
        github.add_pull(7, platform.head, state="merged", merge_commit=merged)
        push = {"ref": "refs/heads/main", "before": "", "after": merged, "repository": {}}
        env = {"GITHUB_REF_PROTECTED": "true", "GITHUB_API_URL": github.url}
        apply = platform.runner.job("push", push, "refs/heads/main", **env)
        ended = apply.run(step_of(ORCH, "apply", "Apply"), code=None, matrix_targets="prod")
        assert ended.code == 4, ended.out + ended.err
        assert "prod/second" in ended.out + ended.err
        apply.upload(ORCH, "apply", "Keep the records", tmp_path / "refused")
        last = platform.runner.job("push", push, "refs/heads/main", **env)
        last.download(tmp_path / "refused")
        last.run(step_of(ORCH, "applied", "Comment"), github_token=APP_TOKEN)
        (shown,) = github.bodies(7)
        assert "not applied" in shown
    assert platform.origin.orch("output", "prod/first", "value").out.strip().strip('"') == "one"
    assert github.mistakes == []


def merge_and_apply(platform: Platform, github: GithubServer, artifact: Path) -> None:
    """Merge the pull request and run the jobs of the push."""
    before = platform.commit("main")
    platform.origin.git("merge", "-q", "--squash", HOSTILE)
    platform.commit_all(platform.origin, "Say two (#7)")
    merged = platform.commit("main")
    github.add_pull(7, platform.head, state="merged", merge_commit=merged)
    push = {"ref": "refs/heads/main", "before": before, "after": merged, "repository": {}}
    stages = platform.runner.job("push", push, "refs/heads/main", GITHUB_REF_PROTECTED="true")
    step = step_of(ORCH, "stages", "List the stages to apply")
    found = stages.run(step, github_event_before=before, needs_command_outputs_stages="")
    assert found.matrix == [{"stage": "prod", "targets": "prod"}]
    unknown = stages.run(step, github_event_before="0" * 40, needs_command_outputs_stages="")
    assert sorted(each["stage"] for each in unknown.matrix) == ["prod", "test"]
    asked = stages.run(step, github_event_before="", needs_command_outputs_stages="test prod")
    assert sorted(each["stage"] for each in asked.matrix) == ["prod", "test"]

    apply = platform.runner.job("push", push, "refs/heads/main", GITHUB_REF_PROTECTED="true")
    apply.run(step_of(ORCH, "apply", "Apply"), matrix_targets="prod")
    (report,) = [json.loads(path.read_text()) for path in apply.work.glob(".orch/runs/*/report.json")]
    applied = {unit["unit"]: unit["status"] for unit in report["units"]}
    assert applied == dict.fromkeys(("prod/first", "prod/second"), "applied")
    assert all(each["as_approved"] for each in report["approved"]["units"])
    apply.upload(ORCH, "apply", "Keep the records", artifact)
    env = {"GITHUB_REF_PROTECTED": "true", "GITHUB_API_URL": github.url}
    last = platform.runner.job("push", push, "refs/heads/main", **env)
    last.download(artifact)
    last.run(step_of(ORCH, "applied", "Comment"), github_token=APP_TOKEN)


def test_a_change_without_units_is_success_and_says_so_where_there_was_a_plan(unmerged: Platform) -> None:
    with GithubServer() as github:
        github.add_pull(7, unmerged.head)
        comment(unmerged, github, None, 0)
        assert github.comments == {}
        assert [each.values["conclusion"] for each in github.checks] == ["success", "success"]
        github.add_comment(7, f"{Marker('prod', '1.1', 'b' * 40, '9b1c4e2a')}\n### old")
        comment(unmerged, github, None, 0)
        (shown,) = github.bodies(7)
        assert "no unit is affected" in shown


def test_the_scripts_of_gitlab_check_and_plan_alike(unmerged: Platform) -> None:
    job = unmerged.job(CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main", CI_COMMIT_REF_NAME=HOSTILE, CI_COMMIT_TITLE=HOSTILE)
    for name in ("GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_RUN_NUMBER", "GITHUB_EVENT_PATH"):
        del job.env[name]
    for script in ("check", "plan"):
        done = run_script(
            gitlab_script(script), cwd=job.work, env={**job.env, "GITLAB_CI": "true", "ORCH_PLAN_ROLE": ""}
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((job.work / "units.json").read_text())["rows"]
    for folder in (".orch", "base/.orch"):
        (report,) = [json.loads(path.read_text()) for path in job.work.glob(f"{folder}/runs/*/report.json")]
        assert [each["unit"] for each in report["units"]] == ["prod/first", "prod/second"]
    guard = "\n".join(gitlab_script("comment").splitlines()[:4])
    with GitlabServer() as gitlab:
        gitlab.add_merge_request(7, unmerged.head)
        mine = gitlab.environment(CI_MERGE_REQUEST_IID="7", CI_PIPELINE_IID="100")
        env = {**job.env, **mine, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": unmerged.head}
        done = run_script(gitlab_script("comment"), cwd=job.work, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        (shown,) = gitlab.bodies(7)
        assert f"head={unmerged.head}" in shown
        assert {each["name"]: each["state"] for each in gitlab.statuses} == {
            "orch: prod": "success",
            "orch: test": "success",
        }
        assert gitlab.mistakes == []
    assert json.loads((job.work / "quality.json").read_text()) == []
    empty = {**job.env, "GITLAB_CI": "true"}
    assert run_script(guard, cwd=job.work, env=empty).returncode == 0
    shutil.rmtree(job.work / ".orch/runs")
    shutil.rmtree(job.work / "base")
    assert "the job plan left no record" in run_script(guard, cwd=job.work, env=empty).stderr
    (job.work / "units.json").write_text('{"rows": []}')
    assert run_script(guard, cwd=job.work, env=empty).returncode == 0
    assert list(unmerged.origin.root.parent.rglob("pwned")) == []


@pytest.mark.full
def test_what_nobody_planned_is_not_applied_after_the_merge(platform: Platform) -> None:
    platform.origin.git("merge", "-q", "--squash", HOSTILE)
    platform.commit_all(platform.origin, "Say two (#7)")
    push = {"ref": "refs/heads/main", "before": "", "after": platform.commit("main"), "repository": {}}
    apply = platform.runner.job("push", push, "refs/heads/main", GITHUB_REF_PROTECTED="true")
    ended = apply.run(step_of(ORCH, "apply", "Apply"), code=None, matrix_targets="prod")
    assert ended.code == 4, ended.out + ended.err


def test_a_plan_for_a_comment_is_of_the_merge_result_and_of_the_commit_that_was_checked(
    unmerged: Platform, tmp_path: Path
) -> None:
    job = unmerged.runner.job("issue_comment", {"repository": {"default_branch": "main"}}, "refs/heads/main")
    job.checkout("refs/pull/7/merge", "change")
    step = step_of(ORCH, "command", "List the units that the change affects")
    listed = job.run(step, steps_command_outputs_base="main", steps_command_outputs_head=unmerged.head)
    assert listed.matrix == [{"account": "main", "targets": "prod/first prod/second"}]
    newer = job.run(step, code=1, steps_command_outputs_base="main", steps_command_outputs_head="a" * 40)
    assert "there is a newer commit" in newer.out

    plan = step_of(ORCH, "plan", "Plan, for a comment")
    job.run(
        plan,
        matrix_targets="prod/first",
        needs_command_outputs_base="main",
        needs_command_outputs_head=unmerged.head,
    )
    (report,) = [json.loads(path.read_text()) for path in job.work.glob(".orch/runs/*/report.json")]
    assert [unit["status"] for unit in report["units"]] == ["planned"]
    job.run(
        step_of(ORCH, "plan", "Check out the commit that the change starts from"),
        matrix_targets="",
        github_event_name_issue_comment_change="change",
    )
    before = step_of(ORCH, "plan", "Plan that commit as well")
    job.run(before, matrix_targets="prod/first", needs_command_outputs_base_github_base_ref="main")
    (report,) = [json.loads(path.read_text()) for path in job.work.glob("base/.orch/runs/*/report.json")]
    assert [unit["status"] for unit in report["units"]] == ["unchanged"]


def test_each_night_drift_is_looked_for_in_every_account(unmerged: Platform, tmp_path: Path) -> None:
    job = unmerged.runner.job("schedule", {}, "refs/heads/main", GITHUB_REF_PROTECTED="true")
    listed = job.run(step_of(DRIFT, "accounts", "List all units"))
    assert [each["account"] for each in listed.matrix] == ["main"]
    job.run(step_of(DRIFT, "drift", "Compare AWS with the states"), matrix_targets=listed.matrix[0]["targets"])
    assert len(job.upload(DRIFT, "drift", "Keep the records", tmp_path / "artifact")) == 1


@pytest.mark.full
def test_the_change_of_a_fork_is_rehearsed_and_the_result_shown(unmerged: Platform, tmp_path: Path) -> None:
    job, artifact = unmerged.job(), tmp_path / "artifact"
    job.run(step_of(ORCH, "rehearse", "Apply base and then the change on the emulator"))
    assert "prod" in Path(job.env["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
    names = job.upload(ORCH, "rehearse", "Keep the record", artifact)
    assert "rehearsal.json" in {Path(name).name for name in names}
    with GithubServer() as github:
        github.add_pull(7, unmerged.head, source="eve/platform")
        event = {"workflow_run": {"pull_requests": [], "head_sha": unmerged.head}}
        later = unmerged.runner.job("workflow_run", event, "refs/heads/main", GITHUB_API_URL=github.url)
        later.download(artifact)
        step = step_of(FORK, "comment", "Comment")
        later.run(step, github_token=APP_TOKEN, github_event_workflow_run_head_sha=unmerged.head)
        (shown,) = github.bodies(7)
        assert f"head={unmerged.head}" in shown
    assert github.mistakes == []
