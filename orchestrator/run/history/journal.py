"""The journal of a run: append-only, one JSON object per line, on disk before the next step begins.

It never contains a value of a resource, an output or a variable: only what was done to which unit, and when. The writer
holds a lock on the file, which the system releases when the writer dies. So a run that was cut off is never taken for a
running one, even if its process id is in use again.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.errors import SetupError, UsageError

JOURNAL_FORMAT = 1
STATUS_EVENTS = frozenset({"planned", "ended"})
"""Records with the status of a unit."""

_TRIES = 20
_TRY_SECONDS = 0.05


class UnknownFormatError(UsageError):
    """Another version of orch wrote the journal."""


class Journal:
    """Writes a run's records. Safe to use from several threads.

    Args:
        path: the file; created with mode 0600.

    Raises:
        SetupError: the file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.broken: str = ""
        """Why the last `note` was lost; empty while everything was written."""
        self._statuses: dict[str, str] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise self._failure(error) from error

    def write(self, event: str, **fields: str | float | bool | list[str] | None) -> None:
        """Add one record and wait until it is on disk, so that a kill right after cannot lose it.

        Raises:
            SetupError: the disk does not accept it; the file is unchanged.
        """
        record = {"format": JOURNAL_FORMAT, "time": datetime.now(UTC).isoformat(), "event": event, **fields}
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        with self._lock:
            before = os.fstat(self._file).st_size
            try:
                _write_all(self._file, line)
                os.fsync(self._file)
            except OSError as error:
                self._take_back(before)
                raise self._failure(error) from error
            if event in STATUS_EVENTS:
                self._statuses[str(fields["unit"])] = str(fields.get("status", ""))

    def note(self, event: str, **fields: str | float | bool | list[str] | None) -> None:
        """Like `write`, for something that has happened already: a failure only sets `broken`.

        A resumed run reads the unit's state instead of the lost record.
        """
        try:
            self.write(event, **fields)
        except SetupError as error:
            self.broken = error.what

    def last_status(self, unit: str) -> str | None:
        """Return the status that was recorded last of a unit; None if none was."""
        with self._lock:
            return self._statuses.get(unit)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _take_back(self, size: int) -> None:
        """Remove a partial line, so that it does not spoil the next record."""
        try:
            os.ftruncate(self._file, size)
        except OSError:
            # The partial line stays and spoils at most itself: readers report it as damaged.
            self.broken = f"{self._path} has an incomplete line"

    def _failure(self, error: OSError) -> SetupError:
        what = f"cannot write the journal {self._path}: {error.strerror}"
        return SetupError(what, hint="free disk space; nothing is applied that cannot be recorded")


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


@dataclass(frozen=True, slots=True)
class Records:
    """The content of a journal.

    Attributes:
        records: in the order in which they were written.
        damaged: numbers of invalid lines, counted from 1. A last line that was cut short by a kill is not one of them:
            what it was about to record did not begin.
    """

    records: tuple[dict[str, Any], ...]
    damaged: tuple[int, ...] = ()


def load_journal(path: Path) -> Records:
    """Read a journal. If the file was cut at any byte, its complete records are still read.

    Raises:
        UnknownFormatError: another version of orch wrote it.
        OSError: the file cannot be read.
    """
    *lines, tail = path.read_bytes().split(b"\n")
    records: list[dict[str, Any]] = []
    damaged: list[int] = []
    for number, line in enumerate(lines, start=1):
        record = _record(path, line)
        if record is None:
            damaged.append(number)
        else:
            records.append(record)
    last = _record(path, tail) if tail else None
    if last is not None:
        records.append(last)
    return Records(tuple(records), tuple(damaged))


def _record(path: Path, line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("event"), str):
        return None
    if record.get("format") != JOURNAL_FORMAT:
        what = f"{path} has format {record.get('format')!r}; this version of orch reads {JOURNAL_FORMAT}"
        raise UnknownFormatError(what, hint="use the version of orch that wrote it")
    if not _is_time(record.get("time")):
        return None
    return record


def _is_time(text: object) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def is_active(path: Path) -> bool:
    """Return whether a running run writes this journal, or holds it because it continues that run."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


@contextmanager
def hold_journal(path: Path) -> Iterator[bool]:
    """Hold the journal of a past run, so that no two runs continue it at once. Nothing is written to it.

    Yields:
        whether it could be held. Waits for a short look by another command (`is_active`).
    """
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield _try_lock(file)
    finally:
        os.close(file)


def _try_lock(file: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_TRY_SECONDS)
        else:
            return True
    return False


def in_flight(path: Path) -> dict[str, str]:
    """Return units whose apply began and has no recorded end: unit -> time when it began."""
    return in_flight_units(load_journal(path).records)


def in_flight_units(records: tuple[dict[str, Any], ...]) -> dict[str, str]:
    """Like `in_flight`, for records that were already read."""
    open_: dict[str, str] = {}
    for record in records:
        unit = str(record.get("unit", ""))
        if record["event"] in {"apply-started", "destroy-started"}:
            open_[unit] = str(record["time"])
        elif record["event"] in {"apply-ended", "destroy-ended"}:
            open_.pop(unit, None)
    return open_
