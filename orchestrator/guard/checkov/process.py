"""Starts and ends the process that runs checks, and is orch's side of its sockets."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from orchestrator.errors import SetupError
from orchestrator.guard.checkov.protocol import LARGEST_REPLY, receive_frame, send_frame

SECONDS = 60.0
"""Time limit for one answer: importing and loading the checks, or 500 resources. Measured: 0.4 s, 0.3 s."""

_WORKER = "orchestrator.guard.checkov.worker"
_LIBRARIES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Without them, an interpreter that was built with shared libraries may not start."""


class Channel(Protocol):
    """A connection to the checks of one policy."""

    def send(self, frame: bytes) -> None:
        """Send a frame.

        Raises:
            ProtocolError: the other side has ended or does not read.
        """

    def receive(self) -> bytes:
        """Return the next frame.

        Raises:
            ProtocolError: the other side has ended, or sends nothing in time, or too much.
        """

    def close(self) -> None:
        """End the connection: whatever else the other side sends is not read."""


class SocketChannel:
    """A channel to a process. ``seconds``: the time limit for each frame."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._socket = sock
        self._seconds = seconds

    def send(self, frame: bytes) -> None:
        """Send a frame; see ``Channel``."""
        send_frame(self._socket, frame, seconds=self._seconds)

    def receive(self) -> bytes:
        """Return the next frame; see ``Channel``."""
        return receive_frame(self._socket, seconds=self._seconds, largest=LARGEST_REPLY)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


class CheckProcess:
    """The running process, with a child of its own for each policy. Create it with ``start``.

    It has its own session, so that the terminal's Ctrl-C does not reach it; a private, temporary folder; no environment
    and no file descriptors of orch's; and on Linux no network. It ends with orch. Plans reach it through sockets only.
    """

    def __init__(self, process: subprocess.Popen[bytes], folder: str, sockets: Sequence[socket.socket]) -> None:
        self.pid = process.pid
        self._control, *self._policies = sockets
        self._end = weakref.finalize(self, _end, process, folder, tuple(sockets))

    @classmethod
    def start(cls, policies: int) -> CheckProcess:
        """Start the process. Returns while it imports checkov.

        Args:
            policies: how many policies there are.

        Raises:
            SetupError: the machine has no room for it.
        """
        pairs: list[tuple[socket.socket, socket.socket]] = []
        folder = ""
        try:
            pairs += [socket.socketpair() for _ in range(1 + policies)]
            folder = tempfile.mkdtemp(prefix="orch-checks-")
            process = _popen(folder, [theirs.fileno() for _, theirs in pairs])
        except OSError as error:
            for ours, _ in pairs:
                ours.close()
            shutil.rmtree(folder, ignore_errors=True)
            message = f"cannot start the process that runs the checks of policies/: {error.strerror}"
            raise SetupError(message, hint="make room in memory and in the temporary folder") from error
        finally:
            for _, theirs in pairs:
                theirs.close()
        return cls(process, folder, [ours for ours, _ in pairs])

    def channels(self, seconds: float) -> Sequence[Channel]:
        """Return a channel for each policy. ``seconds``: the time limit for each answer."""
        return [SocketChannel(each, seconds) for each in self._policies]

    def network(self) -> str:
        """Wait for the process to isolate itself; return why it can reach the network, or nothing if it cannot."""
        with suppress(OSError):
            self._control.settimeout(SECONDS)
            return self._control.makefile("r", encoding="utf-8").readline().removesuffix("\n")
        return "the process did not start"

    def close(self) -> None:
        """Kill the process and its children, without waiting for what they do."""
        self._end()


def _popen(folder: str, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    bytecode = ["-B"] if sys.dont_write_bytecode else []
    return subprocess.Popen(
        [sys.executable, "-P", "-s", *bytecode, "-m", _WORKER, folder, *map(str, descriptors)],
        cwd=folder,
        env=_environment(folder, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # what a check prints may be a value of the plan
        stderr=subprocess.DEVNULL,
        pass_fds=descriptors,
        start_new_session=True,
        umask=0o077,
    )


def _environment(folder: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of the process: where to import from, and nothing that orch was given."""
    paths = [each for each in sys.path if Path(each).is_absolute()]
    return {
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(paths),
        "TMPDIR": folder,
        **{name: env[name] for name in _LIBRARIES if name in env},
    }


def _end(process: subprocess.Popen[bytes], folder: str, sockets: Sequence[socket.socket]) -> None:
    """Kill the process group and clean up. The id cannot be reused: the process is reaped only here."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for each in sockets:
        each.close()
    shutil.rmtree(folder, ignore_errors=True)
