"""The record of a run: append-only, one JSON object a line, on disk before the next step begins.

It never holds a value of a resource, an output or a variable: only what was done to which unit, and when.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FORMAT = 1


class Journal:
    """Writes a run's records. Safe to use from several threads.

    Args:
        path: the file; made with mode 0600.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()

    def write(self, event: str, **fields: str | float | bool | list[str] | None) -> None:
        """Add one record and wait until the disk has it, so that a kill right after cannot lose it."""
        record = {"format": FORMAT, "time": datetime.now(UTC).isoformat(), "event": event, **fields}
        line = json.dumps(record, ensure_ascii=False) + "\n"
        with self._lock:
            os.write(self._file, line.encode())
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file; nothing can be written after."""
        os.close(self._file)


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a journal; a last line that a kill cut short is left out.

    Raises:
        OSError: the file cannot be read.
    """
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def in_flight(path: Path) -> dict[str, str]:
    """Units whose apply had begun and whose end is not recorded: unit -> time of its beginning."""
    open_: dict[str, str] = {}
    for record in read_journal(path):
        unit = str(record.get("unit", ""))
        if record.get("event") in {"apply-started", "destroy-started"}:
            open_[unit] = str(record["time"])
        elif record.get("event") in {"apply-ended", "destroy-ended"}:
            open_.pop(unit, None)
    return open_


def cut_off(runs: Path) -> tuple[str, dict[str, str]] | None:
    """Whether the newest run was killed while it applied something.

    Args:
        runs: the folder that holds the folders of all runs.

    Returns:
        The run's id, and the units whose end it did not record with the time of their beginning; None when the newest
        run came to its end, or still goes on.
    """
    newest = max((path for path in runs.glob("*/journal.jsonl")), default=None)
    if newest is None:
        return None
    records = list(read_journal(newest))
    if any(record.get("event") == "run-ended" for record in records):
        return None
    pid = next((record.get("pid") for record in records if record.get("event") == "run-started"), None)
    flying = in_flight(newest)
    return (newest.parent.name, flying) if flying and not _lives(pid) else None


def _lives(pid: object) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
