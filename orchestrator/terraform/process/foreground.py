"""One child that has the terminal to itself."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run_in_foreground(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a program with orch's own standard streams. Ctrl-C reaches it and not orch, which waits for its end.

    Only from the main thread: Python lets no other set what a signal does.

    Returns:
        its exit code; 128 + the signal when a signal ended it, as a shell says it.
    """
    # A handler that does nothing, not SIG_IGN, which the child would inherit.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen(list(argv), cwd=cwd, env=dict(env), umask=0o077) as process:
            code = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
