"""Starts the provider server and talks to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.terraform.warm.messages import Lease, LeaseEnd, LeaseRequest, encode, request_data

_PACKAGE_PARENT = str(Path(__file__).resolve().parents[3])
# Appended, so that nothing in that folder shadows the standard library.
_START = """\
import gc, sys
gc.disable()
sys.path.append(sys.argv.pop())
from orchestrator.terraform.warm.server.main import run_server
gc.enable()
run_server()
"""
_KEPT = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR")
"""Variables of orch that the server itself gets. Each provider gets its own environment in a request."""
_LONGEST_FOLDER = 55
"""Bytes: a socket's path has at most 103 on macOS and 107 on Linux; go-plugin adds 27 to the server's folder."""
_SECONDS = 120.0
"""How long an answer may take: a package of 700 MB is hashed from a slow disk."""
_STOP_SECONDS = 10.0
_ENDED = "the provider server has ended"


class ServerError(Exception):
    """The provider server does not run, or could not do what it was asked."""


class ProviderServer:
    """The child process that owns the providers. It ends when this process does, also when this is killed.

    Args:
        cache: folder of the cached schemas.
        processes: the most provider processes to keep.
        memory: bytes that they may use together before idle ones end; 0 for a quarter of the machine's memory.
        at_once: start it now, so that nothing waits for it; else with the first request, if there is one.

    Raises:
        ServerError: it cannot be started.
    """

    def __init__(self, *, cache: Path, processes: int, memory: int = 0, at_once: bool = True) -> None:
        self._settings = {"cache": str(cache), "processes": processes, "memory": memory}
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._waiting: dict[int, Future[Mapping[str, Any]]] = {}
        self._last = 0
        self._ended = ""
        self._reader = threading.Thread()
        if at_once:
            self._start()

    def verify(self, request: LeaseRequest) -> Mapping[str, str]:
        """Compare the packages of a request with the lock file; return why some cannot be used: address -> reason.

        Raises:
            ServerError: the server does not answer.
        """
        answer: Mapping[str, str] = self._ask({"do": "verify", "request": request_data(request)})["cold"]
        return answer

    def checksums(self, request: LeaseRequest) -> Mapping[str, str]:
        """Return the ``h1:`` checksums of the packages of a request that the lock file allows: address -> checksum.

        Raises:
            ServerError: the server does not answer.
        """
        answer: Mapping[str, str] = self._ask({"do": "verify", "request": request_data(request)})["verified"]
        return answer

    def verify_later(self, request: LeaseRequest) -> None:
        """Ask as `verify`, and do not wait for the answer.

        Raises:
            ServerError: the server has ended.
        """
        self._send({"do": "verify", "request": request_data(request)})

    def open(self, request: LeaseRequest) -> Lease:
        """Open sockets for one Terraform command; end them with `close`.

        Raises:
            ServerError: the server does not answer.
        """
        answer = self._ask({"do": "open", "request": request_data(request)})
        return Lease(id=answer["id"], reattach=answer["reattach"], cold=answer["cold"])

    def close(self, lease: Lease, *, normal: bool) -> LeaseEnd:
        """End a lease. ``normal``: its Terraform ended with success, so its processes may be used again.

        Raises:
            ServerError: the server does not answer.
        """
        answer = self._ask({"do": "close", "lease": lease.id, "normal": normal})
        return LeaseEnd(hidden=frozenset(answer["hidden"]), crashed=answer["crashed"], failure=answer["failure"])

    def stop(self) -> None:
        """End the server and its providers. Can be called twice."""
        with self._lock:
            child = self._child
            if child is None:
                self._ended = _ENDED
                return
        with suppress(ServerError):
            self._send({"do": "stop"})
        child.end_requests()
        self._reader.join(_STOP_SECONDS)
        child.remove()

    def _start(self) -> _Child:
        self._child = child = _Child(self._settings)
        self._reader = threading.Thread(target=self._read, args=[child], name="provider-server", daemon=True)
        self._reader.start()
        return child

    def _ask(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer = self._send(message).result(_SECONDS)
        except TimeoutError as error:
            late = f"the provider server did not answer within {_SECONDS:g} s"
            raise ServerError(late) from error
        if "error" in answer:
            raise ServerError(answer["error"])
        return answer

    def _send(self, message: Mapping[str, Any]) -> Future[Mapping[str, Any]]:
        future: Future[Mapping[str, Any]] = Future()
        with self._lock:
            if self._ended:
                raise ServerError(self._ended)
            child = self._child or self._start()
            self._last += 1
            self._waiting[self._last] = future
            try:
                child.control.sendall(encode({"id": self._last, **message}))
            except OSError:
                del self._waiting[self._last]
            else:
                return future
        self._reader.join(_STOP_SECONDS)  # It finds out why.
        raise ServerError(self._ended or _ENDED)

    def _read(self, child: _Child) -> None:
        with suppress(OSError, ValueError), child.control.makefile("rb") as lines:
            for line in lines:
                answer = json.loads(line)
                with self._lock:
                    future = self._waiting.pop(answer["id"], None)
                if future is not None:
                    future.set_result(answer)
        child.wait()
        with self._lock:
            self._ended = f"{_ENDED}{child.last_words()}"
            waiting, self._waiting = list(self._waiting.values()), {}
        for future in waiting:
            future.set_exception(ServerError(self._ended))
        child.kill_group()  # Its providers, if it ended without ending them.


class _Child:
    """The process, the socket to it, and its folder.

    Raises:
        ServerError: it cannot be started.
    """

    def __init__(self, settings: Mapping[str, object]) -> None:
        self.control, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._folder = ""
        try:
            self._folder = _new_folder()
            given = json.dumps({"folder": self._folder, **settings})
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # `last_words` reads it when the server has ended.
            with theirs:
                self.process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _START, str(theirs.fileno()), given, _PACKAGE_PARENT],
                    env={**environment, "GRPC_VERBOSITY": "NONE"},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Its providers share its process group.
                )
        except OSError as error:
            self.control.close()
            theirs.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            message = f"the provider server cannot be started: {error.strerror}"
            raise ServerError(message) from error

    def end_requests(self) -> None:
        """Say that no more requests come, and wait until the process and its providers have ended."""
        with suppress(OSError):
            self.control.shutdown(socket.SHUT_WR)
        self.wait()
        self.kill_group()
        self.process.wait()

    def remove(self) -> None:
        """Close what is open here, and remove the folder of a process that was killed; others remove it themselves."""
        self.control.close()
        self._errors.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def wait(self) -> None:
        """Wait a while for the end of the process."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECONDS)

    def last_words(self) -> str:
        """Return the last line that it wrote, to follow a message; empty if there is none."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        return next((f": {line}" for line in reversed(lines) if line.strip()), "")

    def kill_group(self) -> None:
        """Kill the process and its providers."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


def _new_folder() -> str:
    """Make the folder for the sockets, mode 0700, where their paths are not too long."""
    place = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="orch-", dir=place if len(os.fsencode(place)) <= _LONGEST_FOLDER else "/tmp")  # noqa: S108
