"""SHA-256 of large files: hashing the AWS provider (700 MB) takes half a second of CPU, so it is remembered."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from orchestrator.util.file_cache import SETTLED_SECONDS, SMALL, FileCache


class DigestCache:
    """Remembers the digests of files larger than `SMALL`. The arguments are those of `FileCache`."""

    def __init__(self, folder: Path, *, settled: float = SETTLED_SECONDS) -> None:
        self._cache = FileCache(folder, settled=settled)

    def sha256(self, file: Path) -> str:
        """Return the SHA-256 of a file's content, in hexadecimal.

        Raises:
            OSError: the file cannot be read.
        """
        with file.open("rb") as stream:
            before = os.fstat(stream.fileno())
            known = self._cache.read(file, before) if before.st_size > SMALL else None
            if known is not None:
                return known
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            after = os.fstat(stream.fileno())
        if before.st_size > SMALL:
            self._cache.write(file, before, after, digest)
        return digest
