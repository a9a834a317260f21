"""Installs a pinned binary into the user's cache: downloads it, verifies its checksum, then moves it into place."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import BinaryIO

from orchestrator.errors import SetupError
from orchestrator.util.files import atomic_file, file_lock

MIRROR_VARIABLE = "ORCH_TERRAFORM_MIRROR"
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SCHEMES = ("https://", "http://", "file://")
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Pin:
    """A version that orch can install.

    Attributes:
        version: without a leading v.
        base: base URL of the files; ``ORCH_TERRAFORM_MIRROR`` replaces it.
        path: path of the file below it, with ``{version}`` and ``{platform}``.
        sha256: platform, e.g. ``linux_amd64`` -> checksum of its zip in hexadecimal.
    """

    version: str
    base: str
    path: str
    sha256: Mapping[str, str]


def load_pins() -> Mapping[str, Pin]:
    """Return the pins of the package: program -> pin."""
    text = resources.files("orchestrator.terraform.setup").joinpath("pins.json").read_text(encoding="utf-8")
    return {kind: Pin(**pin) for kind, pin in json.loads(text).items()}


def this_platform() -> str:
    """Return the platform's name in Terraform's notation: ``linux_amd64``, ``darwin_arm64``."""
    machine = platform.machine().lower()
    return f"{sys.platform}_{_MACHINES.get(machine, machine)}"


def install(kind: str, pin: Pin, *, env: Mapping[str, str], cache: Path, because: str) -> Path:
    """Install the pinned binary into the cache and return its path.

    A zip in ``CACHE/downloads`` is used instead of a download; its checksum is verified too.

    Args:
        kind: ``terraform`` or ``tofu``; also the file's name inside the zip.
        pin: what to install.
        env: ``ORCH_TERRAFORM_MIRROR`` replaces the pin's base URL.
        cache: orch's cache folder.
        because: why no existing binary can be used, for the message.

    Raises:
        SetupError: no checksum for this platform, no network, a wrong checksum, a broken zip, or no disk space.
    """
    name = this_platform()
    checksum = pin.sha256.get(name)
    if checksum is None:
        raise SetupError(
            f"{because}, and orch has no checksum of {kind} {pin.version} for {name}",
            hint=f"install {kind} {pin.version} yourself and put it on PATH",
        )
    base = (env.get(MIRROR_VARIABLE) or pin.base).rstrip("/")
    url = f"{base}/{pin.path.format(version=pin.version, platform=name)}"
    download = cache / "downloads" / url.rsplit("/", 1)[1]
    target = cache / kind / pin.version / kind
    try:
        with file_lock(cache / f"{kind}.lock"):
            if target.exists():  # another process installed it
                return target
            if not download.exists():
                _download(url, download, checksum, because)
            _check(download, checksum, url)
            _unpack(download, kind, target)
    except OSError as error:
        raise SetupError(
            f"cannot install {kind} {pin.version} into {cache}: {error.strerror or error}",
            hint="free some space there, or set ORCH_CACHE to a writable folder",
        ) from error
    return target


def _download(url: str, to: Path, checksum: str, because: str) -> None:
    if not url.startswith(_SCHEMES):
        raise SetupError(f"{MIRROR_VARIABLE}: invalid URL {url}", hint="start it with https://, http:// or file://")
    to.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _fetch(url, file, to, checksum, because)
        _check(part, checksum, url)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _fetch(url: str, file: BinaryIO, to: Path, checksum: str, because: str) -> None:
    from urllib.error import URLError  # noqa: PLC0415 - 15 ms, in each process that starts providers
    from urllib.request import urlopen  # noqa: PLC0415

    try:
        with urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310  # the scheme was checked
            shutil.copyfileobj(answer, file)
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise SetupError(
            f"{because}, and the download of {url} failed: {reason}",
            hint=f"download that file on a machine with network access (SHA-256 {checksum}) and save it as {to}, "
            f"or set {MIRROR_VARIABLE}",
        ) from error


def _check(file: Path, checksum: str, url: str) -> None:
    with file.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != checksum:
        raise SetupError(
            f"{file.name} has SHA-256 {found}, expected {checksum}",
            hint=f"remove {file} if it exists, and download it again from {url}",
        )


def _unpack(archive: Path, kind: str, target: Path) -> None:
    try:
        with (
            zipfile.ZipFile(archive) as zipped,
            zipped.open(kind) as member,
            atomic_file(target, mode=0o755) as file,
        ):
            shutil.copyfileobj(member, file)
    except (zipfile.BadZipFile, KeyError) as error:
        raise SetupError(f"{archive} has no {kind} in it: {error}", hint=f"remove {archive} and try again") from error
