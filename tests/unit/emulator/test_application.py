"""The emulator in front of any application: what it forwards, what it answers itself, one request at a time."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from orchestrator.emulator.application import Emulator
from orchestrator.emulator.call_log import CallLog
from orchestrator.emulator.faults import Fault
from orchestrator.emulator.initial_accounts import Key
from tests.support.calls import read_calls

KEY = Key("AKIAEXAMPLE", "the secret")
# An operation that needs no credentials, so that the access check accepts it.
OPEN = {
    "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
    "Content-Type": "application/x-amz-json-1.1",
}
Start = Callable[[str, list[tuple[str, str]]], Any]


def client(folder: Path, aws: Callable[[dict[str, Any], Start], Iterable[bytes]]) -> Client:
    return Client(Emulator(aws, KEY, "999999999999", {}, CallLog(folder)))


def ask(client: Client, headers: dict[str, str] | None = None) -> TestResponse:
    return client.post("/", headers=OPEN | (headers or {}), data=b'{"ClientId": "c"}')


def echo(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read(), environ.get("HTTP_X_MOTO_ACCOUNT_ID", "-").encode()]


def test_the_body_comes_whole_and_nobody_chooses_an_account(tmp_path: Path) -> None:
    answer = ask(client(tmp_path, echo), {"X-Moto-Account-Id": "111111111111"})
    assert answer.data == b'{"ClientId": "c"}-'
    (call,) = read_calls(tmp_path)
    assert (call.service, call.action, call.caller, call.status) == ("cognito-idp", "InitiateAuth", "", 200)


@pytest.mark.parametrize("error", [KeyError("x"), AttributeError("None has no y"), RuntimeError("z")])
def test_a_fault_of_moto_is_said_with_the_calls_name_and_not_tried_again(
    tmp_path: Path, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_environ: dict[str, Any], _start: Start) -> Iterable[bytes]:
        raise error

    answer = ask(client(tmp_path, broken))
    assert answer.status_code == 400
    assert (
        f"The emulator failed in cognito-idp InitiateAuth: {type(error).__name__}" in json.loads(answer.data)["message"]
    )
    assert answer.headers["x-amzn-ErrorType"] == "EmulatorFaultException"
    assert "Traceback" in capsys.readouterr().err, "the server's log has where"


def test_a_path_that_moto_has_no_rule_for_is_named(tmp_path: Path) -> None:
    def nothing(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("404 NOT FOUND", [("Content-Type", "text/html")])
        return [b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>"]

    answer = ask(client(tmp_path, nothing))
    assert (answer.status_code, json.loads(answer.data)["message"]) == (
        400,
        "The emulator does not support cognito-idp InitiateAuth",
    )


@pytest.mark.parametrize("path", ["/moto-api/reset", "/_orch/reset", "/_orch/accounts", "/_orch/ready", "/_orch/other"])
def test_steering_it_needs_the_key(tmp_path: Path, path: str) -> None:
    emulator = client(tmp_path, echo)
    for headers in ({}, {"X-Orch-Key": ""}, {"X-Orch-Key": "guessed"}, {"X-Orch-Key": "thé"}):
        assert emulator.post(path, headers=headers).status_code == 403
    known = emulator.post(path, headers={"X-Orch-Key": KEY.secret_key}, data=b"{}").status_code
    assert known == (404 if path.endswith("other") else 200)
    assert read_calls(tmp_path) == (), "that is not AWS"


def test_what_is_not_signed_is_refused(tmp_path: Path) -> None:
    emulator = client(tmp_path, echo)
    for path in ("/", "/bucket/key", "/2015-03-31/functions"):
        assert emulator.get(path).status_code == 403
    presigned = emulator.get("/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0")
    assert presigned.status_code == 403


def test_one_request_at_a_time(tmp_path: Path) -> None:
    inside, most = 0, 0
    counting = threading.Lock()

    def slow(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        nonlocal inside, most
        with counting:
            inside += 1
            most = max(most, inside)
        time.sleep(0.01)
        with counting:
            inside -= 1
        start("200 OK", [])
        return [b""]

    emulator = Emulator(slow, KEY, "999999999999", {}, CallLog(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ask(Client(emulator)), range(16)))
    assert most == 1
    assert len(read_calls(tmp_path)) == 16


def inject(client: Client, scope: str, *faults: Fault) -> None:
    body = json.dumps({scope: [asdict(fault) for fault in faults]})
    assert client.post("/_orch/faults", headers={"X-Orch-Key": KEY.secret_key}, data=body).status_code == 200


def test_an_injected_error_is_met_as_often_as_it_was_asked_for(tmp_path: Path) -> None:
    emulator = client(tmp_path, echo)
    slow_down = Fault("cognito-idp InitiateAuth", times=2, after=1, status=400, code="ThrottlingException")
    inject(emulator, "one", slow_down)
    inject(emulator, "two", Fault("s3 PutObject", status=503, code="SlowDown"))
    assert [ask(emulator).status_code for _ in range(4)] == [200, 400, 400, 200]
    inject(emulator, "one", slow_down)
    ask(emulator)
    answer = ask(emulator)
    assert answer.headers["x-amzn-ErrorType"] == "ThrottlingException"
    assert json.loads(answer.data)["message"] == "an injected fault"
    inject(emulator, "one")
    assert ask(emulator).status_code == 200
    assert [call.refused for call in read_calls(tmp_path) if call.refused] == ["injected: ThrottlingException"] * 3


def test_an_injected_wait_holds_up_nobody_else(tmp_path: Path) -> None:
    emulator = Emulator(echo, KEY, "999999999999", {}, CallLog(tmp_path))
    inject(Client(emulator), "one", Fault("InitiateAuth", times=1, delay=1.5))
    with ThreadPoolExecutor(2) as pool:
        started = time.monotonic()
        slow = pool.submit(ask, Client(emulator))
        time.sleep(0.2)
        assert ask(Client(emulator)).status_code == 200
        assert time.monotonic() - started < 1.4
        assert slow.result().status_code == 200
    assert time.monotonic() - started >= 1.5


def test_an_injected_wait_ends_with_its_fault(tmp_path: Path) -> None:
    emulator = Emulator(echo, KEY, "999999999999", {}, CallLog(tmp_path))
    inject(Client(emulator), "one", Fault("InitiateAuth", delay=60))
    with ThreadPoolExecutor(1) as pool:
        started = time.monotonic()
        slow = pool.submit(ask, Client(emulator))
        while not read_calls(tmp_path):
            time.sleep(0.01)
        inject(Client(emulator), "one")
        assert slow.result().status_code == 200
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("gone", [True, False])
def test_a_call_that_waited_is_not_carried_out_for_somebody_who_has_gone(tmp_path: Path, gone: bool) -> None:
    """Otherwise it would be carried out long after the calls of the client's successor, which cannot happen in AWS."""
    seen: list[int] = []

    def counting(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        seen.append(1)
        return echo(environ, start)

    emulator = client(tmp_path, counting)
    inject(emulator, "one", Fault("InitiateAuth", delay=0.1))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if gone:
            theirs.close()
        emulator.post("/", headers=OPEN, data=b"{}", environ_overrides={"werkzeug.socket": ours})
    assert seen == ([] if gone else [1])


@pytest.mark.parametrize(("late", "done"), [(False, []), (True, [1])])
def test_a_lost_answer_is_of_a_call_that_was_or_was_not_carried_out(
    tmp_path: Path, late: bool, done: list[int]
) -> None:
    seen: list[int] = []

    def counting(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        seen.append(1)
        return echo(environ, start)

    emulator = client(tmp_path, counting)
    inject(emulator, "one", Fault("InitiateAuth", drop=True, late=late))
    assert ask(emulator).status_code == 502, "without a server in front there is no connection to close"
    assert seen == done


def test_the_log_says_whether_a_client_tries_again(tmp_path: Path) -> None:
    emulator = client(tmp_path, echo)
    for again in ({}, {"amz-sdk-request": "attempt=2; max=25"}):
        emulator.post("/", headers={**OPEN, **again}, data=b"{}")
    assert [each.attempt for each in read_calls(tmp_path)] == ["", "attempt=2; max=25"]


def test_a_reset_ends_all_faults(tmp_path: Path) -> None:
    emulator = client(tmp_path, echo)
    inject(emulator, "one", Fault("InitiateAuth", status=500))
    assert emulator.post("/_orch/reset", headers={"X-Orch-Key": KEY.secret_key}).status_code == 200
    assert ask(emulator).status_code == 200
