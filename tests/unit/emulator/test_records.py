"""The files of the emulator: its description, and the call log."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from moto.iam.utils import generate_access_key_id_from_account_id

from orchestrator.emulator.access.callers import account_of
from orchestrator.emulator.call_log import CallLog
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
