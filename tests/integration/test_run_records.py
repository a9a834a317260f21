"""One record for each run, and one vocabulary: what the report, ``orch runs`` and ``orch show RUN`` say is the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.records import newest_record, told
from tests.support.states import States

pytestmark = pytest.mark.integration


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/old.yaml", "account: main\nstacks:\n  first:\n  second:\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    made.write("live/stacks/second.yaml", "module: box\ninputs: {value: 'after ${{ first.value }}'}\n")
    return made.ready()


def test_every_verb_has_one_record_of_its_own(project: Project) -> None:
    number = len(project.orch("runs", "--json").json["rows"])

    def after(*arguments: str, code: int = 0) -> tuple[str, str, int, int]:
        nonlocal number
        project.orch(*arguments, code=code)
        number += 1
        assert len(project.orch("runs", "--json").json["rows"]) == number, "each command is one run"
        return told(newest_record(project))

    assert after("plan", "old") == ("plan", "changes planned", 2, 0)
    assert after("apply", "old", "--yes") == ("apply", "done", 2, 0)
    assert after("apply", "old", "--yes") == ("apply", "nothing to do", 2, 0)
    assert after("plan", "old", "--no-refresh") == ("plan", "nothing to do", 2, 0)
    assert after("drift", "old") == ("drift", "nothing to do", 2, 0)
    assert after("show", "old/first", "--root") == ("show", "done", 1, 0)
    assert after("terraform", "old/first", "--", "state", "list") == ("terraform", "done", 1, 0)
    assert after("move", "old", "new", "--dry-run") == ("move", "changes planned", 2, 0)
    dry = newest_record(project)
    assert dry["targets"] == ["old", "new"]
    assert "dry run" in dry["note"]
    assert "orch move --dry-run old new" in project.orch("show", dry["run"]).out
    assert after("move", "old", "new", "--yes") == ("move", "done", 2, 0)

    # What is applied cannot be resumed, nor can a dry run, nor what only looked.
    assert "no apply on this machine was interrupted" in project.orch("apply", "--resume", code=2).err

    project.write("live/stages/more.yaml", "account: main\nstacks:\n  first:\n")
    states = States(project)
    key = "elsewhere/terraform.tfstate"
    states.s3.put_object(Bucket=states.bucket, Key=key, Body=states.get(states.key("new/first")))
    url = f"s3://{states.bucket}/{key}"
    refused = project.orch("adopt", "more/first", "--state", url, "--dry-run", code=2)
    assert "new/first manages" in refused.err
    number += 1
    assert told(newest_record(project)) == ("adopt", "failed", 0, 1), "it began, so it is there"

    assert after("destroy", "new", "--yes") == ("destroy", "done", 2, 0)
    assert after("adopt", "more/first", "--state", url, "--dry-run") == ("adopt", "changes planned", 1, 0)
    assert after("adopt", "more/first", "--state", url, "--yes") == ("adopt", "done", 1, 0)


def test_a_run_whose_set_up_fails_is_a_failed_one_that_nothing_resumes(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "env"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    env = {"PATH": str(folder), "ORCH_CACHE": str(tmp_path / "cache"), "ORCH_TERRAFORM_MIRROR": "file:///nothere"}
    failed = project.orch("apply", "old", "--yes", code=2, **env)
    assert "terraform" in failed.err
    assert told(newest_record(project)) == ("apply", "failed", 0, 2)
    run = project.orch("runs", "--json").json["rows"][0]["run"]
    assert "terraform" in project.orch("show", run).out, "the record says why"
    assert "no apply on this machine was interrupted" in project.orch("apply", "--resume", code=2).err
    assert "ended before it was approved" in project.orch("apply", "--resume", run, code=4).err
    project.orch("apply", "old", "--yes")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ORCH_CACHE", "/dev/null/cache"),
        ("HOME", "/dev/null"),
        ("TF_PLUGIN_CACHE_DIR", "/proc/nothere"),
        ("TMPDIR", "/nothere"),
        ("ORCH_PROVIDER_MIRROR", "/nothere"),
        ("TF_CLI_CONFIG_FILE", "/proc/self/mem"),
    ],
)
def test_a_path_of_the_environment_that_cannot_be_used_is_a_set_up_error_that_names_the_variable(
    project: Project, variable: str, value: str
) -> None:
    env = {variable: value}
    if variable == "HOME":
        env["XDG_CACHE_HOME"] = ""
    told = project.orch("plan", "old/first", "--json", code=2, **env)
    assert told.json["error"] == "setup", told.out
    assert variable in told.err
    project.orch("plan", "old/first", "--detailed-exitcode", code=1, **env)


@pytest.mark.full
def test_a_full_stdout_at_the_end_of_an_apply_leaves_its_record(project: Project) -> None:
    import subprocess  # noqa: PLC0415 - of this test alone: the process's own stdout must be full

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            project.command("apply", "old", "--yes", "--json"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=project.environment(PYTHONPATH=os.environ.get("PYTHONPATH", "")),
        )
    assert done.returncode == 2
    assert "cannot write the result to stdout" in done.stderr
    assert "bug" not in done.stderr
    project.orch("plan", "old", "--detailed-exitcode", code=0)
    row = project.orch("runs", "--json").json["rows"][1]
    assert (row["verb"], row["done"], row["left"]) == ("apply", 2, 0)
