"""The versions of programs, remembered for as long as the file system says that the program is the same.

To ask Terraform costs 35 ms of CPU, in each run. A file that is changed or replaced gets another ctime.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from orchestrator.util.files import write_atomic

_SMALL = 1 << 20
"""Bytes of a script: what it starts can change although it does not."""
_SETTLED_SECONDS = 2.0
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def remembered_version(program: Path, folder: Path, ask: Callable[[], str | None]) -> str | None:
    """Return the version of a program.

    Args:
        program: the file that is started.
        folder: where versions are kept; created with mode 0700. What somebody else could have written is ignored.
        ask: starts the program; returns None if it does not run, which is not remembered.
    """
    try:
        before = program.stat()
    except OSError:
        return ask()
    if before.st_size <= _SMALL:
        return ask()
    entry = folder / f"{hashlib.sha256(os.fsencode(program.absolute())).hexdigest()}.json"
    known = _read(entry, _identity(before))
    if known is not None:
        return known
    version = ask()
    if version is not None and time.time() - before.st_ctime > _SETTLED_SECONDS:
        with suppress(OSError):  # It is asked again next time.
            write_atomic(entry, json.dumps({"file": _identity(before), "version": version}).encode())
    return version


def _identity(found: os.stat_result) -> list[int]:
    """Return what changes whenever a file or its content is changed or replaced."""
    return [found.st_dev, found.st_ino, found.st_size, found.st_mode, found.st_mtime_ns, found.st_ctime_ns]


def _read(entry: Path, identity: list[int]) -> str | None:
    """Return the version in an entry; None if it is missing, damaged, of another file, or not the user's own."""
    try:
        with entry.open("rb") as stream:
            found = os.fstat(stream.fileno())
            if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
                return None
            content = json.load(stream)
        version = content["version"]
        return version if content["file"] == identity and isinstance(version, str) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
