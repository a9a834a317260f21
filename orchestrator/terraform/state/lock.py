"""Terraform's lock on a state: the JSON object beside the state in S3, and what Terraform prints about another's."""

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
"""The lock of a state is an object whose key is the state's with this at its end (``use_lockfile``)."""

_FIELD = re.compile(r"^\s*(ID|Path|Operation|Who|Version|Created|Info):[ \t]*(.*?)\s*$", re.MULTILINE)
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


@dataclass(frozen=True, slots=True)
class StateLock:
    """Who holds a state, as Terraform writes it. Every text is as the holder wrote it: nothing in it is to be trusted.

    Attributes:
        id: a UUID, new for each lock; empty when the object could not be read.
        operation: ``OperationTypeApply`` for an apply; ``orch move`` and the like for orch's own.
        who: ``user@host``.
        version: of Terraform, or of orch.
        created: when it was taken, aware; None when that cannot be read.
        path: bucket and key of the state.
        info: free text; orch's own locks say their process and what they belong to (``own_info``).
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
        """Name of the machine that the holder runs on; empty when it is not said."""
        return self.who.rpartition("@")[2] if "@" in self.who else ""

    @property
    def here(self) -> bool:
        """Whether the holder is on this machine."""
        return self.host == socket.gethostname()

    @property
    def pid(self) -> int | None:
        """The holder's process, for locks of orch's own."""
        found = self._own().get("pid")
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    @property
    def purpose(self) -> str:
        """What an own lock of orch belongs to: the id of a move or an adoption; else empty."""
        found = self._own().get("orch")
        return found if isinstance(found, str) else ""

    def left_behind(self, purpose: str) -> bool:
        """Whether a process of this machine that has ended took it for the same purpose: then it may be taken over."""
        return (
            bool(purpose)
            and self.purpose == purpose
            and self.here
            and self.pid is not None
            and not process_exists(self.pid)
        )

    def age(self, now: datetime) -> float | None:
        """Seconds since it was taken; None when that is not known."""
        return None if self.created is None else max(0.0, (now - self.created).total_seconds())

    def _own(self) -> Mapping[str, object]:
        try:
            document = json.loads(self.info)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


def process_exists(pid: int) -> bool:
    """Whether there is a process with this id on this machine."""
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
    """A new lock of orch's own, in Terraform's format.

    Args:
        operation: what is done, e.g. ``orch move``.
        path: bucket and key of the state.
        version: of orch.
        purpose: id of what it belongs to, so that a command that goes on after a kill knows its own lock again.
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
    """A lock as the object that Terraform reads."""
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
    """The content of a lock object; one that cannot be read is a lock all the same, of which nothing is known."""
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return StateLock(id="", info="the lock object is not what Terraform writes")
    return _from_fields({str(key): str(value) for key, value in document.items()})


def lock_in(text: str) -> StateLock | None:
    """The lock that Terraform's error names (``Lock Info:``); None when the text names none."""
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
    """A time as in JSON (``2026-11-26T15:36:41.328Z``) or as Go prints it (``2026-11-26 15:36:41.328 +0000 UTC``)."""
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
