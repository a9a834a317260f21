"""Finds the binary in a provider's package and compares the package with the lock file.

Terraform makes this comparison itself unless it is told to attach to a running provider.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class PackageError(Exception):
    """The package cannot be used: the message says why."""


@dataclass(frozen=True, slots=True)
class VerifiedPackage:
    """A package that the lock file allows: the provider's binary and its SHA-256."""

    binary: Path
    sha256: str


def verify_package(folder: Path, checksums: tuple[str, ...]) -> VerifiedPackage:
    """Return the binary of an unpacked package whose checksum the lock file lists.

    The checksum is Terraform's ``h1:``: https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash.

    Args:
        folder: the package.
        checksums: the lock file's ``h1:`` checksums.

    Raises:
        PackageError: the package has another checksum, or not exactly one provider in it.
        OSError: a file cannot be read.
    """
    real = folder.resolve(strict=True)
    hashes = {file.relative_to(real).as_posix(): _sha256(file) for file in _files(real)}
    lines = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    found = "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()
    if found not in checksums:
        message = f"the lock file has no checksum {found}"
        raise PackageError(message)
    binaries = [name for name in hashes if "/" not in name and name.startswith("terraform-provider-")]
    if len(binaries) != 1:
        message = f"the package contains {len(binaries)} provider binaries"
        raise PackageError(message)
    return VerifiedPackage(real / binaries[0], hashes[binaries[0]])


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(parent, name)
            if path.is_symlink():
                message = f"the package contains a link: {name}"
                raise PackageError(message)
        yield from (Path(parent, name) for name in names)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
