"""What must exist before anything runs, and the commands that create it or check for it."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.emulator import admin_client
from tests.support.project import ALL_ROLES, REPOSITORY, Project
from tests.support.terraform import make_terraform

pytestmark = pytest.mark.integration


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {first: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    return made


def nothing_ran(project: Project) -> bool:
    return not list(project.root.glob(".orch/runs/*/logs"))


def test_a_missing_bucket_is_reported_before_anything_runs(project: Project) -> None:
    result = project.orch("plan", "prod", code=2)
    assert "state bucket" in result.err
    assert "orch bootstrap main" in result.err
    assert nothing_ran(project)


def test_missing_credentials_are_reported_before_anything_runs(project: Project, tmp_path: Path) -> None:
    result = project.orch("plan", "prod", code=2, ORCH_AWS="", HOME=str(tmp_path))
    assert "credentials" in result.err
    assert "--emulator" in result.err
    assert nothing_ran(project)


def test_a_missing_provider_is_reported_before_anything_runs(project: Project, tmp_path: Path) -> None:
    project.ready()
    orch_yaml = project.root / "live" / "orch.yaml"
    orch_yaml.write_text(orch_yaml.read_text().replace('aws: "5.100.0"', 'aws: "5.99.1"'))
    result = project.orch("plan", "prod", code=2)
    assert "hashicorp/aws 5.99.1" in " ".join(result.err.split())
    assert "ORCH_PROVIDER_MIRROR" in result.err
    assert not list(project.root.glob(".orch/runs/*/logs/prod"))


def test_without_terraform_the_error_names_the_file_to_install(project: Project, tmp_path: Path) -> None:
    project.ready()
    result = project.orch(
        "plan",
        "prod",
        code=2,
        PATH="/nonexistent",
        ORCH_CACHE=str(tmp_path / "cache"),
        ORCH_TERRAFORM_MIRROR="http://127.0.0.1:9",
    )
    assert "terraform" in result.err
    assert "zip" in result.err


def test_bootstrap_shows_its_steps_and_continues_where_it_stopped(project: Project) -> None:
    steps = project.orch("bootstrap", "main", "--dry-run", "--json").json["rows"]
    assert not any(step["done"] for step in steps)
    project.ready()
    steps = project.orch("bootstrap", "main", "--dry-run", "--json").json["rows"]
    assert all(step["done"] for step in steps if step["step"] != "baseline")


def test_bootstrap_without_a_baseline_says_what_is_missing(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str]
) -> None:
    id_ = account_ids()
    roles = (ALL_ROLES, "orch-plan", "orch-apply")
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": id_}, roles=roles)
    missing = "live/accounts/main.yaml has no stack `baseline`, so nothing creates the roles orch-plan and orch-apply"
    (row,) = [
        each
        for each in project.orch("bootstrap", "main", "--dry-run", "--json").json["rows"]
        if each["step"] == "baseline"
    ]
    assert row["change"].startswith(f"none: {missing}: add `baseline:` under `stacks:`")
    for _ in range(2):  # The second time the bucket is there.
        refused = project.orch("bootstrap", "main", "--yes", code=2)
        assert missing in refused.err
        assert f"or the account id is wrong: is it {id_} (live/accounts/main.yaml)?" in refused.err


def test_two_bootstraps_at_once_from_two_clones_leave_one_whole_account(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str]
) -> None:
    id_ = account_ids()
    clones = [Project(tmp_path / name, emulator=emulator, accounts={"main": id_}) for name in ("one", "two")]
    for clone in clones:
        clone.write("live/stacks/baseline.yaml", "module: box\n")
        file = clone.root / "live/accounts/main.yaml"
        file.write_text(file.read_text() + "stacks:\n  baseline:\n")
    running = [
        subprocess.Popen(
            clone.command("bootstrap", "main", "--yes"),
            env=clone.environment(),
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for clone in clones
    ]
    printed = [" ".join(each.communicate(timeout=120)[0].split()) for each in running]
    codes = [each.returncode for each in running]
    assert 0 in codes, printed
    for code, text in zip(codes, printed, strict=True):
        assert code == 0 or (code == 1 and "the state is locked by" in text), text
    ids = set()
    for clone in clones:
        clone.orch("bootstrap", "main", "--yes")
        steps = clone.orch("bootstrap", "main", "--dry-run", "--json").json["rows"]
        assert all(step["done"] for step in steps if step["step"] != "main/baseline"), steps
        ids.add(clone.orch("output", "main/baseline", "id", "--raw").out)
    assert len(ids) == 1


def test_the_environment_of_credentials_runs_plain_terraform_in_a_root(
    project: Project, emulator: Path, tmp_path: Path
) -> None:
    """The rendered unit is plain Terraform: without orch, with the environment that it prints.

    The state bucket is there already, with a KMS key of its own as its default, which encrypts everything in it.
    """
    s3, bucket = admin_client(emulator, project.accounts["main"], "s3"), f"t-{project.accounts['main']}-tfstate"
    key = admin_client(emulator, project.accounts["main"], "kms").create_key()["KeyMetadata"]["Arn"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})
    planned = project.orch("bootstrap", "main", "--dry-run", "--json").json["rows"]
    assert [step["done"] for step in planned if step["step"] == "encryption"] == [True]
    project.ready()
    project.orch("apply", "prod", "--yes")
    kept = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert kept == rules
    objects = {
        each["Key"]: s3.head_object(Bucket=bucket, Key=each["Key"])
        for each in s3.list_objects_v2(Bucket=bucket)["Contents"]
    }
    assert "prod/first/eu-west-1/terraform.tfstate" in objects
    assert {(each["ServerSideEncryption"], each.get("SSEKMSKeyId")) for each in objects.values()} == {("aws:kms", key)}
    root = Path(project.orch("show", "prod/first", "--root").out.strip())
    exports = project.orch("credentials", "main").out
    terraform = make_terraform(tmp_path / "scratch")
    script = (
        f"{exports}\ncd {shlex.quote(str(root))}\n"
        f"{shlex.quote(str(terraform.binary.path))} plan -lock=false -input=false -no-color -detailed-exitcode"
    )
    env = project.environment(TF_CLI_CONFIG_FILE=str(terraform.cli_config))
    done = subprocess.run(["sh", "-ec", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No changes" in done.stdout
    as_json = json.loads(project.orch("credentials", "main", "--role", "apply", "--format", "json").out)
    assert {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"} <= set(as_json)


def test_doctor_reports_what_is_missing_and_then_nothing(project: Project) -> None:
    rows = {row["what"]: row for row in project.orch("doctor", "--json", code=2).json["rows"]}
    assert rows["account main"]["state"] == "error"
    assert "orch bootstrap main" in rows["account main"]["detail"]
    assert rows["terraform"]["state"] == "ok"
    assert rows["checks"]["detail"].startswith("4 of policies/")
    project.ready()
    rows = {row["what"]: row for row in project.orch("doctor", "--json").json["rows"]}
    assert {row["state"] for row in rows.values()} <= {"ok", "note"}


def test_check_needs_no_aws_and_finds_what_terraform_would(project: Project) -> None:
    project.orch("schema")
    project.orch("check", ORCH_AWS="")
    project.write("modules/box/broken.tf", 'resource "terraform_data" "x" {\n  input = local.nowhere\n}\n')
    result = project.orch("check", "--json", code=2, ORCH_AWS="")
    wrong = [row for row in result.json["rows"] if row["problem"]]
    assert [(row["check"], row["subject"]) for row in wrong] == [("roots", "prod/first")]
    assert "nowhere" in wrong[0]["problem"] or "undeclared" in wrong[0]["problem"]


def test_an_emulator_for_one_command_bootstraps_the_accounts_and_stops(tmp_path: Path) -> None:
    project = Project(tmp_path / "repo", emulator=None, accounts={"main": "123123123123"})
    project.write("live/stages/prod.yaml", "account: main\nstacks: {first: }\n")
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    result = project.orch("apply", "prod", "--yes", "--emulator", ORCH_AWS="")
    assert "Starting one for this command only" in result.err
    assert "prod/first" in result.out
    assert not (project.root / ".orch" / "emulator" / "emulator.json").exists()
    assert json.loads(project.orch("emulator", "status", "--json").out)["running"] is False


def test_providers_lock_writes_the_file_and_changes_nothing_the_second_time(project: Project) -> None:
    path = project.root / "live" / "providers.lock.hcl"
    path.unlink()
    assert project.orch("providers", "lock", "--json").json["rows"][0]["changed"] is True
    assert "registry.terraform.io/hashicorp/aws" in path.read_text()
    assert project.orch("providers", "lock", "--json").json["rows"][0]["changed"] is False
    assert (REPOSITORY / "live" / "providers.lock.hcl").read_text() == path.read_text()
