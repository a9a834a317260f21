"""The process that owns the providers. orch starts it, and it ends when orch does.

When orch is killed, its Terraform processes go on: an apply writes its state and releases its lock. So providers that a
running Terraform uses end only after it; all others end immediately.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.terraform.warm.messages import Lease, LeaseRequest, encode, request_from
from orchestrator.terraform.warm.server.digests import DigestCache
from orchestrator.terraform.warm.server.lane import Lanes
from orchestrator.terraform.warm.server.leases import OpenLease
from orchestrator.terraform.warm.server.package import Verifier
from orchestrator.terraform.warm.server.pool import Pool, default_memory
from orchestrator.terraform.warm.server.served import Served, ServedProviders
from orchestrator.terraform.warm.server.valid_configs import ValidConfigs
from orchestrator.util.file_cache import FileCache

_GRACE_SECONDS = 30.0
"""How long an orphaned server waits for a Terraform that was started but has not connected yet."""


class Server:
    """Answers orch's requests.

    Args:
        control: the connection to orch.
        folder: a new folder, mode 0700.
        cache: folder of the cached schemas and digests.
        processes: the most provider processes to keep.
        memory: bytes that they may use together before idle ones end.
    """

    def __init__(self, control: socket.socket, folder: Path, *, cache: Path, processes: int, memory: int) -> None:
        self._control = control
        self._folder = folder
        verifier = Verifier(DigestCache(cache / "digests"))
        self._pool = Pool(folder, verifier, processes=processes, memory=memory)
        self._lanes = Lanes(folder)
        self._valid = ValidConfigs(verifier, FileCache(cache / "valid-configs"))
        self._providers = ServedProviders(cache, self._pool, verifier)
        self._lock = threading.Lock()
        self._leases: dict[int, OpenLease] = {}
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="request")

    def run(self) -> None:
        """Answer until orch says that its last Terraform has ended, or until orch itself ends."""
        try:
            with self._control.makefile("rb") as lines, suppress(OSError, ValueError):
                for line in lines:
                    message = json.loads(line)
                    if message.get("do") == "stop":
                        return
                    self._threads.submit(self._answer, message)
            self._drain()
        finally:
            self._pool.close()

    def _answer(self, message: Mapping[str, Any]) -> None:
        try:
            answer = self._do(message)
        except Exception as error:  # noqa: BLE001  # orch must get an answer; it then works without this server.
            answer = {"error": f"{type(error).__name__}: {error}"}
        data = encode({"id": message["id"], **answer})
        with self._lock, suppress(OSError):
            self._control.sendall(data)

    def _do(self, message: Mapping[str, Any]) -> dict[str, Any]:
        match message["do"]:
            case "open":
                return asdict(self._open(message["id"], request_from(message["request"])))
            case "close":
                with self._lock:
                    lease = self._leases.pop(message["lease"])
                end = lease.close(normal=message["normal"])
                return {"hidden": sorted(end.hidden), "crashed": end.crashed, "failure": end.failure}
            case "verify":
                request = request_from(message["request"])
                verified, cold = self._providers.verify(request.packages)
                return {"verified": verified, "cold": cold}
            case other:
                return {"error": f"unknown request {other!r}"}

    def _open(self, id_: int, request: LeaseRequest) -> Lease:
        served: list[Served] = []
        cold: dict[str, str] = {}
        for package in request.packages:
            ready = self._providers.serve(id_, request, package)
            if isinstance(ready, str):
                cold[package.address] = ready
            else:
                served.append(ready)
        folder, sockets = Path(request.folder), self._folder
        lease = OpenLease(
            id_, folder, tuple(served), pool=self._pool, lanes=self._lanes, sockets=sockets, valid=self._valid
        )
        with self._lock:
            self._leases[id_] = lease
        return Lease(id_, lease.reattach, cold)

    def _drain(self) -> None:
        """End what nobody uses, and wait for each Terraform that still runs."""
        self._pool.end_idle()
        until = time.monotonic() + _GRACE_SECONDS
        with self._lock:
            leases = list(self._leases.values())
        while leases and (time.monotonic() < until or any(lease.in_use() for lease in leases)):
            if all(lease.was_used() and not lease.in_use() for lease in leases):
                return
            time.sleep(0.2)
            self._pool.end_idle()


def run_server() -> None:
    """Run the server on the socket whose file descriptor is the first argument; the second one is its settings."""
    # The terminal's Ctrl-C is for orch, which decides what it means. orch ends this process by closing the socket.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    settings = json.loads(sys.argv[2])
    os.umask(0o077)
    with socket.socket(fileno=int(sys.argv[1])) as control:
        control.set_inheritable(False)
        try:
            Server(
                control,
                Path(settings["folder"]),
                cache=Path(settings["cache"]),
                processes=settings["processes"],
                memory=settings["memory"] or default_memory(),
            ).run()
        finally:
            shutil.rmtree(settings["folder"], ignore_errors=True)
    # Threads of gRPC and of connections may still wait; nothing is left for them to do.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    run_server()
