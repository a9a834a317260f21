"""The log of all calls that the emulator receives: who called what, and in which account."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

CALLS_NAME = "calls.jsonl"


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
