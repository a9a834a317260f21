"""What a running emulator is reached by: ``emulator.json``, readable by its owner alone, for it holds keys."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orchestrator.util.files import write_atomic

INFO_NAME = "emulator.json"
_CONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class EmulatorInfo:
    """A running emulator.

    Attributes:
        url: where it listens, always on loopback: ``http://127.0.0.1:PORT``.
        pid: its process.
        access_key: access key id of the entry user ``orch-entry`` in the management account.
        secret_key: the secret that belongs to it.
        started: when it started, UTC, ISO 8601.
    """

    url: str
    pid: int
    access_key: str
    secret_key: str
    started: str

    def __repr__(self) -> str:
        """Without the keys: tracebacks and logs show this."""
        return f"EmulatorInfo(url={self.url!r}, pid={self.pid}, started={self.started!r})"


def read_info(folder: Path) -> EmulatorInfo | None:
    """The emulator that runs for a folder.

    Args:
        folder: the emulator's folder, in a repository ``.orch/emulator``.

    Returns:
        how to reach it; None when none was started or it is gone.
    """
    try:
        data: Any = json.loads((folder / INFO_NAME).read_text(encoding="utf-8"))
        info = EmulatorInfo(**data)
    except (OSError, ValueError, TypeError):
        return None
    well_formed = isinstance(info.url, str) and isinstance(info.pid, int)
    return info if well_formed and is_alive(info) else None


def write_info(folder: Path, info: EmulatorInfo) -> None:
    """Write ``emulator.json`` whole or not at all, never readable by others.

    Args:
        folder: the emulator's folder; it exists.
        info: what to write.
    """
    write_atomic(folder / INFO_NAME, (json.dumps(asdict(info), indent=2) + "\n").encode())


def is_alive(info: EmulatorInfo) -> bool:
    """Whether the process lives and something listens at its address.

    Both are asked: a process id is given again to others, and so is a port.
    """
    try:
        os.kill(info.pid, 0)
        address = urlsplit(info.url)
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=_CONNECT_SECONDS):
            return True
    except (OSError, ValueError, OverflowError):
        return False
