"""Read the emulator's call log, to prove which role did what."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from orchestrator.emulator.call_log import CALLS_NAME, RecordedCall

_READS = re.compile(
    r"(Get|List|Describe|Head|Lookup|BatchGet|Query|Scan|Search|Select|Simulate|Validate|Detect|Test|Estimate"
    r"|Admin(Get|List)|Filter|AssumeRole)"
)


@dataclass(frozen=True, slots=True)
class Call(RecordedCall):
    """One request of the log."""

    @property
    def reads(self) -> bool:
        """Whether the operation changes nothing, judged by its name."""
        return _READS.match(self.action) is not None

    @property
    def role(self) -> str:
        """Name of the role whose session called; empty for a user."""
        return self.caller.split("/")[1] if ":assumed-role/" in self.caller else ""


def read_calls(folder: Path) -> tuple[Call, ...]:
    """Return every call since the emulator started, in the order of the answers; none if there is no log.

    Args:
        folder: the emulator's folder.
    """
    try:
        lines = (folder / CALLS_NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(Call(**json.loads(line)) for line in lines)


def last_writes(folder: Path, accounts: Collection[str], *, most: int = 25) -> str:
    """The latest calls that change something, a line each: what a failed run has to be explained with.

    Args:
        folder: the emulator's folder.
        accounts: IDs of the accounts.
        most: lines.
    """
    calls = [each for each in read_calls(folder) if each.account in accounts and not each.reads]
    return "\n".join(
        f"{each.time} {each.service} {each.action} {each.status} {each.attempt} {each.refused}"
        for each in calls[-most:]
    )
