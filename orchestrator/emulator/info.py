"""Read and write ``emulator.json``, which describes a running emulator. It holds keys: only its owner can read it."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.util.files import write_atomic

INFO_NAME = "emulator.json"
_CONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True, repr=False)
class EmulatorInfo(EmulatorEndpoint):
    """A running emulator: its endpoint and its process.

    Attributes:
        pid: process ID.
        started: start time, UTC, ISO 8601.
    """

    pid: int
    started: str


def read_info(folder: Path) -> EmulatorInfo | None:
    """Return the emulator that runs for a folder.

    Args:
        folder: the emulator's folder, ``.orch/emulator`` in a repository.

    Returns:
        the running emulator; None if none was started or it has ended.
    """
    try:
        data: Any = json.loads((folder / INFO_NAME).read_text(encoding="utf-8"))
        info = EmulatorInfo(**data)
    except (OSError, ValueError, TypeError):
        return None
    well_formed = isinstance(info.url, str) and isinstance(info.pid, int)
    return info if well_formed and _is_alive(info) else None


def write_info(folder: Path, info: EmulatorInfo) -> None:
    """Write ``emulator.json`` atomically, readable only by its owner.

    Args:
        folder: the emulator's folder; it exists.
        info: the running emulator.
    """
    write_atomic(folder / INFO_NAME, (json.dumps(asdict(info), indent=2) + "\n").encode())


def _is_alive(info: EmulatorInfo) -> bool:
    """Whether the process exists and something listens at its address.

    Both are checked because process IDs and ports are reused.
    """
    try:
        os.kill(info.pid, 0)
        address = urlsplit(info.url)
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=_CONNECT_SECONDS):
            return True
    except (OSError, ValueError, OverflowError):
        return False
