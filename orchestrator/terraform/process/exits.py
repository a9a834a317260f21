"""Wait for the end of a child without reaping it, so that its process group id stays its own meanwhile."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.02


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
