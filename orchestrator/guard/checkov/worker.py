"""The process that runs checks. It imports checkov once, and forks a process for each policy.

``python -m orchestrator.guard.checkov.worker FOLDER CONTROL POLICY...``: its working folder, and file descriptors of
sockets, with one for each policy. This first process runs no code of a policy. It waits on the control socket, which
ends with orch, however orch ends; then it kills the others, hung ones included, and removes the folder.

A process for each policy keeps policies apart: what the code of one does to modules, to file descriptors or to its own
process changes no answer of another one.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from orchestrator.guard.checkov.sandbox import confine, isolate


def run_worker(arguments: Sequence[str]) -> None:
    """Serve until orch ends. Never returns.

    Args:
        arguments: the working folder, then file descriptors: of the control socket and of each policy's socket.
    """
    folder, *descriptors = arguments
    control, *policies = (socket.socket(fileno=int(each)) for each in descriptors)
    try:
        control.sendall(isolate().encode() + b"\n")
        _serve_policies(control, policies)
        control.recv(1)  # nothing ever comes: it returns when orch has ended
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)  # itself included


def _serve_policies(control: socket.socket, policies: Sequence[socket.socket]) -> None:
    """Import everything that checks need, and fork a process for each policy."""
    gc.disable()  # nothing that is imported is garbage
    from orchestrator.guard.checkov.protocol import (  # noqa: PLC0415 - after isolate()
        DeclaredChecks,
        reply_frame,
        send_frame,
    )

    try:
        import orchestrator.guard.checkov.annotate  # noqa: F401, PLC0415 - the checks import it
        from orchestrator.guard.checkov.responder import serve_policy  # noqa: PLC0415 - imports checkov
    except Exception as error:  # noqa: BLE001 - whatever it is, orch reports it
        problem = f"{type(error).__name__}: {error}"
        for each in policies:
            send_frame(each, reply_frame(DeclaredChecks(problem=problem)))
        return
    gc.freeze()  # so that the collector does not write to the memory that all policies share
    first = os.getpid()
    for mine in policies:
        if os.fork() == 0:
            _be_policy(mine, [control, *policies], first, serve_policy)
    for each in policies:
        each.close()


def _be_policy(
    mine: socket.socket, all_: Sequence[socket.socket], first: int, serve: Callable[[socket.socket], None]
) -> None:
    """Serve one policy in this new process, and end it. Never returns."""
    try:
        gc.enable()
        confine(first)
        for each in all_:
            if each is not mine:
                each.close()
        serve(mine)
    finally:
        os._exit(0)  # runs nothing that a check left to run at the exit


if __name__ == "__main__":
    run_worker(sys.argv[1:])
