"""Runs a program without a network: ``python leave_network.py REQUIRED PROGRAM ARGUMENT…``.

A script of its own with the standard library only, so that nothing but the program is in the process. ``REQUIRED`` is
``1`` if the program must not run where the network cannot be taken away, otherwise ``0``.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

NO_NAMESPACE = 125
"""Exit code if the network cannot be taken away, as of ``env`` and ``nice`` when they cannot do their part."""
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_NO_NEW_PRIVS = 38


def _leave() -> str:
    """Give up the network; return why that is not possible, or nothing."""
    if sys.platform != "linux":
        return "only Linux can take it away"
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        _stay(user, group)
        return ""
    if libc.unshare(_CLONE_NEWNET) == 0:  # root, where user namespaces are off
        return ""
    return f"this system refuses a network namespace: {os.strerror(ctypes.get_errno())}"


def _stay(user: int, group: int) -> None:
    """Keep the user's own id in the new user namespace, because programs look at the owner of their files."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        try:
            Path("/proc/self", name).write_text(text, encoding="ascii")
        except OSError:  # Then files seem to be nobody's, which few programs mind.
            return


def leave_and_run() -> None:
    """Leave the network, and become the program."""
    required, *argv = sys.argv[1:]
    why = _leave()
    if why and required == "1":
        print(f"the network cannot be taken away: {why}", file=sys.stderr)
        sys.exit(NO_NAMESPACE)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - an argument list of live/, never a shell
    except OSError as error:
        print(f"cannot start {argv[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    leave_and_run()
