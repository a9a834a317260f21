"""Files that several processes use: locks between processes, and atomic writes."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
"""Mode of a file that only its owner can read."""


@contextmanager
def file_lock(path: Path, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold an exclusive lock between processes and threads; wait until it is free.

    The lock belongs to an open file, so the operating system releases it when the process ends for any reason.

    Args:
        path: the lock file. It is created if missing and never removed: removing it would race.
        on_wait: called once if somebody else holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def atomic_file(path: Path, *, mode: int = PRIVATE, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when the block ends without an error.

    The content goes to a temporary file in the same folder. A reader sees the old bytes or the new ones, never a part;
    if the block fails, the old file stays as it was.

    Args:
        path: file to write. A missing folder is created, with mode 0700 if the file is private.
        mode: permissions of the file from its creation.
        durable: wait until the disk has the content and the name.

    Yields:
        The temporary file, open for writing bytes.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(mode=0o700 if mode == PRIVATE else 0o777, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600 from its creation
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_atomic(path: Path, data: bytes, *, mode: int = PRIVATE, durable: bool = False) -> None:
    """Write a whole file with ``atomic_file``; private (mode 0600) unless ``mode`` says otherwise.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_file(path, mode=mode, durable=durable) as file:
        file.write(data)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
