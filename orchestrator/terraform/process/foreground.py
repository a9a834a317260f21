"""Runs a child process that uses the terminal directly."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run_in_foreground(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a program with orch's standard streams. Ctrl-C reaches the program, not orch, which waits for it to exit.

    Call it only from the main thread: Python allows no other thread to set signal handlers.

    Returns:
        Its exit code; 128 + the signal number if a signal ended it, as in a shell.
    """
    # A handler that does nothing; the child would inherit SIG_IGN.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen(list(argv), cwd=cwd, env=dict(env), umask=0o077) as process:
            code = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
