"""One provider process, and the calls that are passed on to it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from orchestrator.terraform.warm.messages import LockedPackage
from orchestrator.terraform.warm.server.handshake import HandshakeError, Started, start_provider

MESSAGE_SIZE = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
_LAST_WORDS = 16_000
"""Bytes of a crashed provider's standard error that are shown: the panic and its first goroutines."""


@dataclass(frozen=True, slots=True)
class PoolKey:
    """Provider processes with the same key are interchangeable.

    Attributes:
        package: the checksums that the lock file allows.
        identity: the accounts and the role.
        environment: digest of the environment.
        folder: the working folder; empty if the provider reads files through links (see `ProviderProcess.link`).
        lease: the only lease that may use it; 0 for any.
    """

    package: tuple[str, ...]
    identity: str
    environment: str
    folder: str = ""
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a provider process."""

    key: PoolKey
    package: LockedPackage
    environment: Mapping[str, str] = field(repr=False)


class ProviderProcess:
    """A running provider. One connection at a time uses it once it is configured.

    Args:
        launch: how to start it.
        binary: the provider, which was verified.
        folder: a new folder, mode 0700, for its socket, its standard error and its working folder.

    Raises:
        HandshakeError: it does not start.
    """

    def __init__(self, launch: Launch, binary: Path, folder: Path) -> None:
        self.key = launch.key
        self.configured = False
        self.users = 0
        """Calls in progress on a process that is not configured; the pool counts them."""
        self._errors = folder / "stderr"
        self._links = folder / "cwd"
        self._links.mkdir(mode=0o700)
        self._unit_folder: Path | None = None
        self._linked: set[str] = set()
        self._lock = threading.Lock()
        self._started: Started = start_provider(
            binary,
            env=launch.environment,
            cwd=Path(launch.key.folder) if launch.key.folder else self._links,
            sockets=folder,
            errors=self._errors,
        )
        options = [*MESSAGE_SIZE, ("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.insecure_channel(f"unix:{self._started.socket}", options=options)

    @property
    def protocol(self) -> int:
        """The version of its protocol."""
        return self._started.protocol

    def unary(self, method: str, request: bytes) -> grpc._CallFuture[bytes]:  # its name in the stubs
        """Start a call with one request and one answer."""
        self._follow()
        return self._channel.unary_unary(method, _as_is, _as_is).future(request)

    def stream(self, method: str, requests: Iterator[bytes]) -> grpc._CallIterator[bytes]:  # its name in the stubs
        """Start a call with any number of requests and answers."""
        self._follow()
        return self._channel.stream_stream(method, _as_is, _as_is)(requests)

    def link(self, folder: Path) -> None:
        """Let relative paths such as ``modules/x/function.zip`` lead into another unit's folder.

        Terraform starts a provider in the unit's folder, and a process cannot be moved to another one. Its working
        folder therefore contains a link for each entry of the unit's folder. Do nothing if it was started there.
        """
        if self.key.folder:
            return
        self.unlink()
        with self._lock:
            self._unit_folder = folder
        self._follow()

    def unlink(self) -> None:
        """Let relative paths lead nowhere, until the next `link`."""
        with self._lock:
            for name in self._linked:
                (self._links / name).unlink()
            self._linked.clear()
            self._unit_folder = None

    def _follow(self) -> None:
        """Link what has come into the unit's folder: a file can be made during an apply."""
        if self._unit_folder is None:
            return
        # A folder that is gone has no files; the provider says so.
        with self._lock, suppress(OSError):
            for name in set(os.listdir(self._unit_folder)) - self._linked:  # noqa: PTH208  # Names are enough.
                (self._links / name).symlink_to(self._unit_folder / name)
                self._linked.add(name)

    def left_files(self) -> bool:
        """Return whether the provider wrote files of its own into its working folder."""
        return not self.key.folder and any(not entry.is_symlink() for entry in self._links.iterdir())

    def alive(self) -> bool:
        """Return whether the process runs."""
        with self._lock:
            return self._started.process.poll() is None

    def ended(self, seconds: float) -> bool:
        """Wait for the process to end; return whether it has."""
        with self._lock:
            try:
                self._started.process.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
            return True

    def memory(self) -> int:
        """Return the bytes of memory that only this process uses; 0 where the system does not say."""
        with suppress(OSError, ValueError, IndexError):
            status = Path(f"/proc/{self._started.process.pid}/status").read_text(encoding="ascii")
            return int(status.split("RssAnon:")[1].split()[0]) * 1024
        return 0

    def last_words(self) -> str:
        """Return what it wrote to standard error when it crashed: from the panic on, else the end."""
        with suppress(OSError):
            written = self._errors.read_bytes()
            starts = [start for start in map(written.find, (b"panic:", b"fatal error:")) if start >= 0]
            words = written[min(starts) :][:_LAST_WORDS] if starts else written[-_LAST_WORDS:]
            return words.decode("utf-8", "replace").strip()
        return ""

    def kill(self) -> None:
        """Kill it without waiting for its end; `stop` follows."""
        with self._lock:
            self._started.process.kill()

    def stop(self) -> None:
        """Kill it, and remove its socket."""
        self._channel.close()
        with self._lock:
            self._started.process.kill()
            self._started.process.wait()
            if self._started.process.stdout is not None:
                self._started.process.stdout.close()
        with suppress(OSError):
            os.unlink(self._started.socket)  # noqa: PTH108  # It is text of the provider.


def _as_is(message: bytes) -> bytes:
    return message


__all__ = ["MESSAGE_SIZE", "HandshakeError", "Launch", "PoolKey", "ProviderProcess"]
