"""Notice that a process has ended, even if it is not a child process."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable

_POLL_SECONDS = 0.5


def on_exit(pid: int, then: Callable[[], None]) -> None:
    """Call a function when a process has ended. A separate thread watches the process.

    Args:
        pid: ID of the process. If it has already ended, ``then`` is called at once.
        then: the function to call.
    """
    threading.Thread(target=_watch, args=(pid, then), name=f"watch-{pid}", daemon=True).start()


def _watch(pid: int, then: Callable[[], None]) -> None:
    try:
        # A process descriptor is exact: neither a zombie nor a reused process ID can mislead it.
        descriptor = os.pidfd_open(pid)
        select.select([descriptor], [], [])
    except ProcessLookupError:
        pass
    except (AttributeError, OSError):  # not Linux, or a kernel without pidfd
        while _exists(pid):
            time.sleep(_POLL_SECONDS)
    then()


def has_ended(pid: int) -> bool:
    """Whether a process has ended, even if nobody has waited for it yet."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):  # not Linux, or a kernel without pidfd
        return not _exists(pid)
    try:
        return bool(select.select([descriptor], [], [], 0)[0])
    finally:
        os.close(descriptor)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
