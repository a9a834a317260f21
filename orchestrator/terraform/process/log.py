"""A unit's log: the child process writes it, orch follows it."""

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
    """Return the text without colors, cursor movements and other control characters; tabs and newlines stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


class FollowedLog:
    """A log file that a child process appends to and orch reads from. Create it with ``open``."""

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
            raise UnitError(f"cannot write the log {path}: {error.strerror}", hint="free some disk space") from error
        return cls(path, handle)

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        os.close(self.handle)

    def new_lines(self) -> Iterator[str]:
        """Yield the lines written since the last call, without colors; an incomplete line waits for its end."""
        while chunk := os.pread(self.handle, _CHUNK, self._position):
            self._position += len(chunk)
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            if len(self._rest) > _CHUNK:
                whole, self._rest = [*whole, self._rest], b""
            yield from (self._line(line) for line in whole)

    def last_line(self) -> Iterator[str]:
        """Yield what was written after the last newline, once the child has exited."""
        if self._rest:
            rest, self._rest = self._rest, b""
            yield self._line(rest)

    def tidy(self) -> None:
        """Remove control characters from what the child wrote, so that reading a log cannot move a cursor.

        Call it only after the child and its group have exited. Terraform is told to write none, but provisioners can.
        """
        if not self._dirty:
            return
        written = os.pread(self.handle, self._position - self._start, self._start)
        with suppress(OSError):  # if the disk is full, the raw log stays
            os.ftruncate(self.handle, self._start)
            with os.fdopen(os.dup(self.handle), "wb") as file:
                file.write(strip_ansi(written.decode("utf-8", "replace")).encode())

    def _line(self, raw: bytes) -> str:
        text = raw.decode("utf-8", "replace")
        clean = strip_ansi(text)
        self._dirty = self._dirty or clean != text
        return clean
