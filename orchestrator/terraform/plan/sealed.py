"""Hashes a saved plan and gives Terraform the very bytes that were hashed.

If Terraform opened the file by its name, another process could replace it after the hash was compared. So the plan is
copied while it is hashed: on Linux into a memory file that the kernel seals against changes (``memfd_create(2)``,
``F_SEAL_WRITE``), elsewhere into a folder of this call that only its user can read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orchestrator.errors import UnitError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class SealedPlan:
    """A plan that cannot be replaced any more.

    Attributes:
        path: what Terraform opens.
        sha256: hash of its bytes, in hexadecimal.
        handles: file descriptors that Terraform's process must inherit.
    """

    path: Path
    sha256: str
    handles: tuple[int, ...] = ()


@contextmanager
def seal_plan(file: Path) -> Iterator[SealedPlan]:
    """Copy a saved plan to where nothing can replace it, and hash the copy; it is gone when the context ends.

    Raises:
        UnitError: the plan cannot be read or copied.
    """
    try:
        source = file.open("rb")
    except OSError as error:
        message = f"cannot read the plan {file}: {error.strerror}"
        raise UnitError(message, hint="plan again") from error
    with source, _sealed_in_memory(source) if sys.platform == "linux" else _in_private_folder(source) as sealed:
        yield sealed


@contextmanager
def _sealed_in_memory(source: BinaryIO) -> Iterator[SealedPlan]:
    with os.fdopen(os.memfd_create("plan", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b") as copy:
        digest = _copy(source, copy)
        handle = copy.fileno()
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(handle, fcntl.F_ADD_SEALS, seals)
        yield SealedPlan(Path(f"/proc/self/fd/{handle}"), digest, (handle,))


@contextmanager
def _in_private_folder(source: BinaryIO) -> Iterator[SealedPlan]:
    with tempfile.TemporaryDirectory(prefix="orch-plan-") as folder:
        path = Path(folder) / "tfplan"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as copy:
            digest = _copy(source, copy)
        yield SealedPlan(path, digest)


def _copy(source: BinaryIO, copy: BinaryIO) -> str:
    """Copy a plan; return the hash of what was copied."""
    digest = hashlib.sha256()
    try:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
    except OSError as error:
        message = f"cannot copy the plan: {error.strerror}"
        raise UnitError(message, hint="free memory or disk space, then run the command again") from error
    return digest.hexdigest()
