"""gRPC servers that answer one connection at a time.

A gRPC server cannot tell two connections on one Unix socket apart, and each connection needs its own process. So each
accepted connection is joined to a small server of its own, which is used again when the connection has ended.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import grpc

from orchestrator.terraform.warm.server.connection import Connection
from orchestrator.terraform.warm.server.process import MESSAGE_SIZE

_CALLS = 64
"""Calls at once on one connection. Terraform makes at most ten (``-parallelism``), and ``Stop``."""
_CHUNK = 1 << 16
_QUIET_SECONDS = 5.0


class Lane(grpc.GenericRpcHandler):
    """A gRPC server for one connection at a time.

    Args:
        path: the socket to listen on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: Connection | None = None
        self._threads = ThreadPoolExecutor(_CALLS, thread_name_prefix="call")
        self._server = grpc.server(self._threads, options=list(MESSAGE_SIZE))
        self._server.add_generic_rpc_handlers((self,))
        self._server.add_insecure_port(f"unix:{path}")
        self._server.start()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Return what answers a call of the current connection."""
        return self._connection.handler(details.method) if self._connection is not None else None

    def serve(self, client: socket.socket, connection: Connection) -> bool:
        """Answer a connection until it closes.

        Returns:
            Whether the lane can be used again: no call is in progress any more.
        """
        self._connection = connection
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._path))
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            quiet = connection.wait_until_quiet(_QUIET_SECONDS)
            back.join(_QUIET_SECONDS)
        self._connection = None
        return quiet

    def close(self) -> None:
        """Stop the server."""
        self._server.stop(None)
        self._threads.shutdown(wait=False, cancel_futures=True)


class Lanes:
    """The lanes that are free; thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._free: list[Lane] = []
        self._made = 0

    def serve(self, client: socket.socket, connection: Connection, *, after: Callable[[bool], None]) -> None:
        """Answer a connection on a free lane until it closes; then call ``after`` with whether no call is left."""
        lane = self._take()
        quiet = False
        try:
            quiet = lane.serve(client, connection)
        finally:
            after(quiet)
            if quiet:
                with self._lock:
                    self._free.append(lane)
            else:
                lane.close()

    def _take(self) -> Lane:
        with self._lock:
            if self._free:
                return self._free.pop()
            self._made += 1
            path = self._folder / f"c{self._made}"
        return Lane(path)


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until the source ends; then end the target."""
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
