"""The emulator as a WSGI application: access checks, moto behind one lock, the call log, and the control requests."""

from __future__ import annotations

import hmac
import io
import json
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from werkzeug.wsgi import get_input_stream

from orchestrator.emulator.access.callers import Caller
from orchestrator.emulator.access.check import check_access
from orchestrator.emulator.access.error_responses import ErrorKind, HttpResponse, error_response, service_error
from orchestrator.emulator.access.request import AwsRequest, read_request
from orchestrator.emulator.call_log import FAILED_IN, NOT_SUPPORTED, CallLog, RecordedCall
from orchestrator.emulator.corrections import correct_before_use
from orchestrator.emulator.faults import Fault, Faults, faults_of
from orchestrator.emulator.initial_accounts import Key, add_accounts, reset_accounts
from orchestrator.emulator.repeats import LatestAnswers
from orchestrator.emulator.request_lock import REQUEST_LOCK

CONTROL = "/_orch/"
"""Path of the control requests. It cannot collide with a bucket, because bucket names have no underscore."""
KEY_HEADER = "X-Orch-Key"
_MOTO_API = "/moto-api"

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Emulator:
    """Answers every request of every client.

    moto's models are plain dictionaries. If two requests ran at once, both could succeed in writing a lock file to a
    bucket. So requests run one after another; only reading the body and sending the answer happen in parallel.

    Args:
        aws: moto's application.
        key: access key of the entry user; its secret also authorizes control requests.
        management: ID of the management account.
        accounts: account name -> ID.
        calls: the call log.
    """

    def __init__(self, aws: Wsgi, key: Key, management: str, accounts: Mapping[str, str], calls: CallLog) -> None:
        self._aws = aws
        self._key = key
        self._management = management
        self._accounts = dict(accounts)
        self._calls = calls
        self._faults = Faults()
        self._latest = LatestAnswers()
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        body = get_input_stream(environ).read()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["wsgi.input_terminated"] = True
        environ[REQUEST_LOCK] = self._lock
        path = str(environ.get("PATH_INFO", ""))
        control = path.startswith((CONTROL, _MOTO_API))
        fault = None if control or not self._faults else self._injected_fault(environ, body)
        answer = self._faulty_answer(environ, body, fault) if fault is not None else None
        if answer is None:
            with self._lock:
                seconds = fault.session_seconds if fault is not None else 0
                answer = self._control(path, body, environ) if control else self._answer(environ, body, seconds)
            if fault is not None:
                time.sleep(fault.answer_delay)
        status = HTTPStatus(answer.status)
        start_response(f"{status.value} {status.phrase}", list(answer.headers))
        return [answer.body]

    def _injected_fault(self, environ: dict[str, Any], body: bytes) -> Fault | None:
        """Return the injected fault that applies to a request, after its delay, which blocks no other request."""
        with self._lock:
            request = read_request(environ, body)
            environ["wsgi.input"] = io.BytesIO(body)
            caller, _ = check_access(request)
            found = self._faults.meet(request, caller.account if caller else "")
            if found is None:
                return None
            fault, over = found
            self._log(request, caller, 0, fault.summary)
        if fault.delay:
            over.wait(fault.delay)
            if _has_gone(environ.get("werkzeug.socket")):
                return replace(fault, drop=True, late=False)
        return fault

    def _faulty_answer(self, environ: dict[str, Any], body: bytes, fault: Fault) -> HttpResponse | None:
        """Return the faulty answer; None if the request is to be answered normally."""
        if not (fault.drop or fault.status):
            return None
        with self._lock:
            request = read_request(environ, body)
            if fault.late:
                self._answer(environ, body)
                self._latest.forget(request)
        if fault.drop:
            connection: socket.socket | None = environ.get("werkzeug.socket")
            if connection is not None:
                connection.shutdown(socket.SHUT_RDWR)
            return _plain(HTTPStatus.BAD_GATEWAY)
        return service_error(request, fault.status, fault.code, fault.message)

    def _log(self, request: AwsRequest, caller: Caller | None, status: int, why: str) -> None:
        self._calls.add(
            RecordedCall(
                time=datetime.now(UTC).isoformat(timespec="milliseconds"),
                service=request.service,
                action=request.operation or f"{request.method} {request.path}",
                caller=caller.arn if caller else "",
                account=caller.account if caller else "",
                region=request.region,
                status=status,
                refused=why,
                tags=caller.tags if caller else {},
                attempt=request.headers.get("amz-sdk-request", ""),
            )
        )

    def _answer(self, environ: dict[str, Any], body: bytes, session_seconds: int = 0) -> HttpResponse:
        request = read_request(environ, body)
        caller, answer = check_access(request)
        if session_seconds:  # after the signature was checked, which covers the body
            body += f"&DurationSeconds={session_seconds}".encode()
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        if answer is None:
            answer = self._latest.repeated(request) or self._moto(request, caller, environ)
            self._latest.keep(request, answer)
        self._log(request, caller, answer.status, answer.why)
        return answer

    def _moto(self, request: AwsRequest, caller: Caller | None, environ: dict[str, Any]) -> HttpResponse:
        # moto would search every account for the key, and clients must not choose the account with this header.
        environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)
        if caller is not None:
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = caller.account
        what = f"{request.service or 'this service'} {request.operation or request.method + ' ' + request.path}"
        correct_before_use(request.service)
        try:
            answer = run_wsgi(self._aws, environ)
        except NotImplementedError:
            return _not_implemented(request, what)
        except Exception as error:  # noqa: BLE001  # one failed call must not end the emulator
            traceback.print_exc(file=sys.stderr)
            return error_response(request, ErrorKind.FAULT, f"{FAILED_IN}{what}: {type(error).__name__}: {error}")
        # Werkzeug's own page: moto has no rule for this path.
        if answer.status == HTTPStatus.NOT_FOUND and answer.body.startswith(b"<!doctype html>"):
            return _not_implemented(request, what)
        return answer

    def _control(self, path: str, body: bytes, environ: dict[str, Any]) -> HttpResponse:
        given = str(environ.get("HTTP_" + KEY_HEADER.upper().replace("-", "_"), ""))
        if not hmac.compare_digest(given.encode(), self._key.secret_key.encode()):
            return _plain(HTTPStatus.FORBIDDEN)
        if path.startswith(_MOTO_API):
            return run_wsgi(self._aws, environ)
        name = path.removeprefix(CONTROL)
        if name == "reset":
            reset_accounts(self._management, self._accounts, self._key)
            self._faults.clear()
            self._latest = LatestAnswers()
        elif name == "faults":
            for scope, faults in faults_of(body).items():
                self._faults.set(scope, faults)
        elif name == "accounts":
            self._accounts.update(json.loads(body))
            add_accounts(self._management, self._accounts)
        elif name != "ready":
            return _plain(HTTPStatus.NOT_FOUND)
        return _plain(HTTPStatus.OK)


def run_wsgi(application: Wsgi, environ: dict[str, Any]) -> HttpResponse:
    """Run a WSGI application and return its complete answer.

    Args:
        application: the application.
        environ: the request.
    """
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
        started.append((status, headers))
        return lambda _: None  # unused: werkzeug's responses are iterables

    parts = application(environ, start)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return HttpResponse(int(status.split(" ", 1)[0]), tuple(headers), body)


def _not_implemented(request: AwsRequest, what: str) -> HttpResponse:
    sys.stderr.write(f"the emulator does not support {what}\n")
    sys.stderr.flush()
    return error_response(request, ErrorKind.NOT_IMPLEMENTED, f"{NOT_SUPPORTED}{what}")


def _has_gone(connection: socket.socket | None) -> bool:
    """Whether a client closed its connection, e.g. because it was killed."""
    if connection is None:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _plain(status: HTTPStatus) -> HttpResponse:
    return HttpResponse(status.value, (("Content-Type", "text/plain"), ("Content-Length", "0")), b"")
