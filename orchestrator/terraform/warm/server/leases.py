"""A lease: the sockets that one Terraform command connects to, and the provider processes that it holds."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from orchestrator.terraform.warm.messages import LeaseEnd
from orchestrator.terraform.warm.server.connection import Connection
from orchestrator.terraform.warm.server.lane import Lanes
from orchestrator.terraform.warm.server.pool import Pool
from orchestrator.terraform.warm.server.process import Launch, ProviderProcess
from orchestrator.terraform.warm.server.served import Served
from orchestrator.terraform.warm.server.valid_configs import ValidConfigs


class OpenLease:
    """The providers of one running Terraform command.

    A process that a connection has used stays with the lease until Terraform has ended, so that the processes of a
    Terraform that ended badly are never used again.

    Args:
        folder: Terraform's working folder.
        served: the providers.
        pool: where processes come from.
        lanes: answer the connections.
        sockets: folder, mode 0700, for the lease's sockets.
        valid: the configurations that were found valid.
    """

    def __init__(
        self,
        id_: int,
        folder: Path,
        served: tuple[Served, ...],
        *,
        pool: Pool,
        lanes: Lanes,
        sockets: Path,
        valid: ValidConfigs,
    ) -> None:
        self.id = id_
        self._folder = folder
        self._served = served
        self._pool = pool
        self._lanes = lanes
        self._valid = valid
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._held: list[ProviderProcess] = []
        self._open = 0
        self._abnormal = False
        self._crash = ""
        self._failure = ""
        self._peers: set[int] = set()
        self._listeners: dict[Path, socket.socket] = {}
        addresses: dict[str, Mapping[str, object]] = {}
        for number, each in enumerate(served):
            path = sockets / f"l{id_}.{number}"
            self._listen(path, each)
            addresses[each.address] = _reattach(each.protocol, path)
        self.reattach = json.dumps(addresses) if addresses else ""

    def own(self, launch: Launch) -> ProviderProcess:
        """Return a process for one connection alone, with the unit's folder behind its relative paths."""
        process = self._pool.acquire(launch, lease=self.id)
        try:
            process.link(self._folder)
        except OSError:
            self._pool.end(process)
            raise
        process.configured = True
        return process

    def shared(self, launch: Launch) -> ProviderProcess:
        """Return the process that answers calls before ``Configure``; end its use with `leave`."""
        return self._pool.join(launch)

    def leave(self, process: ProviderProcess) -> None:
        """End the use of the process that `shared` returned."""
        self._pool.leave(process)

    def failed(self, error: Exception) -> None:
        """Remember that a process could not be started."""
        with self._lock:
            self._abnormal = True
            self._failure = self._failure or str(error) or type(error).__name__

    def crashed(self, process: ProviderProcess) -> None:
        """Remember that a process ended by itself."""
        words = process.last_words()
        with self._lock:
            self._abnormal = True
            self._crash = self._crash or words or "the provider ended during a call and wrote nothing"

    def close(self, *, normal: bool) -> LeaseEnd:
        """End the lease after its Terraform has ended, and return what happened.

        Args:
            normal: Terraform ended with success. Otherwise its processes end too.
        """
        for path, listener in self._listeners.items():
            with suppress(OSError):  # Linux wakes the thread that accepts at the shutdown, others at the close.
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            path.unlink(missing_ok=True)
        with self._changed:
            ended = self._changed.wait_for(lambda: self._open == 0, timeout=10.0)
            reuse = normal and ended and not self._abnormal
            held, self._held = self._held, []
        for process in held:
            self._pool.release(process, reuse=reuse)
        self._pool.end_lease(self.id)
        hidden = frozenset[str]().union(*(each.hidden for each in self._served)) if not normal else frozenset[str]()
        return LeaseEnd(hidden=hidden, crashed=self._crash, failure=self._failure)

    def in_use(self) -> bool:
        """Return whether a Terraform that connected to it still runs, for an orch that has ended."""
        with self._lock:
            return self._open > 0 or any(_runs(pid) for pid in self._peers)

    def was_used(self) -> bool:
        """Return whether a Terraform has connected."""
        with self._lock:
            return bool(self._peers) or self._open > 0

    def _listen(self, path: Path, served: Served) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(64)
        self._listeners[path] = listener
        threading.Thread(target=self._accept, args=(listener, served), daemon=True).start()

    def _accept(self, listener: socket.socket, served: Served) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # The lease has ended.
                return
            with self._lock:
                self._open += 1
                self._peers |= _peer(client)
            threading.Thread(target=self._serve, args=(client, served), daemon=True).start()

    def _serve(self, client: socket.socket, served: Served) -> None:
        connection = Connection(served.schema, served.launch, self, self._valid)
        try:
            self._lanes.serve(client, connection, after=lambda quiet: self._ended(connection, quiet=quiet))
        except Exception as error:  # noqa: BLE001  # A thread has no caller; Terraform sees a closed connection.
            self.failed(error)
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def _ended(self, connection: Connection, *, quiet: bool) -> None:
        with self._lock:
            self._abnormal = self._abnormal or connection.abnormal or not quiet
            if connection.process is not None:
                self._held.append(connection.process)


def _reattach(protocol: int, path: Path) -> Mapping[str, object]:
    """Return an entry of ``TF_REATTACH_PROVIDERS``. ``Test`` keeps Terraform from ending the process."""
    return {
        "Protocol": "grpc",
        "ProtocolVersion": protocol,
        "Pid": os.getpid(),
        "Test": True,
        "Addr": {"Network": "unix", "String": str(path)},
    }


def _peer(client: socket.socket) -> set[int]:
    """Return the process at the other end, where the system says it."""
    if sys.platform != "linux":
        return set()
    with suppress(OSError):
        data = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return {struct.unpack("3i", data)[0]}
    return set()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError, IndexError):  # In a container without an init process, a process that ended stays listed.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in {"Z", "X"}
    return True
