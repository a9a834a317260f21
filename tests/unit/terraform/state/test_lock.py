"""Terraform's lock: as an object, in its error text, and as orch writes its own."""

from __future__ import annotations

import os
import socket
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.terraform.failures import StalePlanError, StateInUseError, failure
from orchestrator.terraform.state.lock import StateLock, lock_bytes, lock_in, own_lock, parse_state_lock, process_exists

ERROR = """\
╷
│ Error: Error acquiring the state lock
│
│ Error message: operation error S3: PutObject, https response error
│ StatusCode: 412, RequestID: x, HostID: y, api error PreconditionFailed: At
│ least one of the pre-conditions you specified did not hold
│ Lock Info:
│   ID:        6d8e2c1a-1111-2222-3333-444455556666
│   Path:      t-111-tfstate/prod/slow/eu-west-1/terraform.tfstate
│   Operation: OperationTypeApply
│   Who:       maria@build-7
│   Version:   1.11.4
│   Created:   2026-11-26 15:36:41.328348078 +0000 UTC
│   Info:
│
│
│ Terraform acquires a state lock to protect the state from being written
╵
"""


def test_the_holder_is_read_from_terraforms_error_and_told_with_what_to_do() -> None:
    error = failure("prod/slow", "terraform apply", code=1, lines=ERROR.splitlines())
    assert isinstance(error, StateInUseError)
    lock = error.lock
    assert (lock.user, lock.host, lock.operation) == ("maria", "build-7", "OperationTypeApply")
    assert lock.created == datetime(2026, 11, 26, 15, 36, 41, 328348, tzinfo=UTC)
    assert "locked by maria@build-7 since 2026-11-26 15:36:41 UTC" in error.first_line
    assert "orch unlock prod/slow" in error.first_line
    assert "--lock-timeout 5m" in error.first_line


def test_another_failure_is_no_lock_and_a_stale_plan_is_known_for_one() -> None:
    assert lock_in("Error: something else") is None
    assert lock_in("Lock Info:\n  nothing here") is None
    stale = failure("u", "terraform apply", code=1, lines=["Error: Saved plan is stale", "", "The given plan file"])
    assert isinstance(stale, StalePlanError)
    other = failure("u", "terraform apply", code=1, lines=["Error: Saved plan is stale-ish"])
    assert not isinstance(other, StalePlanError)


texts = st.text(max_size=40)


@given(st.builds(StateLock, id=texts, operation=texts, who=texts, version=texts, path=texts, info=texts))
def test_a_lock_is_read_as_it_was_written(lock: StateLock) -> None:
    again = parse_state_lock(lock_bytes(lock))
    assert (again.id, again.operation, again.who, again.info) == (lock.id, lock.operation, lock.who, lock.info)
    assert again.created is not None


@given(st.binary(max_size=60))
def test_whatever_the_object_holds_it_is_a_lock(data: bytes) -> None:
    assert isinstance(parse_state_lock(data), StateLock)


@pytest.mark.parametrize(
    "text", ["2026-11-26T15:36:41.328348078Z", "2026-11-26T16:36:41+01:00", "2026-11-26T15:36:41Z"]
)
def test_times_as_go_writes_them(text: str) -> None:
    lock = parse_state_lock(b'{"ID": "x", "Created": "%s"}' % text.encode())
    assert lock.created is not None
    assert lock.created.replace(microsecond=0) == datetime(2026, 11, 26, 15, 36, 41, tzinfo=UTC)
    assert lock.age(lock.created + timedelta(minutes=1)) == 60


def test_an_own_lock_names_owner_host_process_and_purpose() -> None:
    lock = own_lock("orch move", path="bucket/key", version="orch 0.1.0", purpose="move-1", pid=os.getpid())
    assert lock.host == socket.gethostname()
    assert lock.here
    assert (lock.pid, lock.purpose, lock.operation) == (os.getpid(), "move-1", "orch move")
    assert not lock.left_behind("move-1"), "its process still runs"


def test_only_a_lock_of_a_dead_process_of_this_machine_with_the_same_purpose_is_left_behind() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    dead = own_lock("orch move", path="p", version="v", purpose="move-1", pid=process.pid)
    assert not process_exists(process.pid)
    assert dead.left_behind("move-1")
    assert not dead.left_behind("move-2")
    assert not dead.left_behind("")
    elsewhere = StateLock(id="x", who="root@other-host", info=dead.info)
    assert not elsewhere.left_behind("move-1")
