"""The log of all calls that the emulator receives: who called what, and in which account."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

CALLS_NAME = "calls.jsonl"
NOT_SUPPORTED = "The emulator does not support "
FAILED_IN = "The emulator failed in "
"""How the reason of a call begins that the emulator does not model, or in which moto itself failed."""
_UNMODELED = re.compile(rf"(?:{NOT_SUPPORTED}|{FAILED_IN})[\w-]+ [\w/.-]+")


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request.

    Attributes:
        time: UTC, ISO 8601 with milliseconds.
        service: botocore's name of the service, such as ``cognito-idp``.
        action: the API operation, such as ``CreateUserPool``.
        caller: ARN of the user or session; empty if unknown.
        account: the caller's account; empty if unknown.
        region: region that the request is signed for.
        status: HTTP status of the answer.
        refused: why the emulator itself refused the call; empty if it did not.
        tags: tags of the caller's session.
        attempt: which try of the request this is, as AWS SDKs say it: "attempt=2; max=25"; empty if the client does not
            say. A second try of a request that was carried out explains a resource that "already exists".
    """

    time: str
    service: str
    action: str
    caller: str
    account: str
    region: str
    status: int
    refused: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    attempt: str = ""


class CallLog:
    """Writes the log, one JSON line per call.

    Args:
        folder: the emulator's folder; an existing log is overwritten.
    """

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder / CALLS_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._file: IO[str] = os.fdopen(descriptor, "w", encoding="utf-8")

    def add(self, call: RecordedCall) -> None:
        """Write a call. It is in the file before the client receives the answer."""
        self._file.write(json.dumps(asdict(call)) + "\n")
        self._file.flush()


def unmodeled_in(text: str) -> str:
    """Return the part of an error that says that the emulator could not answer a call; empty if none does."""
    found = _UNMODELED.search(text)
    return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class CallCounts:
    """What is in a call log.

    Attributes:
        not_supported: service and operation -> number of calls, of operations that the emulator does not model.
        failed: the same, of calls in which the emulator failed.
        services: every service that was called.
    """

    not_supported: Mapping[tuple[str, str], int]
    failed: Mapping[tuple[str, str], int]
    services: frozenset[str]


def count_calls(folder: Path) -> CallCounts:
    """Return what the emulator of a folder could not answer since it started; nothing if it has no log.

    Args:
        folder: the emulator's folder.
    """
    not_supported: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    services = set()
    try:
        lines = (folder / CALLS_NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    for line in lines:
        call = json.loads(line)
        services.add(str(call["service"]))
        which = (str(call["service"]), str(call["action"]))
        not_supported[which] += str(call["refused"]).startswith(NOT_SUPPORTED)
        failed[which] += str(call["refused"]).startswith(FAILED_IN)
    return CallCounts(+not_supported, +failed, frozenset(services - {""}))
