"""What the local servers of GitHub's and GitLab's APIs share: calls, rights, pages and faults.

They are strict: an unknown call, an unknown parameter or field, and a missing token fail, and are recorded in
``mistakes``. A list has pages, with the next one in a ``Link`` header only.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

PAGING = {"per_page", "page"}


@dataclass(frozen=True)
class Token:
    """Whose token it is, and what it may do: ``read``, ``comment``, ``check``, ``status``, ``issue``."""

    login: str
    rights: frozenset[str]
    app: bool = False


@dataclass
class Answer:
    """What is answered. ``rows``: a list, which gets pages; ``wrap``: the key of a page in an object."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    rows: list[Any] | None = None
    wrap: str = ""


class RefusedCallError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"message": message})


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    token: Token
    found: tuple[str, ...] = ()

    def needs(self, right: str, message: str) -> None:
        if right not in self.token.rights:
            raise RefusedCallError(403, message)

    def fields(self, required: set[str], optional: set[str] = frozenset()) -> dict[str, Any]:  # type: ignore[assignment]
        """The body, which must have all required fields and no unknown ones."""
        assert isinstance(self.body, dict), "a body is required"
        assert required <= set(self.body) <= required | optional, sorted(self.body)
        return self.body


Handler = Callable[[Call], Answer]


@dataclass
class Fault:
    """Answers some calls in place of the server. ``lost``: the call is done all the same."""

    method: str
    path: str
    status: int
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "a fault"
    lost: bool = False


class HostServer:
    """A server. Use as a context manager.

    Attributes:
        calls: ``METHOD path`` of every call, in order.
        mistakes: calls that the real host would not understand.
        faults: what fails.
        before: called before a call that matches METHOD and path is handled, once; for what happens at the same time.
    """

    prefix = ""
    tokens: dict[str, Token]

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.mistakes: list[str] = []
        self.faults: list[Fault] = []
        self.before: list[tuple[str, str, Callable[[], object]]] = []
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def routes(self) -> list[tuple[str, str, set[str], Handler]]:
        """METHOD, pattern of the path, known parameters, handler."""
        raise NotImplementedError

    def token_of(self, headers: Mapping[str, str]) -> Token | None:
        raise NotImplementedError

    def next_headers(self, page: int, pages: int) -> dict[str, str]:
        return {}

    def called(self, pattern: str) -> int:
        """How many calls match a pattern: ``POST .*/comments``."""
        return sum(1 for each in self.calls if re.fullmatch(pattern, each))

    def answer(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Answer:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        line = f"{method} {parts.path}"
        with self.lock:
            self.calls.append(line)
            hooks = [each for each in self.before if each[0] == method and re.fullmatch(each[1], parts.path)]
            for each in hooks[:1]:
                self.before.remove(each)
        for each in hooks[:1]:
            each[2]()
        with self.lock:
            fault = next((f for f in self.faults if f.method == method and re.fullmatch(f.path, parts.path)), None)
            if fault is not None:
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
                if not fault.lost:
                    return Answer(fault.status, {"message": fault.message}, dict(fault.headers))
            done = self._handled(method, parts.path, query, headers, raw)
            return done if fault is None else Answer(fault.status, {"message": fault.message}, dict(fault.headers))

    def _handled(self, method: str, path: str, query: dict[str, str], headers: Mapping[str, str], raw: bytes) -> Answer:
        line = f"{method} {path}"
        token = self.token_of(headers)
        if token is None:
            return Answer(401, {"message": "Bad credentials"})
        for verb, pattern, parameters, handler in self.routes():
            found = re.fullmatch(self.prefix + pattern, path)
            if found is None or verb != method:
                continue
            if not set(query) <= parameters:
                self.mistakes.append(f"{line}: unknown parameters {sorted(set(query) - parameters)}")
                return Answer(400, {"message": "unknown parameter"})
            try:
                body = json.loads(raw) if raw else None
                done = handler(Call(method, path, query, body, token, found.groups()))
            except RefusedCallError as error:
                return error.answer
            except (AssertionError, KeyError) as error:
                self.mistakes.append(f"{line}: {error}")
                return Answer(422, {"message": f"not valid: {error}"})
            return self._page(done, path, query) if done.rows is not None else done
        self.mistakes.append(line)
        return Answer(501, {"message": "no such call"})

    def _page(self, done: Answer, path: str, query: dict[str, str]) -> Answer:
        assert done.rows is not None
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        pages = max(1, -(-len(done.rows) // size))
        rows = done.rows[(page - 1) * size : page * size]
        headers = {**done.headers, **self.next_headers(page, pages)}
        if page < pages:
            following = urlencode({**query, "page": page + 1})
            headers["Link"] = f'<{self.url}{path}?{following}>; rel="next"'
        return Answer(done.status, {"total_count": len(done.rows), done.wrap: rows} if done.wrap else rows, headers)


def _handler(server: HostServer) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            done = server.answer(self.command, self.path, dict(self.headers.items()), raw)
            data = b"" if done.status == 204 else json.dumps(done.body).encode()
            self.send_response(done.status)
            for name, value in {"Content-Type": "application/json", **done.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815 - names of http.server

        def log_message(self, *arguments: object) -> None:
            pass

    return Requests
