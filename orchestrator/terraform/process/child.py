"""One child process: what was asked of it, and who hears what it says."""

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
    """What a process may do: a plan (or init, show, validate) only reads; an apply changes things."""

    PLAN = "plan"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class Task:
    """What to run, for which unit, and for how many seconds at most."""

    argv: tuple[str, ...]
    unit: str
    cwd: Path
    env: Mapping[str, str]
    kind: TaskKind
    timeout: float | None

    def start(self, *, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, with nothing to read from.

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
                umask=0o077,  # plans, states and archives may hold secrets
            )
        except OSError as error:
            raise UnitError(
                f"{self.argv[0]} cannot be started for {self.unit}: {error.strerror}",
                hint="check the program and the unit's folder",
            ) from error


class Child:
    """One running process and what was asked of it. Its flags change under the lock of its ``Processes``."""

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
        """Ask once: a second SIGINT makes Terraform exit at once, without writing its state."""
        if self.interrupted:
            return
        self.interrupted = True
        # Only Terraform itself: it tells its providers. The pid is ours until it is reaped.
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End the whole group, provider plugins included."""
        self.killed = True
        # PermissionError: what macOS answers for a group of which only the unreaped leader is left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def grace_from(self, now: float, seconds: float) -> None:
        """Set the moment of the kill, unless an earlier one is set."""
        self.kill_at = min(self.kill_at or now + seconds, now + seconds)


class ExitWatch:
    """Tells when a child has ended; on Linux it wakes at that moment, elsewhere it looks 50 times a second."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._handle: int | None = None

    def __enter__(self) -> Self:
        """Open a handle on the process where the system has such a thing."""
        if sys.platform == "linux":
            try:
                self._handle = os.pidfd_open(self._process.pid)
            except OSError:
                self._handle = None  # a kernel before 5.3, or a sandbox without it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the handle."""
        if self._handle is not None:
            os.close(self._handle)

    def wait(self, seconds: float) -> bool:
        """Whether the process has ended, waiting up to so many seconds for it."""
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
    """Hands new lines on and keeps the last ones; a callback that fails must not stop the supervision."""

    def __init__(self, output: FollowedLog, on_line: LineCallback | None, on_warning: LineCallback | None) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._output = output
        self._on_line = on_line
        self._on_warning = on_warning
        self._error: Exception | None = None

    def pump(self) -> None:
        """Hand on what is new. A log that cannot be read back is no reason to end an apply."""
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
        """Tell a warning of orch's own."""
        self._call(self._on_warning, text)

    def reraise(self) -> None:
        """Raise what a callback raised."""
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
        except Exception as error:  # noqa: BLE001  # raised again when the process has ended, see reraise
            self._error = error
