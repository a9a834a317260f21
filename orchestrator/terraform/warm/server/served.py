"""The providers on this machine: verified once per run, their schemas read from the cache or asked for once."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc

from orchestrator.terraform.warm.messages import LeaseRequest, LockedPackage
from orchestrator.terraform.warm.server.package import PackageError, Verifier
from orchestrator.terraform.warm.server.pool import Pool
from orchestrator.terraform.warm.server.process import HandshakeError, Launch, PoolKey
from orchestrator.terraform.warm.server.schema import ProviderSchema, read_schema, write_schema
from orchestrator.terraform.warm.server.unit_files import read_unit_files

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
    """Reads the schemas of providers, each once; thread-safe.

    A schema in the cache belongs to a checksum in the lock file, so the package itself is verified only when a process
    of it starts.

    Args:
        cache: folder of the cached schemas.
        pool: starts a provider whose schema is not in the cache.
        verifier: verifies packages.
    """

    def __init__(self, cache: Path, pool: Pool, verifier: Verifier) -> None:
        self._cache = cache
        self._pool = pool
        self._verifier = verifier
        self._lock = threading.Lock()
        self._schemas: dict[tuple[str, ...], ProviderSchema] = {}
        self._schema_locks: dict[tuple[str, ...], threading.Lock] = {}

    def verify(self, packages: tuple[LockedPackage, ...]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the checksums of packages, and why others cannot be used: address -> ``h1:`` or reason."""
        verified: dict[str, str] = {}
        cold: dict[str, str] = {}
        for package in packages:
            try:
                verified[package.address] = self._verifier.verify(package).checksum
            except (PackageError, OSError) as error:
                cold[package.address] = str(error)
        return verified, cold

    def serve(self, lease: int, request: LeaseRequest, package: LockedPackage) -> Served | str:
        """Return a provider with the schema that a unit needs; or why it cannot be served."""
        try:
            files = read_unit_files(Path(request.folder), Path(request.data_dir))
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"the configuration cannot be read: {error}"
        tried = package.address in SHARED
        shared = tried and not files.leaves_folder
        environment = _digest(request.environment)
        key = PoolKey(
            package=package.checksums,
            identity=request.identity,
            environment=environment,
            folder="" if shared else request.folder,
            lease=0 if shared else lease,
        )
        launch = Launch(key, package, request.environment)
        try:
            schema = self._schema(launch, "" if tried else environment)
        except (HandshakeError, PackageError, OSError, ValueError, grpc.RpcError) as error:
            return f"its schema cannot be read: {error.details() if isinstance(error, grpc.RpcError) else error}"
        types = schema.types
        if not request.whole:
            types &= files.words.union(request.types)
        if types and request.prepare:
            threading.Thread(target=self._prepare, args=(launch, lease), daemon=True).start()
        return Served(package.address, schema.protocol, schema.cut(types), schema.types - types, launch)

    def _prepare(self, launch: Launch, lease: int) -> None:
        with suppress(HandshakeError, PackageError, OSError):  # The call that needs the process reports it.
            self._pool.prepare(launch, lease=lease)

    def _schema(self, launch: Launch, environment: str) -> ProviderSchema:
        """Return the schema of a provider; ``environment``: what it depends on in addition to the package."""
        key = (*launch.package.checksums, environment)
        with self._lock:
            lock = self._schema_locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._schemas:
                # Each run has its own environment, so no other run could use what depends on it.
                self._schemas[key] = self._ask(launch) if environment else self._cached(launch)
            return self._schemas[key]

    def _cached(self, launch: Launch) -> ProviderSchema:
        cached = (read_schema(self._file(each)) for each in launch.package.checksums)
        found = next(filter(None, cached), None)
        if found is not None:
            return found
        checksum = self._verifier.verify(launch.package).checksum
        schema = self._ask(launch)
        with suppress(OSError):  # A cache that cannot be written costs time only.
            write_schema(self._file(checksum), schema)
        return schema

    def _file(self, checksum: str) -> Path:
        return self._cache / f"{base64.b64decode(checksum.removeprefix('h1:')).hex()}.schema"

    def _ask(self, launch: Launch) -> ProviderSchema:
        process = self._pool.join(launch)
        try:
            data = process.unary(_SCHEMA_CALLS[process.protocol], b"").result()
            return ProviderSchema.of(process.protocol, data)
        finally:
            self._pool.leave(process)


def _digest(environment: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(environment.items())).encode()).hexdigest()
