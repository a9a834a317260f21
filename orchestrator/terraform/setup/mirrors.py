"""Folders on this machine that hold providers: Terraform's implied mirrors, and what an image or package put there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import SetupError
from orchestrator.terraform.setup.versions import Version

PROVIDER_MIRROR_VARIABLE = "ORCH_PROVIDER_MIRROR"
NO_MIRROR = "none"
REGISTRIES = ("registry.terraform.io", "registry.opentofu.org")
_PARENTS = (Path("/opt"), Path("/usr/share"), Path("/usr/local/share"))
_PACKED = re.compile(r"terraform-provider-.+_(?P<version>[^_]+)_(?P<platform>[a-z0-9]+_[a-z0-9]+)\.zip$")


@dataclass(frozen=True, slots=True, order=True)
class ProviderPackage:
    """One package in a mirror: address as in ``registry.terraform.io/hashicorp/aws``, version and platform."""

    address: str
    version: str
    platform: str


def find_mirrors(env: Mapping[str, str], *, parents: Iterable[Path] = _PARENTS) -> tuple[Path, ...]:
    """Every folder with providers, in the order of preference.

    ``ORCH_PROVIDER_MIRROR`` names the only one; ``none`` there means that none is used.

    Args:
        env: ``ORCH_PROVIDER_MIRROR``, ``HOME``, ``XDG_DATA_HOME``, ``XDG_DATA_DIRS``.
        parents: folders whose subfolders are looked at.

    Raises:
        SetupError: ``ORCH_PROVIDER_MIRROR`` names no folder with providers.
    """
    named = env.get(PROVIDER_MIRROR_VARIABLE)
    if named == NO_MIRROR:
        return ()
    if named:
        path = Path(named).expanduser().absolute()
        if not _is_mirror(path):
            raise SetupError(
                f"{PROVIDER_MIRROR_VARIABLE} names {path}, which has no {REGISTRIES[0]}/ in it",
                hint=f"name a filesystem mirror as `terraform providers mirror` makes it, or {NO_MIRROR}",
            )
        return (path,)
    found = [path for path in (*_implied(env), *_below(parents)) if _is_mirror(path)]
    return tuple(dict.fromkeys(path.resolve() for path in found))


def provider_packages(mirror: Path) -> tuple[ProviderPackage, ...]:
    """Every package that a mirror holds, packed (a zip per platform) or unpacked (a folder per platform), sorted."""
    return tuple(sorted(set(_offers(mirror))))


def _offers(mirror: Path) -> Iterator[ProviderPackage]:
    for provider in mirror.glob("*.*/*/*/"):
        if not provider.is_dir():
            continue
        address = provider.relative_to(mirror).as_posix()
        for platform in provider.glob("*/*_*/"):
            if platform.is_dir() and _is_version(platform.parent.name):
                yield ProviderPackage(address, platform.parent.name, platform.name)
        for packed in provider.glob("*.zip"):
            match = _PACKED.match(packed.name)
            if match:
                yield ProviderPackage(address, match["version"], match["platform"])


def _is_version(text: str) -> bool:
    try:
        Version.parse(text)
    except ValueError:
        return False
    return True


def _is_mirror(path: Path) -> bool:
    return any((path / registry).is_dir() for registry in REGISTRIES)


def _implied(env: Mapping[str, str]) -> Iterator[Path]:
    """The folders that Terraform itself searches when its configuration names none."""
    home = Path(env.get("HOME") or Path.home())
    yield home / ".terraform.d" / "plugins"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
        yield Path("/Library/Application Support/io.terraform/plugins")
        return
    yield Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / "terraform" / "plugins"
    for folder in (env.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"):
        if folder:
            yield Path(folder) / "terraform" / "plugins"


def _below(parents: Iterable[Path]) -> Iterator[Path]:
    for parent in parents:
        try:
            yield from sorted(path for path in parent.iterdir() if path.is_dir())
        except OSError:
            continue  # a folder that is not there or not ours to read holds no mirror for us
