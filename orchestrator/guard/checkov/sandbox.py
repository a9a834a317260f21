"""Takes from a process what checks do not need: the network, new privileges, other processes, core dumps.

Standard library only: it runs before anything else is imported.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

NICE = 2
"""How much lower the priority of the checks is, so that orch and Terraform start first.

Measured beside four busy processes on two cores: they are ready after 1.2 s with 0, 1.7 s with 2, 2.8 s with 5, and
with 10 only when the others are done. A first verdict waits for them; what the others gain is at most the 0.2 s of the
import.
"""

MEMORY = 4 << 30
"""Bytes of address space for the checks of one policy. Measured: 60 MB with 500 resources of 7 KB."""

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def isolate() -> str:
    """Give up the network and new privileges, in this process and its children.

    On Linux the process gets a network without interfaces. That takes a user namespace, in which it also cannot read
    the memory and the environment of orch. Containers and some distributions refuse user namespaces.

    Returns:
        Why the network stays; empty if it does not.
    """
    os.nice(NICE)
    with suppress(OSError):  # Linux schedules sessions first, then processes by their priority
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would write the values of plans to the disk
    if sys.platform != "linux":
        return "only Linux can take it away"
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for flags in (_CLONE_NEWUSER | _CLONE_NEWNET, _CLONE_NEWNET):  # the second one is for root
        if libc.unshare(flags) == 0:
            return ""
    return f"this system refuses a network namespace: {os.strerror(ctypes.get_errno())}"


def confine(parent: int) -> None:
    """Limit this process, which runs the code of a policy: it ends with its parent and starts no other process.

    Args:
        parent: the id of the process that forked this one.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # the parent ended before the line above
    for limit, value in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_NPROC, 0)):
        with suppress(ValueError, OSError):  # not every system has each limit
            resource.setrlimit(limit, (value, value))
