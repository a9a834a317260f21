"""The emulator as a WSGI application: the gate, moto behind one lock, the call log, and the calls that steer it."""

from __future__ import annotations

import hmac
import io
import json
import socket
import sys
import threading
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
from orchestrator.emulator.call_log import CallLog, RecordedCall
from orchestrator.emulator.faults import Fault, Faults, faults_of
from orchestrator.emulator.initial_accounts import Key, add_accounts, reset_accounts
from orchestrator.emulator.request_lock import REQUEST_LOCK

CONTROL = "/_orch/"
"""Where orch steers the emulator. No bucket can be named so: bucket names have no underscore."""
KEY_HEADER = "X-Orch-Key"
_OWN = "/moto-api"

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Emulator:
    """Answers every request of every client.

    moto's models are plain dictionaries: two requests at once on one object would both win, and a lock file in a bucket
    would not lock. So requests run one after another; the body is read before, the answer sent after. They hold the
    interpreter's own lock nearly all the time anyway.

    Args:
        aws: moto's application.
        key: the entry user's key; its secret also opens the control calls.
        management: id of the management account.
        accounts: account name -> id.
        calls: where calls are written down.
    """

    def __init__(self, aws: Wsgi, key: Key, management: str, accounts: Mapping[str, str], calls: CallLog) -> None:
        self._aws = aws
        self._key = key
        self._management = management
        self._accounts = dict(accounts)
        self._calls = calls
        self._faults = Faults()
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One request (PEP 3333)."""
        body = get_input_stream(environ).read()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["wsgi.input_terminated"] = True
        environ[REQUEST_LOCK] = self._lock
        path = str(environ.get("PATH_INFO", ""))
        steered = path.startswith((CONTROL, _OWN))
        fault = None if steered or not self._faults else self._met(environ, body)
        answer = self._harmed(environ, body, fault) if fault is not None else None
        if answer is None:
            with self._lock:
                answer = self._steered(path, body, environ) if steered else self._asked(environ, body)
        status = HTTPStatus(answer.status)
        start_response(f"{status.value} {status.phrase}", list(answer.headers))
        return [answer.body]

    def _met(self, environ: dict[str, Any], body: bytes) -> Fault | None:
        """The injected fault that a request meets; its wait is over when this returns, and held up nobody else."""
        with self._lock:
            request = read_request(environ, body)
            environ["wsgi.input"] = io.BytesIO(body)
            caller, _ = check_access(request)
            met = self._faults.meet(request, caller.account if caller else "")
            if met is None:
                return None
            self._log(request, caller, 0, met.fault.told)
        if met.fault.delay:
            met.over.wait(met.fault.delay)
            if _has_gone(environ.get("werkzeug.socket")):
                return replace(met.fault, drop=True, late=False)
        return met.fault

    def _harmed(self, environ: dict[str, Any], body: bytes, fault: Fault) -> HttpResponse | None:
        """What is answered instead; None: the usual."""
        if not (fault.drop or fault.status):
            return None
        with self._lock:
            request = read_request(environ, body)
            if fault.late:
                self._asked(environ, body)
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
            )
        )

    def _asked(self, environ: dict[str, Any], body: bytes) -> HttpResponse:
        request = read_request(environ, body)
        environ["wsgi.input"] = io.BytesIO(body)
        caller, answer = check_access(request)
        if answer is None:
            answer = self._moto(request, caller, environ)
        self._log(request, caller, answer.status, answer.why)
        return answer

    def _moto(self, request: AwsRequest, caller: Caller | None, environ: dict[str, Any]) -> HttpResponse:
        # moto would look for the key in every account; and nobody may choose the account with this header.
        environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)
        if caller is not None:
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = caller.account
        what = f"{request.service or 'this service'} {request.operation or request.method + ' ' + request.path}"
        try:
            answer = run(self._aws, environ)
        except NotImplementedError:
            return _lacks(request, what)
        except Exception as error:  # noqa: BLE001  # one bad call does not end the emulator
            traceback.print_exc(file=sys.stderr)
            return error_response(
                request, ErrorKind.FAULT, f"The emulator failed in {what}: {type(error).__name__}: {error}"
            )
        # Werkzeug's own page: no rule of moto's is for this path.
        if answer.status == HTTPStatus.NOT_FOUND and answer.body.startswith(b"<!doctype html>"):
            return _lacks(request, what)
        return answer

    def _steered(self, path: str, body: bytes, environ: dict[str, Any]) -> HttpResponse:
        given = str(environ.get("HTTP_" + KEY_HEADER.upper().replace("-", "_"), ""))
        if not hmac.compare_digest(given.encode(), self._key.secret_key.encode()):
            return _plain(HTTPStatus.FORBIDDEN)
        if path.startswith(_OWN):
            return run(self._aws, environ)
        name = path.removeprefix(CONTROL)
        if name == "reset":
            reset_accounts(self._management, self._accounts, self._key)
            self._faults.clear()
        elif name == "faults":
            for scope, faults in faults_of(body).items():
                self._faults.set(scope, faults)
        elif name == "accounts":
            self._accounts.update(json.loads(body))
            add_accounts(self._management, self._accounts)
        elif name != "ready":
            return _plain(HTTPStatus.NOT_FOUND)
        return _plain(HTTPStatus.OK)


def run(application: Wsgi, environ: dict[str, Any]) -> HttpResponse:
    """Have a WSGI application answer, wholly.

    Args:
        application: the application.
        environ: the request.
    """
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
        started.append((status, headers))
        return lambda _: None  # nobody calls it: werkzeug's responses are iterables

    parts = application(environ, start)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return HttpResponse(int(status.split(" ", 1)[0]), tuple(headers), body)


def _lacks(request: AwsRequest, what: str) -> HttpResponse:
    sys.stderr.write(f"the emulator lacks {what}\n")
    sys.stderr.flush()
    return error_response(request, ErrorKind.LACKING, f"The emulator does not have {what}")


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
