"""SHA-256 of large files, remembered for as long as the file system says that the file is the same.

Hashing the AWS provider (700 MB) takes half a second of CPU. git's index and Bazel spare such work in the same way:
a program that changes a file changes its ctime, and cannot set it back without changing the clock of the system.
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
"""Bytes up to which a file is hashed each time."""
_SETTLED_SECONDS = 2.0
"""A file that changed so recently is not remembered: a second change could leave the same ctime (FAT counts 2 s)."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class DigestCache:
    """Remembers the digests of files.

    Args:
        folder: where they are kept; created with mode 0700. An entry that somebody else could have written is ignored.
        settled: seconds for which a file must not have changed to be remembered.
    """

    def __init__(self, folder: Path, *, settled: float = _SETTLED_SECONDS) -> None:
        self._folder = folder
        self._settled = settled

    def sha256(self, file: Path) -> str:
        """Return the SHA-256 of a file's content, in hexadecimal.

        Raises:
            OSError: the file cannot be read.
        """
        with file.open("rb") as stream:
            before = os.fstat(stream.fileno())
            if before.st_size <= SMALL:
                return hashlib.file_digest(stream, "sha256").hexdigest()
            entry = self._folder / f"{hashlib.sha256(os.fsencode(file)).hexdigest()}.json"
            known = _read(entry, _identity(before))
            if known is not None:
                return known
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            after = os.fstat(stream.fileno())
        settled = time.time() - after.st_ctime > self._settled
        if settled and _identity(after) == _identity(before):
            with suppress(OSError):  # It is hashed again next time.
                write_atomic(entry, json.dumps({"file": _identity(after), "sha256": digest}).encode())
        return digest


def _identity(found: os.stat_result) -> list[int]:
    """What changes whenever a file or its content is changed or replaced."""
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _read(entry: Path, identity: list[int]) -> str | None:
    """Return the digest in an entry; None if it is missing, damaged, of another file, or not the user's own."""
    try:
        with entry.open("rb") as stream:
            found = os.fstat(stream.fileno())
            if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
                return None
            content = json.load(stream)
        digest = content["sha256"]
        return digest if content["file"] == identity and isinstance(digest, str) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
