"""Notice that a process has ended, also one that is nobody's child here."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable

_POLL_SECONDS = 0.5


def on_exit(pid: int, then: Callable[[], None]) -> None:
    """Call a function once a process has ended; it is watched by a thread of its own.

    Args:
        pid: the process to watch. If it is gone already, ``then`` is called at once.
        then: what to do.
    """
    threading.Thread(target=_watch, args=(pid, then), name=f"watch-{pid}", daemon=True).start()


def _watch(pid: int, then: Callable[[], None]) -> None:
    try:
        # A descriptor of the process: exact, and not fooled by a zombie nor by the id being given again.
        descriptor = os.pidfd_open(pid)
        select.select([descriptor], [], [])
    except ProcessLookupError:
        pass
    except (AttributeError, OSError):  # not Linux, or a kernel without it
        while _exists(pid):
            time.sleep(_POLL_SECONDS)
    then()


def has_ended(pid: int) -> bool:
    """Whether a process has come to its end, also when nobody has waited for it yet."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):  # not Linux, or a kernel without it
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
