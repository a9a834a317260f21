"""One child process: its task, its end, and the callbacks that receive its output."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.errors import UnitError
from orchestrator.terraform.process.log import FollowedLog

LineCallback = Callable[[str], None]

KEPT_LINES = 4000
POLL_SECONDS = 0.02


class TaskKind(StrEnum):
    """What a process may do: a plan (also init, show, validate) only reads; an apply makes changes."""

    PLAN = "plan"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class Task:
    """What to run, for which unit, with which time limit in seconds. ``handles``: file descriptors that it inherits."""

    argv: tuple[str, ...]
    unit: str
    cwd: Path
    env: Mapping[str, str]
    kind: TaskKind
    timeout: float | None
    handles: tuple[int, ...] = ()

    def start(self, *, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
        """Start the process in a new session, without standard input.

        Raises:
            UnitError: the program cannot be started.
        """
        try:
            return subprocess.Popen(
                self.argv,
                cwd=self.cwd,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                pass_fds=self.handles,
                umask=0o077,  # plans, states and archives can contain secrets
            )
        except OSError as error:
            raise UnitError(
                f"cannot start {self.argv[0]} for {self.unit}: {error.strerror}",
                hint="check the program and the unit's folder",
            ) from error


class Child:
    """A running process and its task. Its flags change only under the lock of its ``Processes``."""

    def __init__(self, process: subprocess.Popen[bytes], task: Task) -> None:
        self.process = process
        self.task = task
        self.started = time.monotonic()
        self.kill_at: float | None = None
        self.warned = False
        self.interrupted = False
        self.killed = False
        self.timed_out = False
        self.stopped = False

    def interrupt(self) -> None:
        """Send SIGINT once: a second one makes Terraform exit immediately, without writing its state."""
        if self.interrupted:
            return
        self.interrupted = True
        # Only Terraform itself: it stops its providers. The pid cannot be reused before the process is reaped.
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """Kill the whole process group, provider plugins included."""
        self.killed = True
        # PermissionError: on macOS, for a group of which only the unreaped leader remains.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def grace_from(self, now: float, seconds: float) -> None:
        """Set the time of the kill, unless an earlier one is set."""
        self.kill_at = min(self.kill_at or now + seconds, now + seconds)


class ExitWatch:
    """Waits for a child to exit without reaping it, so that its process group id stays reserved.

    On Linux it wakes immediately; elsewhere it polls 50 times a second.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._handle: int | None = None

    def __enter__(self) -> Self:
        """Open a handle on the process if the system supports it."""
        if sys.platform == "linux":
            try:
                self._handle = os.pidfd_open(self._process.pid)
            except OSError:
                self._handle = None  # a kernel before 5.3, or a sandbox that forbids it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the handle."""
        if self._handle is not None:
            os.close(self._handle)

    def wait(self, seconds: float) -> bool:
        """Wait up to a number of seconds; return whether the process has exited."""
        if self._handle is not None:
            poll = select.poll()
            poll.register(self._handle, select.POLLIN)
            return bool(poll.poll(seconds * 1000))
        until = time.monotonic() + seconds
        while not self._ended():
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _ended(self) -> bool:
        if sys.platform == "linux":
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return self._process.poll() is not None


class Follower:
    """Passes new lines to the callbacks and keeps the last ones; a failing callback does not stop the supervision."""

    def __init__(self, output: FollowedLog, on_line: LineCallback | None, on_warning: LineCallback | None) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._output = output
        self._on_line = on_line
        self._on_warning = on_warning
        self._error: Exception | None = None

    def pump(self) -> None:
        """Pass on new lines. A log that cannot be read is no reason to end an apply."""
        try:
            for line in self._output.new_lines():
                self._take(line)
        except OSError as error:
            self._error = self._error or error

    def finish(self) -> None:
        """Read to the end, once nothing can write any more."""
        self.pump()
        for line in self._output.last_line():
            self._take(line)
        self._output.tidy()

    def warn(self, text: str) -> None:
        """Pass on a warning of orch itself."""
        self._call(self._on_warning, text)

    def reraise(self) -> None:
        """Raise the exception that a callback raised, if any."""
        if self._error is not None:
            raise self._error

    def _take(self, line: str) -> None:
        self.lines.append(line)
        self._call(self._on_line, line)

    def _call(self, callback: LineCallback | None, text: str) -> None:
        if callback is None or self._error is not None:
            return
        try:
            callback(text)
        except Exception as error:  # noqa: BLE001  # raised again after the process has exited, see reraise
            self._error = error
