"""The emulator as a WSGI application: moto behind one lock, and the few calls by which orch steers it."""

from __future__ import annotations

import hmac
import io
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from werkzeug.wsgi import get_input_stream

from orchestrator.emulator.seed import Key, add_accounts, seed

CONTROL = "/_orch/"
"""Where orch steers the emulator. No bucket can be named so: bucket names have no underscore."""
KEY_HEADER = "X-Orch-Key"

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
    """

    def __init__(self, aws: Wsgi, key: Key, management: str, accounts: Mapping[str, str]) -> None:
        self._aws = aws
        self._key = key
        self._management = management
        self._accounts = dict(accounts)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One request (PEP 3333)."""
        path = environ.get("PATH_INFO", "")
        body = get_input_stream(environ).read()
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:
            if path.startswith(CONTROL):
                return self._control(path.removeprefix(CONTROL), body, environ, start_response)
            answer = self._aws(environ, start_response)
            try:
                return [b"".join(answer)]
            finally:
                close = getattr(answer, "close", None)
                if close is not None:
                    close()

    def _control(
        self, name: str, body: bytes, environ: Mapping[str, Any], start_response: Callable[..., Any]
    ) -> list[bytes]:
        given = str(environ.get("HTTP_" + KEY_HEADER.upper().replace("-", "_"), ""))
        if not hmac.compare_digest(given.encode(), self._key.secret_key.encode()):
            status = HTTPStatus.FORBIDDEN
        elif name == "ready":
            status = HTTPStatus.OK
        elif name == "reset":
            seed(self._management, self._accounts, self._key)
            status = HTTPStatus.OK
        elif name == "accounts":
            self._accounts.update(json.loads(body))
            add_accounts(self._management, self._accounts)
            status = HTTPStatus.OK
        else:
            status = HTTPStatus.NOT_FOUND
        start_response(f"{status.value} {status.phrase}", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]
