"""Finds the binary in a provider's package and compares the package with the lock file.

Terraform makes this comparison itself unless it is told to attach to a running provider.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from orchestrator.terraform.setup.checksums import LinkInPackageError, package_checksum
from orchestrator.terraform.warm.messages import LockedPackage
from orchestrator.terraform.warm.server.digests import DigestCache
from orchestrator.util.plural import plural

NOT_LOCKED = "the lock file has no checksum"
"""How the message begins that a package is not the one that was locked: `terraform init` refuses it, too."""


class PackageError(Exception):
    """The package cannot be used: the message says why."""


@dataclass(frozen=True, slots=True)
class VerifiedPackage:
    """A package that the lock file allows: the provider's binary, and the ``h1:`` checksum of the package."""

    binary: Path
    checksum: str


class Verifier:
    """Verifies each package once; thread-safe.

    Args:
        digests: remembers what was hashed in earlier runs.
    """

    def __init__(self, digests: DigestCache) -> None:
        self._digests = digests
        self._lock = threading.Lock()
        self._verified: dict[LockedPackage, Future[VerifiedPackage]] = {}

    def verify(self, package: LockedPackage) -> VerifiedPackage:
        """Return a package as `verify_package` does.

        Raises:
            PackageError, OSError: as `verify_package`.
        """
        with self._lock:
            future = self._verified.get(package)
            mine = future is None
            if future is None:
                future = self._verified[package] = Future()
        if mine:
            try:
                future.set_result(verify_package(Path(package.folder), package.checksums, self._digests.sha256))
            except BaseException as error:  # noqa: BLE001  # Everybody who waits gets it.
                future.set_exception(error)
        return future.result()


def verify_package(folder: Path, checksums: tuple[str, ...], sha256: Callable[[Path], str]) -> VerifiedPackage:
    """Return the binary of an unpacked package whose checksum the lock file lists.

    Args:
        folder: the package.
        checksums: the lock file's ``h1:`` checksums.
        sha256: returns the SHA-256 of a file, in hexadecimal.

    Raises:
        PackageError: the package has another checksum, or not exactly one provider in it.
        OSError: a file cannot be read.
    """
    real = folder.resolve(strict=True)
    try:
        found, binaries = package_checksum(real, sha256)
    except LinkInPackageError as error:
        raise PackageError(str(error)) from error
    if found not in checksums:
        message = f"{NOT_LOCKED} {found}"
        raise PackageError(message)
    if len(binaries) != 1:
        message = f"the package contains {plural(len(binaries), 'provider binary', 'provider binaries')}"
        raise PackageError(message)
    return VerifiedPackage(real / binaries[0], found)
