"""Errors as people see them."""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
from collections.abc import Sequence

from orchestrator import __version__
from orchestrator.errors import OrchError, SetupError
from orchestrator.report.errors import error_json, error_lines
from orchestrator.report.style import use_color


def show_error(error: OrchError, arguments: Sequence[str]) -> int:
    """Print an expected error; the exit code of its kind."""
    if "--json" in arguments:
        sys.stdout.write(error_json(error) + "\n")
    color = use_color(sys.stderr, os.environ, no_color="--no-color" in arguments)
    sys.stderr.write(error_lines(error, colour=color) + "\n")
    return error.exit_code


def disk_error(error: Exception) -> SetupError | None:
    """What a disk that is full, or closed to this user, means, wherever it came up; None for any other error."""
    if not isinstance(error, OSError):
        return None
    where = error.filename2 or error.filename or "a file"
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return SetupError(f"cannot write {where}: {error.strerror}", hint="make room on the disk, then run it again")
    if error.errno in {errno.EACCES, errno.EROFS}:
        hint = "give the user that orch runs as the right to read and write there"
        return SetupError(f"cannot use {where}: {error.strerror}", hint=hint)
    return None


def report_bug(text: str, arguments: Sequence[str]) -> int:
    """Write a traceback to a file that only the user can read, and say where; exit code 1."""
    handle, name = tempfile.mkstemp(prefix="orch-bug-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"orch {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
        file.write(f"orch {' '.join(arguments)}\n\n{text}")
    last = text.strip().splitlines()[-1]
    sys.stderr.write(f"orch: this is a bug in orch: {last}\n  the details are in {name}\n")
    return 1
