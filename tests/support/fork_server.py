"""Runs orch in children of a process that has imported it already: an import costs up to three seconds of CPU a command.

A child is a process like any other, with the arguments, environment, folder and streams that the test gives; only
Python's imports are done. What a test is about the process itself (signals, terminals, imports) starts orch by
`Project.command` instead.

`ForkServer` is the side of the test; ``python -m tests.support.fork_server`` the server. One JSON document a line goes
each way over standard input and output of the server: ``{"argv": […], "env": {…}, "cwd": "…", "files": [in, out, err]}``
and ``{"code": 0}``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]


class ForkServer:
    """A server that forks orch; started with the first command, ended with the process that started it."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def run(
        self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdin: str, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run ``orch ARGUMENTS`` to its end.

        Raises:
            subprocess.TimeoutExpired: it did not end within ``timeout`` seconds; it is killed.
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

    def _ask(self, request: Mapping[str, object]) -> int | None:
        server = self._started()
        _pipe(server.stdin).write(json.dumps(request) + "\n")
        _pipe(server.stdin).flush()
        answer = _pipe(server.stdout).readline()
        if not answer:
            self._server = None
            raise RuntimeError("the fork server has ended")
        code: int | None = json.loads(answer)["code"]
        return code

    def _started(self) -> subprocess.Popen[str]:
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.support.fork_server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=REPOSITORY,
            )
        return self._server


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def serve() -> None:
    """Fork one orch for each request on standard input, until that ends."""
    import_all()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become_orch(request)
        code = _wait(child, float(request["timeout"]))
        sys.stdout.write(json.dumps({"code": code}) + "\n")
        sys.stdout.flush()


def import_all() -> None:
    """Import what commands import, checkov among it."""
    import importlib  # noqa: PLC0415 - only the server needs these
    import pkgutil  # noqa: PLC0415

    import orchestrator  # noqa: PLC0415

    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        # The server of the emulator corrects moto when it is imported, and is a process of its own.
        if not module.name.startswith("orchestrator.emulator.") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _wait(child: int, timeout: float) -> int | None:
    """The exit code of a child, negative for a signal; None when it had to be killed."""
    import signal  # noqa: PLC0415
    import time  # noqa: PLC0415

    descriptor = os.pidfd_open(child)
    try:
        import select  # noqa: PLC0415

        if not select.select([descriptor], [], [], timeout)[0]:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            time.sleep(0)
            os.waitpid(child, 0)
            return None
    finally:
        os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become_orch(request: Mapping[str, object]) -> None:
    """Run orch in this child and end it. Never returns."""
    import atexit  # noqa: PLC0415
    import threading  # noqa: PLC0415
    import traceback  # noqa: PLC0415

    code = 1
    try:
        names = [str(name) for name in request["files"]]  # type: ignore[attr-defined]
        for target, (name, flags) in enumerate(
            zip(names, (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT), strict=True)
        ):
            handle = os.open(name, flags, 0o600)
            os.dup2(handle, target)
            os.close(handle)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115, PTH123
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115, PTH123
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115, PTH123
        os.environ.clear()
        os.environ.update(request["env"])  # type: ignore[call-overload]
        os.chdir(str(request["cwd"]))
        sys.argv = ["orch", *request["argv"]]  # type: ignore[misc]
        from orchestrator.cli.app import main  # noqa: PLC0415

        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as the interpreter does before its end
        atexit._run_exitfuncs()  # noqa: SLF001
    except BaseException:  # noqa: BLE001 - whatever it is, a process ends with a traceback
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        os._exit(code)


if __name__ == "__main__":
    serve()
