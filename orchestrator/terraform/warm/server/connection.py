"""One connection of Terraform to a provider, and the calls on it.

Terraform opens a connection for each provider instance. Most ask only for the schema, some validate, and each one that
configures its provider does so before anything else. So the schema is answered here, what comes before ``Configure``
goes to a process that other connections share, and from ``Configure`` on the connection has a process of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import NoReturn, Protocol

import grpc

from orchestrator.terraform.warm.server.process import Launch, ProviderProcess
from orchestrator.terraform.warm.server.valid_configs import PREPARE, ValidConfigs

_SCHEMA = frozenset({"GetSchema", "GetProviderSchema"})
_CONFIGURE = frozenset({"Configure", "ConfigureProvider"})
_STOP = frozenset({"Stop", "StopProvider"})
_ONE_ANSWER = frozenset(
    {
        *_CONFIGURE, *_STOP, "PrepareProviderConfig", "ValidateProviderConfig",
        "ValidateResourceTypeConfig", "ValidateResourceConfig", "ValidateDataSourceConfig",
        "ValidateDataResourceConfig", "ValidateEphemeralResourceConfig",
        "UpgradeResourceState", "ReadResource", "PlanResourceChange",
        "ApplyResourceChange", "ImportResourceState", "MoveResourceState", "ReadDataSource", "OpenEphemeralResource",
        "RenewEphemeralResource", "CloseEphemeralResource", "GetFunctions", "CallFunction", "GetMetadata",
        "GetResourceIdentitySchemas", "UpgradeResourceIdentity",
    }
)  # fmt: skip
"""Calls with one request and one answer. Any other call is passed on as two streams, which is right for every call."""


_END_SECONDS = 2.0
"""How long a process whose connection broke may take to end."""


class ProcessSource(Protocol):
    """Where a connection gets its process from."""

    def own(self, launch: Launch) -> ProviderProcess:
        """Return a process for this connection alone."""

    def shared(self, launch: Launch) -> ProviderProcess:
        """Return the process that answers calls before ``Configure``; end its use with `leave`."""

    def leave(self, process: ProviderProcess) -> None:
        """End the use of the process that `shared` returned."""

    def failed(self, error: Exception) -> None:
        """Remember that a process could not be started."""

    def crashed(self, process: ProviderProcess) -> None:
        """Remember that a process ended by itself."""


class Connection:
    """The state of one connection; thread-safe.

    Args:
        schema: the answer to the question for the schema.
        launch: how to start its provider.
        processes: where it gets processes from.
        valid: the configurations that were found valid; only asked where other connections may use the processes.
    """

    def __init__(self, schema: bytes, launch: Launch, processes: ProcessSource, valid: ValidConfigs) -> None:
        self.schema = schema
        self.process: ProviderProcess | None = None
        """The connection's own process, from ``Configure`` on."""
        self.abnormal = False
        """Terraform stopped the provider, or ended during a call."""
        self._launch = launch
        self._processes = processes
        self._valid = valid if launch.key.lease == 0 else None
        self._lock = threading.Lock()
        self._calls = 0
        self._quiet = threading.Condition(self._lock)

    def handler(self, method: str) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Return what answers a call; None for the services of go-plugin that a provider need not have."""
        service, _, name = method.rpartition("/")
        if not service.endswith(".Provider"):
            return None
        if name in _SCHEMA:
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: self.schema)
        if method == PREPARE and self._valid is not None:
            return grpc.unary_unary_rpc_method_handler(partial(self._prepare, self._valid))
        if name in _ONE_ANSWER:
            return grpc.unary_unary_rpc_method_handler(lambda request, context: self._call(method, request, context))
        return grpc.stream_stream_rpc_method_handler(lambda requests, context: self._stream(method, requests, context))

    def wait_until_quiet(self, seconds: float) -> bool:
        """Wait until no call is in progress; return whether that is so."""
        with self._quiet:
            return self._quiet.wait_for(lambda: self._calls == 0, seconds)

    def _call(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        if method.rpartition("/")[2] in _STOP:
            self.abnormal = True
            if self.process is None:
                return b""  # An empty answer says that nothing went wrong.
        with _Use(self, method, context) as process:
            call = process.unary(method, request)
            if not context.add_callback(lambda: _cancel(call)):
                call.cancel()
            try:
                return bytes(call.result())
            except grpc.RpcError as error:
                self._give_up(process, error, context)
            except grpc.FutureCancelledError:
                self.abnormal = True
                context.abort(grpc.StatusCode.CANCELLED, "Terraform ended during the call")

    def _prepare(self, valid: ValidConfigs, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Answer whether a configuration is valid; the provider is asked once."""
        return valid.answer(self._launch, request, lambda: self._call(PREPARE, request, context))

    def _stream(self, method: str, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        with _Use(self, method, context) as process:
            call = process.stream(method, requests)
            if not context.add_callback(lambda: _cancel(call)):
                call.cancel()
            try:
                yield from call
            except grpc.RpcError as error:
                self._give_up(process, error, context)

    def _give_up(self, process: ProviderProcess, error: grpc.RpcError, context: grpc.ServicerContext) -> NoReturn:
        """Pass an error on as it came."""
        if not context.is_active():
            self.abnormal = True
        # The connection breaks a moment before the process can be seen to have ended.
        if process.ended(_END_SECONDS if error.code() is grpc.StatusCode.UNAVAILABLE else 0.0):
            self.abnormal = True
            self._processes.crashed(process)
        trailing = error.trailing_metadata()
        if trailing:
            context.set_trailing_metadata(tuple((each.key, each.value) for each in trailing))
        context.abort(error.code(), error.details() or "")

    def begin(self, method: str, context: grpc.ServicerContext) -> tuple[ProviderProcess, bool]:
        """Return the process for a call, and whether it is the shared one."""
        try:
            with self._lock:
                self._calls += 1
                if self.process is None and method.rpartition("/")[2] in _CONFIGURE:
                    self.process = self._processes.own(self._launch)
                if self.process is not None:
                    return self.process, False
            return self._processes.shared(self._launch), True
        except Exception as error:  # noqa: BLE001  # Whatever it is, Terraform must get an answer.
            self._processes.failed(error)
            self.end()
            context.abort(grpc.StatusCode.UNAVAILABLE, f"orch cannot start the provider: {error}")

    def end(self) -> None:
        """A call has ended."""
        with self._quiet:
            self._calls -= 1
            self._quiet.notify_all()

    def leave(self, process: ProviderProcess) -> None:
        """End the use of the process that `shared` returned."""
        self._processes.leave(process)


def _cancel(call: grpc.RpcContext) -> None:
    call.cancel()


class _Use:
    """The use of a process by one call."""

    def __init__(self, connection: Connection, method: str, context: grpc.ServicerContext) -> None:
        self._connection = connection
        self._method = method
        self._context = context
        self._process: ProviderProcess | None = None
        self._shared = False

    def __enter__(self) -> ProviderProcess:
        self._process, self._shared = self._connection.begin(self._method, self._context)
        return self._process

    def __exit__(self, *_: object) -> None:
        if self._shared and self._process is not None:
            self._connection.leave(self._process)
        self._connection.end()
