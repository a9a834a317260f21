"""The HTTP side of the emulator: connections stay open between requests, as those of AWS do.

A client that has to connect for each request costs the emulator a thread, and both sides a handshake.
"""

from __future__ import annotations

from http import HTTPStatus

from moto.moto_server.werkzeug_app import MotoRequestHandler

from orchestrator.emulator.access.error_responses import HttpResponse
from orchestrator.emulator.application import run_wsgi

_NO_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class RequestHandler(MotoRequestHandler):  # type: ignore[misc]  # moto is not typed
    """Serves the requests of one connection, one after another, until the client closes it.

    Werkzeug's handler closes each connection, because an application may leave a part of a request unread. The
    emulator reads every request to its end.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request."""
        self.environ = self.make_environ()
        answer = run_wsgi(self.server.app, self.environ)
        self.wfile.write(self._bytes(answer))

    def _bytes(self, answer: HttpResponse) -> bytes:
        """Return what is sent: in one piece, and with the length by which a client knows where the answer ends."""
        head = self.command == "HEAD"
        status = HTTPStatus(answer.status)
        lines = [f"{self.protocol_version} {status.value} {status.phrase}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in answer.headers if head or name.lower() != "content-length"]
        if self.close_connection:
            lines.append("Connection: close")
        body = b"" if head or status in _NO_BODY else answer.body
        if not head and status not in _NO_BODY:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the call log contains more."""
