"""The log of all calls: who did what where. Tests read it to prove which role did what."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

CALLS_NAME = "calls.jsonl"
_READS = re.compile(
    r"(Get|List|Describe|Head|Lookup|BatchGet|Query|Scan|Search|Select|Simulate|Validate|Detect|Test|Estimate"
    r"|Admin(Get|List)|Filter|AssumeRole)"
)


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request.

    Attributes:
        time: UTC, ISO 8601 with milliseconds.
        service: botocore's name of it, as ``cognito-idp``.
        action: the API's operation, as ``CreateUserPool``.
        caller: ARN of the user or session; "" for nobody known.
        account: the caller's account; "" for nobody known.
        region: as signed.
        status: of HTTP.
        refused: why the emulator's own gate refused it; "" where it did not.
        tags: of the caller's session.
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

    @property
    def reads(self) -> bool:
        """Whether it changes nothing, going by its name."""
        return _READS.match(self.action) is not None

    @property
    def role(self) -> str:
        """Name of the role whose session called; "" for a user."""
        return self.caller.split("/")[1] if ":assumed-role/" in self.caller else ""


class CallLog:
    """Writes the log, one JSON line for each call.

    Args:
        folder: the emulator's folder; a log that lies there is overwritten.
    """

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder / CALLS_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._file: IO[str] = os.fdopen(descriptor, "w", encoding="utf-8")

    def add(self, call: RecordedCall) -> None:
        """Write a call; whoever reads the file after the answer finds it."""
        self._file.write(json.dumps(asdict(call)) + "\n")
        self._file.flush()


def read_calls(folder: Path) -> tuple[RecordedCall, ...]:
    """Every call since the emulator started, in the order in which they were answered.

    Args:
        folder: the emulator's folder.

    Returns:
        the calls; none if there is no log.
    """
    try:
        lines = (folder / CALLS_NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(RecordedCall(**json.loads(line)) for line in lines)
