"""Finds provider mirrors on this machine: Terraform's implied mirrors, and folders from an image or package."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from orchestrator.errors import SetupError
from orchestrator.terraform.setup.versions import Version
from orchestrator.util.env_paths import home_folder, named_path

PROVIDER_MIRROR_VARIABLE = "ORCH_PROVIDER_MIRROR"
NO_MIRROR = "none"
REGISTRIES = ("registry.terraform.io", "registry.opentofu.org")
_PARENTS = (Path("/opt"), Path("/usr/share"), Path("/usr/local/share"))
_PACKED = re.compile(r"terraform-provider-.+_(?P<version>[^_]+)_(?P<platform>[a-z0-9]+_[a-z0-9]+)\.zip$")


@dataclass(frozen=True, slots=True, order=True)
class ProviderPackage:
    """A package in a mirror: address, e.g. ``registry.terraform.io/hashicorp/aws``, version and platform."""

    address: str
    version: str
    platform: str


def find_mirrors(env: Mapping[str, str], *, parents: Iterable[Path] = _PARENTS) -> tuple[Path, ...]:
    """Return every folder with providers, in order of preference.

    If ``ORCH_PROVIDER_MIRROR`` is set, it names the only one; ``none`` disables mirrors, as does the URL of one.

    Args:
        env: ``ORCH_PROVIDER_MIRROR``, ``HOME``, ``XDG_DATA_HOME``, ``XDG_DATA_DIRS``.
        parents: folders whose subfolders are searched.

    Raises:
        SetupError: ``ORCH_PROVIDER_MIRROR`` names a folder without providers.
    """
    named = env.get(PROVIDER_MIRROR_VARIABLE)
    if named == NO_MIRROR or mirror_url(env):
        return ()
    if named:
        path = (named_path(env, PROVIDER_MIRROR_VARIABLE) or Path(named)).absolute()
        if not _is_mirror(path):
            raise SetupError(
                f"{PROVIDER_MIRROR_VARIABLE} names {path}, which does not contain {REGISTRIES[0]}/",
                hint=f"set it to a folder that `terraform providers mirror` created, or to {NO_MIRROR}",
            )
        return (path,)
    of_machine = _mirrors_of_machine() if parents is _PARENTS else _mirrors_below(parents)
    found = [*filter(_is_mirror, _implied(env)), *of_machine]
    return tuple(dict.fromkeys(path.resolve() for path in found))


def mirror_url(env: Mapping[str, str]) -> str:
    """Return the URL of a network mirror that ``ORCH_PROVIDER_MIRROR`` names, ending with a slash; else nothing."""
    named = env.get(PROVIDER_MIRROR_VARIABLE, "")
    return f"{named.rstrip('/')}/" if named.startswith("https://") else ""


def provider_packages(mirror: Path) -> tuple[ProviderPackage, ...]:
    """Return the packages in a mirror, packed (a zip per platform) or unpacked (a folder per platform), sorted."""
    return tuple(sorted(set(_packages(mirror))))


def _packages(mirror: Path) -> Iterator[ProviderPackage]:
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
    """Yield the folders that Terraform searches if its configuration names none."""
    home = home_folder(env)
    yield home / ".terraform.d" / "plugins"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
        yield Path("/Library/Application Support/io.terraform/plugins")
        return
    yield Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / "terraform" / "plugins"
    for folder in (env.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"):
        if folder:
            yield Path(folder) / "terraform" / "plugins"


@cache  # hundreds of folders; a run asks several times
def _mirrors_of_machine() -> tuple[Path, ...]:
    return _mirrors_below(_PARENTS)


def _mirrors_below(parents: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(filter(_is_mirror, _below(parents)))


def _below(parents: Iterable[Path]) -> Iterator[Path]:
    for parent in parents:
        try:
            yield from sorted(path for path in parent.iterdir() if path.is_dir())
        except OSError:
            continue  # a missing or unreadable folder has no usable mirror
