"""Writes to stdout and stderr, which can be full or closed: a file on a full disk, a pipe without a reader."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from orchestrator.errors import SetupError


def write_stdout(text: str) -> None:
    """Write a result.

    Raises:
        SetupError: stdout does not take it. Nothing that was done is undone.
        BrokenPipeError: its reader is gone.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard(sys.stdout)
        message = f"cannot write the result to stdout: {error.strerror}"
        hint = "what was done stays done; `orch runs` lists the runs, and `orch show RUN` shows one"
        raise SetupError(message, hint=hint) from error


def write_stderr(text: str) -> None:
    """Write what is said beside the result. If stderr does not take it, nobody reads it, and the work goes on."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Send what the stream still holds, and everything that follows, to nowhere: Python would fail on it at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
