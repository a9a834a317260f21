"""The files of the emulator: its description, and the call log."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from moto.iam.utils import generate_access_key_id_from_account_id

from orchestrator.emulator.access.callers import account_of
from orchestrator.emulator.call_log import FAILED_IN, NOT_SUPPORTED, CallCounts, CallLog, count_calls, unmodeled_in
from orchestrator.emulator.differences import differences_in
from orchestrator.emulator.info import EmulatorInfo, read_info, write_info
from tests.support.calls import Call, read_calls

INFO = EmulatorInfo("http://127.0.0.1:9", "AKIA", "very secret", os.getpid(), "2026-01-31T10:00:00+00:00")


def call(**changed: object) -> Call:
    given: dict[str, object] = {
        "time": "t",
        "service": "sqs",
        "action": "CreateQueue",
        "caller": "",
        "account": "1",
        "region": "r",
        "status": 200,
    }
    return Call(**{**given, **changed})  # type: ignore[arg-type]


def test_the_file_is_for_its_owner_and_what_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_info(tmp_path) is None
    write_info(tmp_path, INFO)
    assert stat.S_IMODE((tmp_path / "emulator.json").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["emulator.json"]
    assert "very secret" not in repr(INFO)
    assert read_info(tmp_path) is None, "this process lives, but nothing listens at that address"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"url": 1}', '{"url":"x","pid":"y","access_key":"","secret_key":"","started":""}']
)
def test_a_damaged_file_is_no_emulator(tmp_path: Path, text: str) -> None:
    (tmp_path / "emulator.json").write_text(text)
    assert read_info(tmp_path) is None


def test_calls_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_calls(tmp_path) == ()
    log = CallLog(tmp_path)
    calls = (
        call(),
        call(action="GetQueueUrl", caller="arn:aws:sts::1:assumed-role/orch-plan/run", status=403, refused="no"),
    )
    for each in calls:
        log.add(each)
    assert read_calls(tmp_path) == calls
    assert [each.role for each in calls] == ["", "orch-plan"]
    assert stat.S_IMODE((tmp_path / "calls.jsonl").stat().st_mode) == 0o600
    CallLog(tmp_path)
    assert read_calls(tmp_path) == (), "a new emulator begins a new log"


def test_reads_are_told_from_writes_by_their_names() -> None:
    reads = (
        "GetObject",
        "HeadBucket",
        "ListBuckets",
        "DescribeTable",
        "AssumeRole",
        "AdminGetUser",
        "BatchGetItem",
        "Query",
    )
    writes = (
        "PutObject",
        "CreateBucket",
        "DeleteTable",
        "UpdateUserPool",
        "AdminCreateUser",
        "TagResource",
        "SetUserPoolMfaConfig",
        "BatchWriteItem",
        "AddPermission",
    )
    assert all(call(action=name).reads for name in reads)
    assert not any(call(action=name).reads for name in writes)


@pytest.mark.parametrize(
    "account", ["000000000000", "000000000001", "111111111111", "222222222222", "999999999999", "123456789012"]
)
def test_a_keys_id_says_its_account(account: str) -> None:
    for prefix in ("AKIA", "ASIA"):
        assert account_of(generate_access_key_id_from_account_id(account, prefix)) == account


@pytest.mark.parametrize("key", ["", "AKIA", "AKIA00000000AAAAAAAA", "AKIAIOSFODNN7EXAMPLE", "x" * 20])
def test_other_keys_say_none(key: str) -> None:
    assert account_of(key) is None


def test_calls_that_the_emulator_does_not_model_are_counted(tmp_path: Path) -> None:
    assert count_calls(tmp_path) == CallCounts({}, {}, frozenset())
    log = CallLog(tmp_path)
    refused = {"status": 400, "refused": f"{NOT_SUPPORTED}sqs Invent"}
    for each in (call(), call(action="Invent", **refused), call(action="Invent", **refused)):
        log.add(each)
    log.add(call(service="iam", action="CreateRole", status=400, refused=f"{FAILED_IN}iam CreateRole: KeyError: 'x'"))
    log.add(call(service="s3", action="PutObject", status=403, refused="User: x is not authorized"))
    counts = count_calls(tmp_path)
    assert counts.not_supported == {("sqs", "Invent"): 2}
    assert counts.failed == {("iam", "CreateRole"): 1}
    assert counts.services == {"sqs", "iam", "s3"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"Error: api error X: {NOT_SUPPORTED}sqs Invent\n\n  on main.tf", f"{NOT_SUPPORTED}sqs Invent"),
        (f"Error: {FAILED_IN}s3 GET /bucket/key: KeyError", f"{FAILED_IN}s3 GET"),
        ("Error: AccessDenied", ""),
    ],
)
def test_an_error_says_that_the_emulator_could_not_answer(text: str, part: str) -> None:
    assert unmodeled_in(text) == part


def test_what_differs_is_said_of_the_services_that_were_used() -> None:
    found = differences_in(["lambda", "dynamodb"])
    assert [each.partition(":")[0] for each in found[:-1]] == ["lambda"]
    assert "eventually consistent" in found[-1]
