"""Forks the process of the checks that orch starts, where the process of orch has been forked, too.

Both have imported what they need already; otherwise each of a thousand runs spends a third of a second of CPU on that. A
forked process has the arguments, environment, folder, descriptors and session that orch asks for. Left out are only the
flags of the interpreter and what ``/proc/self/environ`` says. Tests about this process start it from their own process,
which does not use this. The provider server is not forked: gRPC does not work in the child of a process with threads.
"""

from __future__ import annotations

import gc
import inspect
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any

from orchestrator.guard.checkov.process import _WORKER

_execute = subprocess.Popen._execute_child  # type: ignore[attr-defined]
_SIGNATURE = inspect.signature(_execute)
_PLAIN = ("-P", "-s", "-B")


def fork_python_of_orch() -> None:
    """From now on, fork the process of the checks instead of starting it."""
    subprocess.Popen._execute_child = _fork_or_execute  # type: ignore[attr-defined]


def _fork_or_execute(process: subprocess.Popen[Any], *given: Any) -> None:
    asked = _SIGNATURE.bind(process, *given).arguments
    words = [each for each in asked["args"] if each not in _PLAIN]
    if words[0] != sys.executable or words[1:3] != ["-m", _WORKER]:
        _execute(process, *given)
        return
    process.pid = os.fork()
    if process.pid == 0:
        _become(words[1:], asked)
    process._child_created = True  # type: ignore[attr-defined]
    pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
    process._close_pipe_fds(*(asked[each] for each in pipes))  # type: ignore[attr-defined]


def _become(words: list[str], asked: Mapping[str, Any]) -> None:
    """Become the process, and end it. Never returns, so nothing of orch's is ended twice."""
    code = 1
    try:
        gc.freeze()
        _take_over(asked)
        sys.argv = [_WORKER, *words[2:]]
        runpy.run_module(_WORKER, run_name="__main__")
        threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter does before it ends
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is, a process ends with a traceback
        traceback.print_exc()
    finally:
        os._exit(code)


def _take_over(asked: Mapping[str, Any]) -> None:
    """Take what a started process gets from ``subprocess``, and give up the rest."""
    for target, name in enumerate(("p2cread", "c2pwrite", "errwrite")):
        if asked[name] not in (-1, target):
            os.dup2(asked[name], target)
    kept = sorted({0, 1, 2, *asked["pass_fds"]})
    for low, high in zip(kept, [*kept[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(low + 1, high)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if asked["start_new_session"]:
        os.setsid()
    if asked["umask"] >= 0:
        os.umask(asked["umask"])
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
