"""The checksums of provider packages: Terraform's ``h1:``, and what a receipt says of each provider that ran."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.lock_file import locked_providers
from orchestrator.util.once_map import OnceMap

_BINARY = "terraform-provider-"
_REGISTRY = "registry.terraform.io"


class LinkInPackageError(ValueError):
    """A package contains a link, whose target its checksum does not cover."""


def package_checksum(folder: Path, sha256: Callable[[Path], str]) -> tuple[str, tuple[str, ...]]:
    """Return Terraform's ``h1:`` checksum of an unpacked package, and the names of its provider binaries.

    See https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash.

    Args:
        folder: the package, without links in its path.
        sha256: returns the SHA-256 of a file, in hexadecimal.

    Raises:
        LinkInPackageError: a file is a link.
        OSError: a file cannot be read.
    """
    hashes = {file.relative_to(folder).as_posix(): sha256(file) for file in _files(folder)}
    lines = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    checksum = "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()
    return checksum, tuple(name for name in hashes if "/" not in name and name.startswith(_BINARY))


class ProviderChecksums:
    """Says which providers ran; each package is hashed once. Thread-safe.

    Args:
        overrides: ``dev_overrides`` of the user's CLI configuration: provider -> folder or binary.
        reattached: providers that ``TF_REATTACH_PROVIDERS`` names.
    """

    def __init__(self, overrides: Mapping[str, str] | None = None, reattached: tuple[str, ...] = ()) -> None:
        self._overrides = {_full(name): Path(path) for name, path in (overrides or {}).items()}
        self._reattached = frozenset(map(_full, reattached))
        self._known: OnceMap[Path, str] = OnceMap()

    def of(self, lock_text: str, providers: Path, verified: Mapping[str, str]) -> Mapping[str, str]:
        """Return provider and platform -> checksum, e.g. ``registry.terraform.io/hashicorp/aws linux_amd64``.

        Args:
            lock_text: text of the root's lock file.
            providers: folder with the layout ``ADDRESS/VERSION/PLATFORM``: of the unit's data folder.
            verified: checksums that the provider server found when it compared the packages with the lock file.
        """
        platform = this_platform()
        return {
            f"{address} {platform}": self._checksum(address, providers / address / version / platform, verified)
            for address, version in locked_providers(lock_text).items()
        } | {f"{address} {platform}": "not verified: TF_REATTACH_PROVIDERS" for address in self._reattached}

    def _checksum(self, address: str, folder: Path, verified: Mapping[str, str]) -> str:
        override = self._overrides.get(address)
        if override is not None:
            return self._known.get(override, lambda: _of_override(override))
        if address in verified:
            return verified[address]
        real = folder.resolve()
        return self._known.get(real, lambda: _of_package(real))


def _of_package(folder: Path) -> str:
    try:
        return package_checksum(folder, _sha256)[0] if folder.is_dir() else "not installed"
    except (OSError, LinkInPackageError) as error:
        return f"cannot be read: {error}"


def _of_override(path: Path) -> str:
    """Return the hash of the binary that ``dev_overrides`` names. What is around it is no package."""
    try:
        files = [path] if path.is_file() else sorted(path.glob(f"{_BINARY}*"))
        hashes = ", ".join(f"sha256:{_sha256(file)}" for file in files if file.is_file())
    except OSError as error:
        hashes = f"cannot be read: {error.strerror}"
    return f"dev_overrides: {hashes or 'not found'}"


def _full(name: str) -> str:
    return name if name.count("/") > 1 else f"{_REGISTRY}/{name}"


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            if Path(parent, name).is_symlink():
                message = f"the package contains a link: {name}"
                raise LinkInPackageError(message)
        yield from (Path(parent, name) for name in names)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
