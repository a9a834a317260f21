"""Runs orch in children of a process that has imported it already: the imports cost up to three seconds of CPU a command.

A child is a process like any other, with the arguments, environment, folder and input that the test gives; only Python's
imports are done. A test about the process itself (signals, terminals, imports) starts orch by `Project.command`.

`ForkServer` is the side of the test; ``python -m tests.support.fork_server`` is the server. One JSON document a line goes
each way over the server's standard input and output. Scripts of a test reach it over a socket (`fork_command`).
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.aws.identity.sessions import SessionFactory
from orchestrator.guard.policies.protected import Protected
from orchestrator.hcl.parser import parse_hcl
from orchestrator.render.root import template_environment
from tests.support import fork_command
from tests.support.descriptions import keep_descriptions
from tests.support.forked_python import fork_python_of_orch

REPOSITORY = Path(__file__).resolve().parents[2]
_FLAGS = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)


class ForkServer:
    """A server that forks orch. It starts with the first command and ends with the process that started it."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None  # of the socket; it goes with the tests

    def run(
        self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdin: str = "", timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run ``orch ARGUMENTS`` to its end.

        Raises:
            subprocess.TimeoutExpired: it did not end within ``timeout`` seconds, and was killed.
        """
        with tempfile.TemporaryDirectory(prefix="orch-fork-") as folder:
            files = [Path(folder, name) for name in ("in", "out", "err")]
            files[0].write_text(stdin)
            request = {
                "argv": list(arguments),
                "env": dict(env),
                "cwd": str(cwd),
                "files": [str(file) for file in files],
                "timeout": timeout,
            }
            code = self._ask(request)
            out, err = (file.read_text(errors="replace") if file.exists() else "" for file in files[1:])
        if code is None:
            raise subprocess.TimeoutExpired(["orch", *arguments], timeout, out, err)
        return subprocess.CompletedProcess(["orch", *arguments], code, out, err)

    def write_command(self, file: Path) -> None:
        """Write an executable that runs orch in a child of the server, with the environment that it is started with."""
        self._started()
        assert self._folder is not None
        words = [sys.executable, "-E", "-S", fork_command.__file__, str(Path(self._folder.name, "socket"))]
        file.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        file.chmod(0o755)

    def _ask(self, request: Mapping[str, object]) -> int | None:
        server = self._started()
        _pipe(server.stdin).write(json.dumps(request) + "\n")
        _pipe(server.stdin).flush()
        answer = _pipe(server.stdout).readline()
        if not answer:
            self._server = None
            message = "the fork server has ended"
            raise RuntimeError(message)
        code: int | None = json.loads(answer)["code"]
        return code

    def _started(self) -> subprocess.Popen[str]:
        if self._server is None:
            self._folder = tempfile.TemporaryDirectory(prefix="orch-fork-")
            with socket.create_server(str(Path(self._folder.name, "socket")), family=socket.AF_UNIX) as listener:
                self._server = subprocess.Popen(
                    [sys.executable, "-m", "tests.support.fork_server", str(listener.fileno())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=REPOSITORY,
                    pass_fds=[listener.fileno()],
                )
        return self._server


FORK_SERVER = ForkServer()
"""The one of this test process."""


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def serve(listener: socket.socket) -> None:
    """Fork one orch for each request, on standard input or from a program that connects, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A Ctrl-C ends the tests, and with them the input.
    gc.disable()  # nothing that is imported is garbage
    import_all()
    read_descriptions()
    parse_usual_files()
    gc.freeze()  # The collector of a child need not look at what it has inherited.
    gc.enable()
    while True:
        ready, _, _ = select.select([sys.stdin, listener], [], [])
        if listener in ready:
            _serve_program(listener)
        if sys.stdin in ready:
            if not (line := sys.stdin.readline()):
                return
            _serve_test(json.loads(line))


def _serve_test(request: Mapping[str, Any]) -> None:
    """Run orch to its end; the test waits for it."""
    child = os.fork()
    if child == 0:
        _become_orch(request, _opened(request["files"]))
    code = _wait(child, float(request["timeout"]))
    sys.stdout.write(json.dumps({"code": code}) + "\n")
    sys.stdout.flush()


def _serve_program(listener: socket.socket) -> None:
    """Run orch for a program, which may be one of several in a pipe, so somebody else waits: a child of a child."""
    program, _ = listener.accept()
    between = os.fork()
    if between == 0:
        try:
            if os.fork() == 0:
                listener.close()
                _serve_connection(program)
        except BaseException:  # noqa: BLE001 - whatever it is, this process serves nobody else
            traceback.print_exc()
        finally:
            os._exit(0)
    program.close()
    os.waitpid(between, 0)


def _serve_connection(program: socket.socket) -> None:
    """Run orch as a program asks for it, and say how it ended."""
    size, descriptors, _, _ = socket.recv_fds(program, fork_command.SIZE_BYTES, len(_FLAGS))
    with program.makefile("rb") as stream:
        request = json.loads(stream.read(int.from_bytes(size, "big")))
    child = os.fork()
    if child == 0:
        _become_orch(request, descriptors)
    program.sendall(str(_wait(child, None, unless=program)).encode())


def import_all() -> None:
    """Import what commands import."""
    package = importlib.import_module("orchestrator")
    for module in pkgutil.walk_packages(package.__path__, "orchestrator."):
        # The emulator's server corrects moto when it is imported, and is a process of its own. Dask reads its
        # configuration from the environment when it is imported.
        apart = ("orchestrator.emulator.", "orchestrator.run.executor.worker")
        if not module.name.startswith(apart) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def read_descriptions() -> None:
    """Read botocore's descriptions of the services that nearly every command uses, for all children."""
    keep_descriptions()
    factory = SessionFactory(EmulatorEndpoint("http://127.0.0.1:1", "-", "-"))
    for service in ("sts", "s3", "iam"):
        factory.base(None, "eu-west-1").create_client(service, region_name="eu-west-1")
        factory.load(service)


def parse_usual_files() -> None:
    """Parse what nearly every test needs: orch keeps the tree of a text, and its templates, as long as it runs."""
    templates = template_environment()
    for name in templates.list_templates():
        templates.get_template(name)
    Protected.read(REPOSITORY / "policies" / "protected.yaml", shown_as="policies/protected.yaml")
    for file in (REPOSITORY / "modules").glob("*/*.tf"):
        parse_hcl(file.read_text())


def _wait(child: int, timeout: float | None, *, unless: socket.socket | None = None) -> int | None:
    """Return the exit code of a child, negative for a signal; None when it had to be killed.

    Args:
        child: its process id.
        timeout: seconds that it may take.
        unless: a socket over which nothing comes; the child is killed when its other side ends.
    """
    descriptor = os.pidfd_open(child)
    try:
        watched: list[Any] = [descriptor] if unless is None else [descriptor, unless]
        late = descriptor not in select.select(watched, [], [], timeout)[0]
        if late:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    finally:
        os.close(descriptor)
    return None if late else os.waitstatus_to_exitcode(status)


def _opened(files: Sequence[str]) -> list[int]:
    return [os.open(name, flags, 0o600) for name, flags in zip(files, _FLAGS, strict=True)]


def _become_orch(request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Run orch in this child, with these for its input, output and errors, and end it. Never returns."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for target, given in enumerate(descriptors):
            os.dup2(given, target)
            os.close(given)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.argv = ["orch", *request["argv"]]
        fork_python_of_orch()
        code = _exit_code_of_main()
        threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter does before it ends
        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001 - whatever it is, a process ends with a traceback
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _exit_code_of_main() -> int:
    try:
        importlib.import_module("orchestrator.cli.app").main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        return 1
    return 0


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
