"""The files of a CI that `orch init` writes: valid, linted, with the least rights, and safe from what people write."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.workflows import ACTION, DRIFT, FORK, GITLAB, ORCH, ci_files, loaded, run_script, steps

BIN = Path(sys.executable).parent
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+(?:  # .*)?")
LOCAL = "uses: ./.github/actions/orch"
WORKFLOWS = pytest.mark.parametrize("workflow", [ORCH, DRIFT, FORK])
WRITES_AWS = "aws-actions/configure-aws-credentials"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ci")
    for host in ("github", "gitlab"):
        for name, data in ci_files(host).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return root


def run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    return subprocess.run(
        [program, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def test_zizmor_finds_nothing(folder: Path) -> None:
    options = ("--offline", "--no-progress", "--persona", "pedantic", "--format", "json")
    done = run(folder, "zizmor", *options, ".github")
    found = [(each["ident"], each["locations"][0]["symbolic"]["annotation"]) for each in json.loads(done.stdout)]
    # `$/` in place of `./` is not known to GitHub Enterprise Server; the jobs check out the commit of the workflow first.
    assert [each for each in found if each[0] != "self-repository"] == [], done.stdout


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ("vendor.github-workflows", [ORCH, DRIFT, FORK]),
        ("vendor.github-actions", [ACTION]),
        ("vendor.gitlab-ci", [GITLAB]),
    ],
)
def test_the_files_have_the_form_that_the_hosts_publish(folder: Path, schema: str, names: list[str]) -> None:
    transform = ("--data-transform", "gitlab-ci") if "gitlab" in schema else ()
    done = run(folder, "check-jsonschema", "--builtin-schema", schema, *transform, *names)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [ORCH, DRIFT, FORK, ACTION])
def test_actions_are_pinned_by_commit_with_their_version(name: str) -> None:
    lines = ci_files("github")[name].decode().splitlines()
    uses = [line.strip().removeprefix("- ") for line in lines if line.strip().removeprefix("- ").startswith("uses:")]
    assert uses
    assert [line for line in uses if line != LOCAL and not PINNED.fullmatch(line)] == []


def scripts() -> list[str]:
    found = [step["run"] for name in (ORCH, DRIFT, FORK) for _, step in steps(name) if "run" in step]
    return found + [step["run"] for step in loaded(ACTION)["runs"]["steps"] if "run" in step]


def test_no_script_contains_an_expression() -> None:
    """An expression is put into the script before the shell reads it, so that a branch's name could become a command."""
    assert len(scripts()) > 10
    assert [each for each in scripts() if "${{" in each] == []


@WORKFLOWS
def test_what_people_write_is_in_no_expression(workflow: str) -> None:
    """Titles, branches and texts are in the event's file, which orch reads; only `if` asks how a comment starts."""
    text = ci_files("github")[workflow].decode()
    expressions = re.findall(r"\$\{\{(.*?)\}\}", text)
    written = re.compile(r"title|body|head\.ref|head_ref|base\.ref|label|login|email|message|ref_name")
    assert [each for each in expressions if written.search(each)] == []


@WORKFLOWS
def test_a_job_has_rights_in_aws_or_a_token_that_writes_never_both(workflow: str) -> None:
    content = loaded(workflow)
    assert content["permissions"] == {}
    for name, job in content["jobs"].items():
        rights = dict(job["permissions"])
        aws = any(step.get("uses", "").startswith(WRITES_AWS) for step in job["steps"])
        token = any("github.token" in str(step) for step in job["steps"])
        assert (rights.pop("id-token", "") == "write") == aws, name
        assert not (aws and token), name
        assert not (aws and "write" in rights.values()), name
        assert rights["contents"] == "read", name
        writes = {right for right, kind in rights.items() if kind == "write"}
        assert not writes or token, name


