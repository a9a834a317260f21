"""The providers on this machine: verified once per run, their schemas read from the cache or asked for once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc

from orchestrator.terraform.warm.messages import LeaseRequest, LockedPackage
from orchestrator.terraform.warm.server.package import PackageError, VerifiedPackage, verify_package
from orchestrator.terraform.warm.server.pool import Pool
from orchestrator.terraform.warm.server.process import HandshakeError, Launch, PoolKey
from orchestrator.terraform.warm.server.schema import ProviderSchema, read_schema, write_schema
from orchestrator.terraform.warm.server.unit_types import configuration_texts, leaves_folder, words

SHARED = frozenset({"registry.terraform.io/hashicorp/aws", "registry.opentofu.org/hashicorp/aws"})
"""Providers that were tried: a process can be configured again, only reads files, and its schema depends on nothing
but the binary. A process of any other provider serves one Terraform command, and is started in the unit's folder."""

_SCHEMA_CALLS: Mapping[int, str] = {5: "/tfplugin5.Provider/GetSchema", 6: "/tfplugin6.Provider/GetProviderSchema"}


@dataclass(frozen=True, slots=True)
class Served:
    """One provider of a lease.

    Attributes:
        address: for example ``registry.terraform.io/hashicorp/aws``.
        protocol: version of its protocol.
        schema: the answer to the question for the schema.
        hidden: the types that ``schema`` does not describe.
        launch: how to start it.
    """

    address: str
    protocol: int
    schema: bytes
    hidden: frozenset[str]
    launch: Launch


class ServedProviders:
    """Verifies providers and reads their schemas, each once; thread-safe.

    Args:
        cache: folder of the cached schemas.
        pool: starts a provider whose schema is not in the cache.
    """

    def __init__(self, cache: Path, pool: Pool) -> None:
        self._cache = cache
        self._pool = pool
        self._lock = threading.Lock()
        self._verified: dict[LockedPackage, Future[VerifiedPackage]] = {}
        self._schemas: dict[str, ProviderSchema] = {}
        self._schema_locks: dict[str, threading.Lock] = {}

    def verify(self, packages: tuple[LockedPackage, ...]) -> dict[str, str]:
        """Return why packages cannot be used: address -> reason. Each package is hashed once."""
        cold: dict[str, str] = {}
        for package in packages:
            try:
                self._verified_package(package)
            except (PackageError, OSError) as error:
                cold[package.address] = str(error)
        return cold

    def serve(self, lease: int, request: LeaseRequest, package: LockedPackage) -> Served | str:
        """Return a verified provider with the schema that a unit needs; or why it cannot be served."""
        verified = self._verified_package(package)
        shared = package.address in SHARED
        texts = list(configuration_texts(Path(request.folder), Path(request.data_dir)))
        if shared and any(leaves_folder(text) for text in texts):
            shared = False
        environment = _digest(request.environment)
        key = PoolKey(
            binary=verified.sha256,
            identity=request.identity,
            environment=environment,
            folder="" if shared else request.folder,
            lease=0 if shared else lease,
        )
        launch = Launch(key, verified, request.environment)
        known = verified.sha256 if package.address in SHARED else f"{verified.sha256}-{environment}"
        try:
            schema = self._schema(known, launch)
        except (HandshakeError, OSError, ValueError, grpc.RpcError) as error:
            return f"its schema cannot be read: {error.details() if isinstance(error, grpc.RpcError) else error}"
        types = schema.types
        if not request.whole:
            types &= frozenset(request.types).union(*map(words, texts))
        if types and request.prepare:
            threading.Thread(target=self._prepare, args=(launch,), daemon=True).start()
        return Served(package.address, schema.protocol, schema.cut(types), schema.types - types, launch)

    def _prepare(self, launch: Launch) -> None:
        with suppress(HandshakeError, OSError):  # The call that needs the process tries again and reports it.
            self._pool.prepare(launch)

    def _verified_package(self, package: LockedPackage) -> VerifiedPackage:
        with self._lock:
            future = self._verified.get(package)
            mine = future is None
            if future is None:
                future = self._verified[package] = Future()
        if mine:
            try:
                future.set_result(verify_package(Path(package.folder), package.checksums))
            except BaseException as error:  # noqa: BLE001  # Everybody who waits gets it.
                future.set_exception(error)
        return future.result()

    def _schema(self, name: str, launch: Launch) -> ProviderSchema:
        with self._lock:
            lock = self._schema_locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._schemas:
                file = self._cache / f"{name}.schema"
                schema = read_schema(file)
                if schema is None:
                    schema = self._ask(launch)
                    with suppress(OSError):  # A cache that cannot be written costs time only.
                        write_schema(file, schema)
                self._schemas[name] = schema
            return self._schemas[name]

    def _ask(self, launch: Launch) -> ProviderSchema:
        process = self._pool.join(launch)
        try:
            data = process.unary(_SCHEMA_CALLS[process.protocol], b"").result()
            return ProviderSchema.of(process.protocol, data)
        finally:
            self._pool.leave(process)


def _digest(environment: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(environment.items())).encode()).hexdigest()
