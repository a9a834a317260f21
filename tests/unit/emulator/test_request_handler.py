"""The connections of the emulator: they stay open, and a client knows where each answer ends."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from werkzeug.serving import make_server

from orchestrator.emulator.request_handler import RequestHandler
from tests.unit.emulator.test_application import Start

LENGTH = 70_000


def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Answer with the body that came, as the path asks."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["PATH_INFO"] == "/none":
        start("204 No Content", [])
        return []
    length = [("Content-Length", str(LENGTH))] if environ["PATH_INFO"] == "/object" else []
    start("200 OK", [("X-Method", environ["REQUEST_METHOD"]), *length])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body, b"!"]


@pytest.fixture
def connection() -> Iterator[http.client.HTTPConnection]:
    """A connection to a server with the handler; it does not connect again by itself."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=RequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    client.connect()
    client.auto_open = 0
    yield client
    client.close()
    server.shutdown()
    thread.join()
    server.server_close()


def ask(
    client: http.client.HTTPConnection, method: str, path: str = "/", body: bytes | None = None
) -> tuple[int, bytes]:
    client.request(method, path, body)
    answer = client.getresponse()
    return answer.status, answer.read()


def test_one_connection_serves_every_kind_of_request(connection: http.client.HTTPConnection) -> None:
    body = bytes(LENGTH)
    for _ in range(2):
        assert ask(connection, "POST", body=b"first") == (200, b"first!")
        assert ask(connection, "GET") == (200, b"!")
        assert ask(connection, "HEAD", "/object") == (200, b"")
        assert ask(connection, "DELETE", "/none") == (204, b"")
        assert ask(connection, "PUT", "/object", body) == (200, body + b"!")  # the length is that of the body


def test_a_head_tells_the_length_of_the_object(connection: http.client.HTTPConnection) -> None:
    connection.request("HEAD", "/object")
    answer = connection.getresponse()
    assert (answer.headers["Content-Length"], answer.read()) == (str(LENGTH), b"")


def test_a_client_that_wants_to_close_is_told_so(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/", headers={"Connection": "close"})
    answer = connection.getresponse()
    assert (answer.headers["Connection"], answer.read()) == ("close", b"!")
    with pytest.raises(http.client.NotConnected):
        ask(connection, "GET")


def test_a_body_is_asked_for_where_a_client_waits(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("PUT", "/")
    connection.putheader("Content-Length", "4")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert connection.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(b"body")
    assert connection.getresponse().read() == b"body!"
