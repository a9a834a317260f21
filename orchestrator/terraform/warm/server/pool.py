"""The provider processes that are not in use, and the ones that answer calls before ``Configure``."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections import Counter
from pathlib import Path

from orchestrator.terraform.warm.server.package import Verifier
from orchestrator.terraform.warm.server.process import Launch, PoolKey, ProviderProcess


class Pool:
    """Starts provider processes and keeps them for the next connection; thread-safe.

    A process that is in use is never waited for, because Terraform may need several at once: the limits end idle
    processes, the least recently used first.

    Args:
        folder: parent of one folder per process, mode 0700.
        verifier: verifies a package before its first process starts.
        processes: the most processes to keep, in use or idle.
        memory: bytes that all processes together may use before idle ones end.
    """

    def __init__(self, folder: Path, verifier: Verifier, *, processes: int, memory: int) -> None:
        self._folder = folder
        self._verifier = verifier
        self._most = processes
        self._memory = memory
        self._lock = threading.Lock()
        self._freed = threading.Condition(self._lock)
        self._idle: list[ProviderProcess] = []
        self._shared: dict[PoolKey, ProviderProcess] = {}
        self._all: dict[ProviderProcess, Path] = {}
        self._joining: dict[PoolKey, threading.Lock] = {}
        self._expected: dict[int, PoolKey] = {}
        self._ahead: Counter[PoolKey] = Counter()
        self._closed = False

    def acquire(self, launch: Launch, *, lease: int = 0) -> ProviderProcess:
        """Return a process for one connection that will configure it; give it back with `release`.

        Args:
            launch: how to start one.
            lease: the lease that the connection belongs to; what `prepare` started for it is its own from now on.

        Raises:
            HandshakeError: the provider does not start.
            PackageError: the lock file does not allow its package.
            OSError: its package cannot be read, or its folder cannot be made.
        """
        with self._lock:
            self._expected.pop(lease, None)
        found = self._take(launch.key)
        return found if found is not None else self._start(launch)

    def release(self, process: ProviderProcess, *, reuse: bool) -> None:
        """Take a process back; without ``reuse`` it ends."""
        if not reuse or process.key.lease or process.left_files() or not process.alive():
            self.end(process)
            return
        with self._freed:
            self._idle.append(process)
            self._freed.notify_all()
        self._shrink()

    def join(self, launch: Launch) -> ProviderProcess:
        """Return the process that answers a key's calls before ``Configure``; end its use with `leave`.

        Raises:
            HandshakeError: the provider does not start.
            PackageError: the lock file does not allow its package.
            OSError: its package cannot be read, or its folder cannot be made.
        """
        with self._joining_of(launch.key):
            process = self._spare(launch.key)
            if process is not None and not process.alive():
                self.end(process)
                process = None
            if process is None:
                process = self._start(launch)
                with self._lock:
                    process.users = 1
                    self._shared[launch.key] = process
            return process

    def leave(self, process: ProviderProcess) -> None:
        """End the use of a process that `join` returned."""
        with self._freed:
            process.users -= 1
            self._freed.notify_all()

    def prepare(self, launch: Launch, *, lease: int) -> None:
        """Start a process ahead for a lease, unless there is one more than other leases will take.

        Terraform reads its state before it configures a provider. The process starts meanwhile.

        Raises:
            HandshakeError, PackageError, OSError: as `join`.
        """
        with self._lock:
            self._expected[lease] = launch.key
            expected = sum(key == launch.key for key in self._expected.values())
            free = len(self._free(launch.key)) + self._ahead[launch.key]
            if free >= expected or len(self._all) + self._ahead.total() >= self._most:
                return
            self._ahead[launch.key] += 1
        process = None
        try:
            process = self._start(launch)
        finally:
            with self._freed:
                self._ahead[launch.key] -= 1
                if process in self._all:  # A closed pool has ended it.
                    self._idle.append(process)
                self._freed.notify_all()

    def end(self, process: ProviderProcess) -> None:
        """End a process."""
        with self._lock:
            folder = self._all.pop(process, None)
            if process in self._idle:
                self._idle.remove(process)
            if self._shared.get(process.key) is process:
                del self._shared[process.key]
        process.stop()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def end_lease(self, lease: int) -> None:
        """End the processes that only one lease may use."""
        with self._lock:
            self._expected.pop(lease, None)
            theirs = [each for each in self._all if each.key.lease == lease]
        for process in theirs:
            self.end(process)

    def end_idle(self) -> None:
        """End every process that no connection uses, and keep none any more."""
        with self._lock:
            self._most = 0
            idle = [*self._idle, *(each for each in self._shared.values() if not each.users)]
        for process in idle:
            self.end(process)

    def close(self) -> None:
        """End every process."""
        with self._lock:
            self._closed = True
            everything = list(self._all)
        for process in everything:  # All at once, because the system needs a while to take their memory back.
            process.kill()
        for process in everything:
            self.end(process)

    def count(self) -> int:
        """Return the number of processes."""
        with self._lock:
            return len(self._all)

    def _joining_of(self, key: PoolKey) -> threading.Lock:
        with self._lock:
            return self._joining.setdefault(key, threading.Lock())

    def _free(self, key: PoolKey) -> list[ProviderProcess]:
        """Return the processes of a key that a connection may take: idle ones, the last used first, then the shared."""
        shared = self._shared.get(key)
        return [
            *(each for each in reversed(self._idle) if each.key == key),
            *([shared] if shared is not None and not shared.users else []),
        ]

    def _spare(self, key: PoolKey) -> ProviderProcess | None:
        """Count one more call on the shared process of a key; an idle one becomes it. None if there is neither.

        An idle process can have been configured before. Terraform itself asks a configured provider to validate: it
        does so for each resource that it plans.
        """
        with self._freed:
            self._freed.wait_for(lambda: key in self._shared or self._free(key) or not self._ahead[key])
            process = self._shared.get(key)
            if process is None:
                process = next(iter(self._free(key)), None)
                if process is None:
                    return None
                self._idle.remove(process)
                self._shared[key] = process
                process.unlink()
            process.users += 1
            return process

    def _take(self, key: PoolKey) -> ProviderProcess | None:
        """Take a free process, and wait for one that starts right now; None if there is neither."""
        while True:
            with self._freed:
                self._freed.wait_for(lambda: self._free(key) or not self._ahead[key])
                found = next(iter(self._free(key)), None)
                if found is None:
                    return None
                if found in self._idle:
                    self._idle.remove(found)
                else:
                    del self._shared[key]
            if found.alive():
                return found
            self.end(found)

    def _start(self, launch: Launch) -> ProviderProcess:
        verified = self._verifier.verify(launch.package)
        self._shrink(room=1)
        folder = Path(tempfile.mkdtemp(dir=self._folder, prefix="p"))
        try:
            process = ProviderProcess(launch, verified.binary, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._lock:
            self._all[process] = folder
            closed = self._closed
        if closed:
            self.end(process)
        return process

    def _shrink(self, *, room: int = 0) -> None:
        """End idle processes until there is room for more."""
        while True:
            with self._lock:
                spare = [each for each in self._shared.values() if not each.users and each.key.lease == 0]
                over = len(self._all) + room > self._most or sum(each.memory() for each in self._all) > self._memory
                oldest = next(iter([*self._idle, *spare]), None)
            if not over or oldest is None:
                return
            self.end(oldest)


def default_memory() -> int:
    """Return the bytes that provider processes may use together: a quarter of the machine's memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (ValueError, OSError):
        return 2 << 30
