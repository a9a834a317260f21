"""Only what was judged is applied: a plan, its files, its state, its receipt, each swapped between plan and apply."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BlockedError
from orchestrator.guard.model import Verdict
from orchestrator.guard.receipt.receipt import Receipt, StateMovedError
from orchestrator.run.apply import apply_units
from orchestrator.run.plan import plan_units
from orchestrator.run.session import Session
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.receipts import confirm_plan
from tests.support.project import Project
from tests.support.session import session_of, state_bucket

pytestmark = pytest.mark.integration

UNIT = "prod/second"


def a_project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    made.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.id }}'}\n")
    made.ready().orch("apply", "prod", "--yes")
    return made


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    return a_project(tmp_path, emulator, account_ids)


@contextmanager
def planned(project: Project) -> Iterator[tuple[Session, Planned]]:
    """A run that has planned a change of the second unit and is about to apply it."""
    project.write("live/stacks/second.yaml", "module: box\ninputs: {value: ['${{ first.id }}', hush-hush]}\n")
    with session_of(project, UNIT) as session:
        yield session, plan_units(session.context)[UNIT]


@contextmanager
def swapped(path: Path, data: bytes | None) -> Iterator[None]:
    """A file with another content, or gone, for a while."""
    before = path.read_bytes() if path.exists() else None
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    yield
    if before is None:
        path.unlink()
    else:
        path.write_bytes(before)


def edited(path: Path, **more: Any) -> bytes:
    """A receipt with other words in it."""
    return json.dumps({**json.loads(path.read_bytes()), **more}).encode()


def test_what_a_receipt_says_and_what_the_apply_adds(project: Project, emulator: Path) -> None:
    with planned(project) as (session, plan):
        context = session.context
        file = context.run.folders.receipt(context.unit(UNIT))
        receipt = Receipt.read(file)
        assert receipt == plan.receipt
        assert file.stat().st_mode & 0o777 == 0o600
        assert receipt.account_id == project.accounts["main"]
        assert receipt.state.endswith("/prod/second/eu-west-1/terraform.tfstate")
        assert (receipt.serial, receipt.wrote, receipt.blocked) == (1, None, False)
        assert "ORCH_PROTECTED" in receipt.checks
        assert receipt.versions["terraform"].startswith("1.")
        assert {"root/upstream.json", "root/main.tf", "root/modules/box/main.tf"} <= receipt.files.keys()
        assert "hush-hush" in (context.run.folders.unit(context.unit(UNIT)) / "inputs.json").read_text()
        assert "hush-hush" not in file.read_text()  # names and hashes, no values
        (report,) = apply_units(context, {UNIT: plan}).values()
        assert report.status.value == "applied"
        after = Receipt.read(file)
    assert after.wrote is not None
    assert replace(after, wrote=None) == receipt
    bucket_client, bucket = state_bucket(emulator, project)
    versions = bucket_client.list_object_versions(Bucket=bucket, Prefix="prod/second/eu-west-1/terraform.tfstate")
    ids = [each["VersionId"] for each in versions["Versions"] if each["Key"].endswith(".tfstate")]
    assert (after.wrote.ok, after.wrote.lineage, after.wrote.versions) == (True, receipt.lineage, {ids[0]: 2})
    kept = bucket_client.get_object(Bucket=bucket, Key="receipts/prod/second/eu-west-1/2.json")["Body"].read()
    assert Receipt.of(json.loads(kept), "kept") == after
    first = bucket_client.get_object(Bucket=bucket, Key="receipts/prod/second/eu-west-1/1.json")["Body"].read()
    assert Receipt.of(json.loads(first), "first").lineage == ""  # there was no state yet


def test_whatever_was_swapped_after_the_judgement_is_refused_and_named(
    project: Project, emulator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with planned(project) as (session, plan):
        context = session.context
        unit = context.unit(UNIT)
        folders = context.run.folders
        receipt_file, root = folders.receipt(unit), folders.unit(unit)
        assert plan.plan is not None
        assert plan.plan.json_file is not None

        def refused(match: str) -> None:
            with pytest.raises(BlockedError, match=match) as caught:
                confirm_plan(context, unit, expected=plan.receipt, plan=plan.plan)
            assert caught.value.exit_code == 3

        for path, data, match in (
            (receipt_file, None, "so there is no proof"),
            (receipt_file, b"{}", "is not a receipt"),
            (receipt_file, edited(receipt_file, policies="0" * 64), "was edited after the plan was judged"),
            (receipt_file, edited(receipt_file, plan_sha256="0" * 64), "was edited after the plan was judged"),
            (receipt_file, edited(receipt_file, checks=["ORCH_PROTECTED"]), "was edited after the plan was judged"),
            (folders.plan(unit), b"another plan", "tfplan was changed after the plan was judged"),
            (root / "upstream.json", b"{}", r"upstream\.json was changed after the plan was judged"),
            (root / "more.tf", b"", r"more\.tf was added after the plan was judged"),
            (root / "modules" / "box" / "main.tf", None, r"modules/box/main\.tf is gone after the plan was judged"),
            (plan.plan.json_file, plan.plan.json_file.read_bytes() + b"\n", "the JSON of the plan .* was changed"),
        ):
            with swapped(path, data):
                refused(match)
        with monkeypatch.context() as patch:
            patch.setattr(context.aws.history, "confirmed", lambda *_, **__: "222222222222")
            refused("STS reports 222222222222")
        with monkeypatch.context() as patch:
            patch.setattr(context.guard.judge, "policies", replace(context.guard.judge.policies, digest="0" * 64))
            refused("policies/ changed after")
        with monkeypatch.context() as patch:  # as when a waiver expired meanwhile, or a check did not run
            patch.setattr(context.guard.judge, "judge", lambda *_, **__: Verdict(UNIT, (), ()))
            refused("produced a different verdict from the one in its receipt")
        bucket_client, bucket = state_bucket(emulator, project)
        key = unit.state_key
        state = bucket_client.get_object(Bucket=bucket, Key=key)["Body"].read()
        bucket_client.put_object(Bucket=bucket, Key=key, Body=state.replace(b'"serial": 1', b'"serial": 7'))
        with pytest.raises(StateMovedError, match="its serial was 1, and is 7"):
            confirm_plan(context, unit, expected=plan.receipt, plan=plan.plan)
        bucket_client.put_object(Bucket=bucket, Key=key, Body=state)
        with swapped(receipt_file, None):  # and the apply itself goes this way
            (report,) = apply_units(context, {UNIT: plan}).values()
            assert report.status.value == "blocked"
            assert "so there is no proof" in report.cause
        confirm_plan(context, unit, expected=plan.receipt, plan=plan.plan)


def test_another_process_confirms_a_receipt_from_disk_and_judges_the_plan_itself(project: Project) -> None:
    """What ``apply --resume`` does: nothing is taken from the first process but files."""
    with planned(project) as (session, plan):
        first = session.context.run.folders
    with session_of(project, UNIT) as session:
        context = session.context
        unit = context.unit(UNIT)
        receipt, again = confirm_plan(context, unit, run=first.run)
        assert receipt == plan.receipt
        assert plan.plan is not None
        assert again.changes == plan.plan.changes
        path = first.receipt(unit)
        with (
            swapped(path, edited(path, json_sha256="0" * 64)),
            pytest.raises(BlockedError, match="the JSON of the plan"),
        ):
            confirm_plan(context, unit, run=first.run)
        with swapped(path, edited(path, blocked=True)), pytest.raises(BlockedError, match="prod/second was blocked"):
            confirm_plan(context, unit, run=first.run)
        with swapped(path, None), pytest.raises(BlockedError, match="so there is no proof"):
            confirm_plan(context, unit, run=first.run)
        shutil.copyfile(path, moved := path.with_name("x.json"))
        assert Receipt.read(moved).unit == UNIT


def test_an_apply_that_failed_in_the_middle_is_receipted_and_one_that_never_began_is_not(
    project: Project, emulator: Path
) -> None:
    many = (
        'variable "value" {\n  type = any\n}\n'
        'resource "terraform_data" "a" {\n  input = var.value\n}\n'
        'resource "terraform_data" "b" {\n  depends_on = [terraform_data.a]\n  triggers_replace = var.value\n'
        '  provisioner "local-exec" {\n    command = "exit 7"\n  }\n}\n'
    )
    project.write("modules/half/main.tf", many)
    project.write("live/stages/half.yaml", "account: main\nstacks: {half: }\n")
    project.write("live/stacks/half.yaml", "module: half\ninputs: {value: one}\n")
    project.allow("half/half", address="terraform_data.b")
    project.orch("apply", "half", "--yes", code=1)
    bucket_client, bucket = state_bucket(emulator, project)
    listed = bucket_client.list_objects_v2(Bucket=bucket, Prefix="receipts/half/")["Contents"]
    forms = [json.loads(bucket_client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()) for each in listed]
    versions = bucket_client.list_object_versions(Bucket=bucket, Prefix="half/half/eu-west-1/terraform.tfstate")
    ids = {each["VersionId"] for each in versions["Versions"] if each["Key"].endswith(".tfstate")}
    (form,) = forms
    assert form["wrote"]["ok"] is False
    assert form["wrote"]["versions"].keys() == ids
    # The lock is held by somebody else: nothing is begun, and what that one writes is not taken for this run's.
    key = "half/half/eu-west-1/terraform.tfstate"
    lock = {"ID": "1", "Who": "eve@elsewhere", "Operation": "OperationTypeApply", "Created": "2026-01-01T00:00:00Z"}
    bucket_client.put_object(Bucket=bucket, Key=f"{key}.tflock", Body=json.dumps(lock).encode())
    project.orch("apply", "half", "--yes", code=1)
    again = bucket_client.list_object_versions(Bucket=bucket, Prefix="receipts/half/")["Versions"]
    assert len(again) == 1


def test_unchanged_units_and_previews_have_no_receipt(project: Project) -> None:
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: one, replace_on: 1}\n")
    run = project.orch("plan", "prod", "--json").json["run"]
    receipts = sorted((project.root / ".orch" / "runs" / run).glob("receipts/**/*.json"))
    assert [each.relative_to(each.parents[2]).as_posix() for each in receipts] == ["prod/first/eu-west-1.json"]