@WORKFLOWS
def test_no_checkout_leaves_its_token_behind(workflow: str) -> None:
    checkouts = [step for _, step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_only_plans_are_made_of_what_is_not_merged() -> None:
    """On a comment, everything but the plan runs the default branch, and the plan takes nothing but its data from it."""
    for job, step in steps(ORCH):
        ref = str(step.get("with", {}).get("ref", ""))
        if ref:
            assert re.fullmatch(r"refs/pull/\$\{\{ (steps|needs)\.command\.outputs\.pull \}\}/merge", ref), job
            assert step["with"]["path"] == "change"
            assert job in {"command", "plan"}
    jobs = loaded(ORCH)["jobs"]
    for job in ("apply", "stages", "applied", "waiver"):
        assert all("ref" not in step.get("with", {}) for step in jobs[job]["steps"]), job


def test_forks_get_no_rights() -> None:
    jobs = loaded(ORCH)["jobs"]
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    assert same in jobs["plan"]["if"]
    assert same in jobs["comment"]["if"]
    for job in ("check", "rehearse"):
        assert jobs[job]["permissions"] == {"contents": "read"}
        assert "secrets" not in str(jobs[job])


def test_nothing_of_a_fork_is_checked_out_where_a_token_can_write() -> None:
    assert all(not set(step.get("with", {})) & {"ref", "repository"} for _, step in steps(FORK))
    assert "pull_request_target" not in "".join(data.decode() for data in ci_files("github").values())


def test_an_apply_is_never_canceled_and_has_the_environment_of_its_stage() -> None:
    apply = loaded(ORCH)["jobs"]["apply"]
    assert apply["concurrency"] == {"group": "orch-apply-${{ matrix.stage }}", "cancel-in-progress": False}
    assert apply["environment"] == "${{ matrix.stage }}"
    assert loaded(ORCH)["concurrency"]["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
    gitlab = loaded(GITLAB)["apply"]
    assert (gitlab["resource_group"], gitlab["environment"]) == ("orch-apply-$STAGE", {"name": "$STAGE"})
    assert gitlab["interruptible"] is False


def test_a_configuration_that_is_wrong_is_shown_on_its_line_before_anything_is_listed() -> None:
    """`orch list` cannot read it either, but prints no annotation; and its list is needed after other problems."""
    named = [step for job, step in steps(ORCH) if job == "check" and "run" in step]
    assert ["--annotate" in step["run"] for step in named] == [True, False]
    assert named[1]["if"] == "${{ !cancelled() && steps.check.outcome != 'skipped' }}"


def test_artifacts_have_records_and_no_plans() -> None:
    uploads = [step["with"]["path"] for _, step in steps(ORCH) if "upload-artifact" in step.get("uses", "")]
    kept = {path for each in uploads for path in each.split()}
    records = {".orch/runs/*/report.json", ".orch/runs/*/receipts/"}
    base = {"base/.orch/runs/*/report.json"}
    assert kept == records | base | {"orch.sarif", "orch.xml", "orch-*.md", ".orch/runs/*/rehearsal.json"}
    assert set(loaded(GITLAB)["plan"]["artifacts"]["paths"]) == records | base | {"units.json"}
    assert set(loaded(GITLAB)[".aws"]["artifacts"]["paths"]) == records


def test_gitlab_jobs_with_a_role_are_not_those_that_write() -> None:
    jobs: dict[str, Any] = {
        name: job for name, job in loaded(GITLAB).items() if isinstance(job, dict) and "script" in job
    }
    roles = {name for name, job in jobs.items() if ".aws" in str(job["extends"])}
    writing = {name for name, job in jobs.items() if re.search(r"orch (comment|issue|pr)\b", "\n".join(job["script"]))}
    assert (roles, writing) == ({"plan", "apply", "drift"}, {"comment", "rehearsed", "applied", "issues"})
    assert not any("id_tokens" in job for job in jobs.values())


def test_gitlab_shows_problems_on_the_lines_of_a_merge_request() -> None:
    for job in ("check", "comment"):
        reports = loaded(GITLAB)[job]["artifacts"]["reports"]
        assert reports == {"junit": "orch.xml", "codequality": "quality.json"}
        assert "--junit orch.xml" in loaded(GITLAB)[job]["script"][-1]
        assert "--code-quality quality.json" in loaded(GITLAB)[job]["script"][-1]


def test_gitlab_comments_for_a_fork_only_in_the_project_itself() -> None:
    (rule,) = loaded(GITLAB)["rehearsed"]["rules"]
    assert "$CI_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID" in rule["if"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID != $CI_MERGE_REQUEST_PROJECT_ID" in rule["if"]
    kept = loaded(GITLAB)["rehearse"]["artifacts"]["paths"]
    assert {".orch/runs/*/report.json", ".orch/runs/*/rehearsal.json"} <= set(kept)


def test_pull_requests_to_other_branches_run_nothing() -> None:
    """The policies of another base are its author's. A check is of a commit, so it would count for the default branch."""
    on = loaded(ORCH)["on"]
    assert on["pull_request"]["branches"] == on["push"]["branches"]
    (rule,) = [each["if"] for each in loaded(GITLAB)["workflow"]["rules"] if "merge_request_event" in each["if"]]
    assert rule.endswith("&& $CI_MERGE_REQUEST_TARGET_BRANCH_NAME == $CI_DEFAULT_BRANCH")


def test_the_names_of_folders_are_no_options() -> None:
    """What comes from an artifact is named by whoever made it; `--complete` is a name of a folder as well."""
    lines = [line for script in [*scripts(), *gitlab_scripts()] for line in script.splitlines() if "##*/}" in line]
    assert len(lines) == 8
    assert [line for line in lines if ' -- "${runs[@]##*/}"' not in line] == []


def gitlab_scripts() -> list[str]:
    jobs = [job for job in loaded(GITLAB).values() if isinstance(job, dict)]
    return ["\n".join(job["script"]) for job in jobs if "script" in job]


def test_of_a_fork_only_its_rehearsal_is_taken() -> None:
    (comment,) = [step["run"] for _, step in steps(FORK) if "orch comment" in step.get("run", "")]
    assert "orch comment --fork " in comment


def test_a_job_that_runs_again_can_upload_again() -> None:
    uploads = [step["with"] for name in (ORCH, DRIFT) for _, step in steps(name) if "upload" in step.get("uses", "")]
    assert len(uploads) == 7
    assert all(each["overwrite"] is True for each in uploads)


def test_a_record_in_git_is_refused_before_it_passes_for_that_of_a_run(tmp_path: Path) -> None:
    """An author can commit `.orch/runs/RUN/report.json`, in which nothing changes, although git ignores the folder."""
    name = "Refuse records that are in git"
    (action,) = [step["run"] for step in loaded(ACTION)["runs"]["steps"] if step.get("name") == name]
    (gitlab,) = [line for line in loaded(GITLAB)[".orch"]["before_script"] if "ls-files" in line]
    comments = [step["run"] for _, step in steps(ORCH) if "-C change ls-files" in step.get("run", "")]
    assert len(comments) == 2
    git = ("git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.cd")
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "change").symlink_to(".")
    lines = [line for each in comments for line in each.splitlines() if "ls-files" in line]
    for made, code in (("live/orch.yaml", 0), (".orch/runs/20261124-130207-7f3a/report.json", 1)):
        (tmp_path / made).parent.mkdir(parents=True)
        (tmp_path / made).write_text("{}")
        subprocess.run([*git, "add", "-f", made], check=True)
        for script in (action, gitlab, *lines):
            done = run_script(script, cwd=tmp_path, env=os.environ)
            assert (done.returncode, ".orch/ is in git" in done.stdout) == (code, bool(code)), script
