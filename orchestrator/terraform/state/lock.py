"""Terraform's state lock: the JSON object next to the state in S3, and Terraform's message about a lock."""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

LOCK_SUFFIX = ".tflock"
"""Appended to a state's key to get the key of its lock object (``use_lockfile``)."""

_FIELD = re.compile(r"^\s*(ID|Path|Operation|Who|Version|Created|Info):[ \t]*(.*?)\s*$", re.MULTILINE)
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


@dataclass(frozen=True, slots=True)
class StateLock:
    """A state lock in Terraform's format. Every text is written by the holder and is not trustworthy.

    Attributes:
        id: a UUID, new for each lock; empty if the object could not be read.
        operation: ``OperationTypeApply`` for an apply; ``orch move`` and similar for orch's own locks.
        who: ``user@host``.
        version: of Terraform, or of orch.
        created: when it was acquired, timezone-aware; None if unreadable.
        path: bucket and key of the state.
        info: free text; orch's own locks contain their process and purpose (``own_lock``).
    """

    id: str
    operation: str = ""
    who: str = ""
    version: str = ""
    created: datetime | None = None
    path: str = ""
    info: str = ""

    @property
    def user(self) -> str:
        """Login name of the holder."""
        return self.who.rpartition("@")[0] or self.who

    @property
    def host(self) -> str:
        """Host name of the holder's machine; empty if unknown."""
        return self.who.rpartition("@")[2] if "@" in self.who else ""

    @property
    def here(self) -> bool:
        """Whether the holder is on this machine."""
        return self.host == socket.gethostname()

    @property
    def pid(self) -> int | None:
        """Process id of the holder, for orch's own locks."""
        found = self._own().get("pid")
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    @property
    def purpose(self) -> str:
        """What a lock of orch belongs to: the id of a move or an adoption; otherwise empty."""
        found = self._own().get("orch")
        return found if isinstance(found, str) else ""

    def left_behind(self, purpose: str) -> bool:
        """Whether an exited process of this machine acquired it for the same purpose, so that it can be taken over."""
        return (
            bool(purpose)
            and self.purpose == purpose
            and self.here
            and self.pid is not None
            and not process_exists(self.pid)
        )

    def age(self, now: datetime) -> float | None:
        """Return the seconds since it was acquired; None if unknown."""
        return None if self.created is None else max(0.0, (now - self.created).total_seconds())

    def _own(self) -> Mapping[str, object]:
        try:
            document = json.loads(self.info)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


def process_exists(pid: int) -> bool:
    """Return whether a process with this id exists on this machine."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def own_lock(operation: str, *, path: str, version: str, purpose: str, pid: int) -> StateLock:
    """Return a new lock of orch in Terraform's format.

    Args:
        operation: what is done, e.g. ``orch move``.
        path: bucket and key of the state.
        version: of orch.
        purpose: id of what it belongs to, so that a command that continues after a kill recognizes its own lock.
        pid: the process that holds it.
    """
    return StateLock(
        id=str(uuid.uuid4()),
        operation=operation,
        who=f"{_user()}@{socket.gethostname()}",
        version=version,
        created=datetime.now(UTC),
        path=path,
        info=json.dumps({"orch": purpose, "pid": pid}),
    )


def lock_bytes(lock: StateLock) -> bytes:
    """Return a lock as the JSON object that Terraform reads."""
    created = (lock.created or datetime.now(UTC)).astimezone(UTC)
    document = {
        "ID": lock.id,
        "Operation": lock.operation,
        "Info": lock.info,
        "Who": lock.who,
        "Version": lock.version,
        "Created": created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "Path": lock.path,
    }
    return json.dumps(document).encode()


def parse_state_lock(data: bytes) -> StateLock:
    """Parse a lock object. An unreadable one is still a lock, with unknown contents."""
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return StateLock(id="", info="the lock object is not in Terraform's format")
    return _from_fields({str(key): str(value) for key, value in document.items()})


def lock_in(text: str) -> StateLock | None:
    """Return the lock that Terraform's error shows (``Lock Info:``), or None."""
    _, found, info = text.partition("Lock Info:")
    if not found:
        return None
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(info):
        fields.setdefault(name, value)
    return _from_fields(fields) if fields.get("ID") else None


def _from_fields(fields: Mapping[str, str]) -> StateLock:
    return StateLock(
        id=fields.get("ID", ""),
        operation=fields.get("Operation", ""),
        who=fields.get("Who", ""),
        version=fields.get("Version", ""),
        created=_time(fields.get("Created", "")),
        path=fields.get("Path", ""),
        info=fields.get("Info", ""),
    )


def _time(text: str) -> datetime | None:
    """Parse a time in JSON (``2026-11-26T15:36:41.328Z``) or in Go's format (``2026-11-26 15:36:41.328 +0000 UTC``)."""
    fraction = _FRACTION.search(text)
    micro = int(fraction[1].ljust(6, "0")) if fraction else 0
    short = _FRACTION.sub("", text).removesuffix(" UTC").replace("Z", "+00:00")
    for pattern in ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S %z"):
        try:
            return datetime.strptime(short, pattern).astimezone(UTC).replace(microsecond=micro)
        except ValueError:
            continue
    return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without an entry in passwd
        return "unknown"
