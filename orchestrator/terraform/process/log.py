"""A unit's log: the child writes it, orch follows it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.errors import UnitError
from orchestrator.util.files import PRIVATE

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CHUNK = 1 << 16


def strip_ansi(text: str) -> str:
    """The text without colours, cursor movements and other control characters; tabs and newlines stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


class FollowedLog:
    """A log file open for a child to append to and for orch to read what is new. Use ``open``."""

    def __init__(self, path: Path, handle: int) -> None:
        self.handle = handle
        """File descriptor that the child writes to."""
        self._path = path
        self._start = os.fstat(handle).st_size
        self._position = self._start
        self._rest = b""
        self._dirty = False

    @classmethod
    def open(cls, path: Path, argv: Sequence[str]) -> FollowedLog:
        """Open a log, mode 0600, and write the command as its next line.

        Raises:
            UnitError: the file cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
            os.fchmod(handle, PRIVATE)
            os.write(handle, f"$ {strip_ansi(shlex.join(argv))}\n".encode())
        except OSError as error:
            raise UnitError(
                f"the log {path} cannot be written: {error.strerror}", hint="free some disk space"
            ) from error
        return cls(path, handle)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        os.close(self.handle)

    def new_lines(self) -> Iterator[str]:
        """The lines written since the last call, without colours; an unfinished one waits for its end."""
        while chunk := os.pread(self.handle, _CHUNK, self._position):
            self._position += len(chunk)
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            if len(self._rest) > _CHUNK:
                whole, self._rest = [*whole, self._rest], b""
            yield from (self._line(line) for line in whole)

    def last_line(self) -> Iterator[str]:
        """What was written after the last newline, once the child has ended."""
        if self._rest:
            rest, self._rest = self._rest, b""
            yield self._line(rest)

    def tidy(self) -> None:
        """Rewrite what the child wrote without control characters, so that reading a log cannot move a cursor.

        Only after the child and all of its group have ended. Terraform is told to write none, but provisioners may.
        """
        if not self._dirty:
            return
        written = os.pread(self.handle, self._position - self._start, self._start)
        with suppress(OSError):  # a full disk: the raw log stays, which is better than none
            os.ftruncate(self.handle, self._start)
            with os.fdopen(os.dup(self.handle), "wb") as file:
                file.write(strip_ansi(written.decode("utf-8", "replace")).encode())

    def _line(self, raw: bytes) -> str:
        text = raw.decode("utf-8", "replace")
        clean = strip_ansi(text)
        self._dirty = self._dirty or clean != text
        return clean
