"""What was found out about a file, remembered for as long as the file system says that the file is the same.

git's index and Bazel spare work in the same way: a program that changes a file changes its ctime, and cannot set it
back without changing the clock of the system.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from orchestrator.util.files import write_atomic

SMALL = 1 << 20
"""Bytes up to which nothing is remembered about a file."""
SETTLED_SECONDS = 2.0
"""A file that changed so recently is not remembered: a second change could leave the same ctime (FAT counts 2 s)."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class FileCache:
    """Remembers one text for each file.

    Args:
        folder: where the texts are kept; created with mode 0700. What somebody else could have written is ignored.
        settled: seconds for which a file must not have changed to be remembered.
    """

    def __init__(self, folder: Path, *, settled: float = SETTLED_SECONDS) -> None:
        self._folder = folder
        self._settled = settled

    def read(self, file: Path, found: os.stat_result) -> str | None:
        """Return what is remembered; None if nothing is, or if it is damaged, of another file, or not the user's own.

        Args:
            file: the file.
            found: its status.
        """
        try:
            with self._entry(file).open("rb") as stream:
                own = os.fstat(stream.fileno())
                if own.st_uid != os.geteuid() or own.st_mode & _OTHERS_WRITE:
                    return None
                content = json.load(stream)
            text = content["text"]
            return text if content["file"] == _identity(found) and isinstance(text, str) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, file: Path, before: os.stat_result, after: os.stat_result, text: str) -> None:
        """Remember a text, unless the file changed recently. A folder that cannot be written to costs time only.

        Args:
            file: the file.
            before: its status before the text was found out.
            after: its status afterwards.
            text: what to remember.
        """
        if _identity(before) != _identity(after) or time.time() - after.st_ctime <= self._settled:
            return
        with suppress(OSError):
            write_atomic(self._entry(file), json.dumps({"file": _identity(after), "text": text}).encode())

    def _entry(self, file: Path) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(file)).hexdigest()}.json"


def _identity(found: os.stat_result) -> list[int]:
    """Return what changes whenever a file or its content is changed or replaced."""
    return [found.st_dev, found.st_ino, found.st_size, found.st_mode, found.st_mtime_ns, found.st_ctime_ns]
