"""Writes the repository's provider lock file, and checks before a run that providers are available."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Provider, Settings
from orchestrator.errors import SetupError
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.setup.cliconfig import has_own_installation, plugin_cache
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.lock_file import LOCK_ENTRY, LOCK_FILE, SHARED_LOCK_FILE, locked_providers
from orchestrator.terraform.setup.mirrors import (
    PROVIDER_MIRROR_VARIABLE,
    ProviderPackage,
    find_mirrors,
    provider_packages,
)
from orchestrator.terraform.setup.versions import Version, satisfies
from orchestrator.util.files import write_atomic

PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64")
_REGISTRIES: Mapping[str, str] = {"terraform": "registry.terraform.io", "tofu": "registry.opentofu.org"}
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class LockResult:
    """A generated lock file.

    Attributes:
        text: its content.
        platforms: platforms that every provider has a checksum for.
        missing: provider address -> requested platforms that the mirror does not have.
    """

    text: str
    platforms: tuple[str, ...]
    missing: Mapping[str, tuple[str, ...]]


def provider_lock_text(
    terraform: Terraform,
    settings: Settings,
    root: Root,
    *,
    env: Mapping[str, str],
    platforms: Sequence[str] = PLATFORMS,
    before: str = "",
    timeout: float | None = None,
) -> LockResult:
    """Generate the lock file for all configured providers.

    A provider that a mirror of this machine has is locked from there, for the platforms that the mirror has; any other
    one from its registry, for all platforms. Checksums in ``before`` are kept while their version meets the constraint.

    Args:
        terraform: runs the command.
        settings: the configured providers.
        root: an empty folder that a root can be written to.
        env: where mirrors are.
        platforms: e.g. ``linux_arm64``.
        before: the current lock file.
        timeout: seconds per command.

    Raises:
        TerraformError: a package is missing or the registry cannot be reached.
        SetupError: the mirror has no requested platform.
    """
    folder = root.folder
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {provider.name: {"source": provider.source, "version": provider.version} for provider in _sorted(settings)}
    document = {"terraform": {"required_providers": wanted}}
    write_atomic(folder / "providers.tf.json", json.dumps(document, indent=2).encode())
    write_atomic(folder / LOCK_FILE, _still_right(before, settings).encode(), mode=0o644)
    missing: dict[str, tuple[str, ...]] = {}
    for provider in _sorted(settings):
        found = _suiting(provider, settings.binary, find_mirrors(env))
        if found is None:
            terraform.providers_lock(root, platforms=platforms, providers=[provider.source], timeout=timeout)
            continue
        mirror, offered = found
        here = [platform for platform in platforms if platform in offered]
        if not here:
            raise SetupError(
                f"the mirror {mirror} has {provider.source} {provider.version} for {', '.join(sorted(offered))} only",
                hint=f"choose one of those with --platform, or set {PROVIDER_MIRROR_VARIABLE}=none "
                "if the registry can be reached",
            )
        if len(here) < len(platforms):
            missing[provider.source] = tuple(platform for platform in platforms if platform not in offered)
        terraform.providers_lock(root, platforms=here, mirror=mirror, providers=[provider.source], timeout=timeout)
    lacking = {platform for group in missing.values() for platform in group}
    return LockResult(
        text=(folder / LOCK_FILE).read_text(encoding="utf-8"),
        platforms=tuple(platform for platform in platforms if platform not in lacking),
        missing=missing,
    )


def write_lock(catalogue_root: Path, text: str) -> Path:
    """Write ``live/providers.lock.hcl`` (in git, so readable by all) and return its path."""
    path = catalogue_root / SHARED_LOCK_FILE
    write_atomic(path, text.encode(), mode=0o644)
    return path


def ensure_available(
    settings: Settings, *, env: Mapping[str, str], cache: Path, connect_seconds: float = _CONNECT_SECONDS
) -> None:
    """Check that every provider is in a mirror or the plugin cache, or that its registry can be reached.

    A user's own ``provider_installation`` is trusted: what it refers to cannot be checked from here.

    Args:
        settings: the configured providers.
        env: where mirrors and the user's CLI configuration are; also proxies.
        cache: orch's cache folder.
        connect_seconds: how long to try to reach a registry.

    Raises:
        SetupError: a provider is not available; the hint says which file to put where.
    """
    if has_own_installation(env):
        return
    mirrors = find_mirrors(env)
    places = (*mirrors, plugin_cache(env, cache))
    for provider in _sorted(settings):
        found = _suiting(provider, settings.binary, places)
        if found and this_platform() in found[1]:
            continue
        held = sorted(
            {package.version for mirror in mirrors for package in _packages_of(provider, settings.binary, mirror)}
        )
        host, _, path = address(provider, settings.binary).partition("/")
        # Terraform asks only the mirror, even if it has only other versions (see cliconfig.installation).
        if not held and _reachable(host, env, connect_seconds):
            continue
        home = env.get("HOME") or str(Path.home())
        to = (mirrors[0] if mirrors else Path(home) / ".terraform.d" / "plugins") / host / path
        file = f"terraform-provider-{path.rsplit('/', 1)[1]}_{_exact(provider.version)}_{this_platform()}.zip"
        raise SetupError(
            f"the provider {provider.source} {provider.version} for {this_platform()} is not available: "
            + (f"the mirror has {', '.join(held)} of it" if held else f"no mirror has it and {host} cannot be reached"),
            hint=f"put {file} into {to}/, or name a folder that has it in {PROVIDER_MIRROR_VARIABLE}",
        )


def address(provider: Provider, binary: str) -> str:
    """Return a provider's full address: ``hashicorp/aws`` -> ``registry.terraform.io/hashicorp/aws``."""
    return provider.source if provider.source.count("/") == 2 else f"{_REGISTRIES[binary]}/{provider.source}"


def _sorted(settings: Settings) -> list[Provider]:
    return [settings.providers[name] for name in sorted(settings.providers)]


def _suiting(provider: Provider, binary: str, places: Iterable[Path]) -> tuple[Path, frozenset[str]] | None:
    """Return the first place with a version that meets the constraint, and the platforms of its newest one."""
    for place in places:
        suiting = [package for package in _packages_of(provider, binary, place) if _suits(package, provider)]
        if suiting:
            newest = max(Version.parse(package.version) for package in suiting)
            return place, frozenset(each.platform for each in suiting if Version.parse(each.version) == newest)
    return None


def _packages_of(provider: Provider, binary: str, place: Path) -> list[ProviderPackage]:
    return [package for package in provider_packages(place) if package.address == address(provider, binary)]


def _suits(package: ProviderPackage, provider: Provider) -> bool:
    try:
        return satisfies(Version.parse(package.version), provider.version)
    except ValueError:
        return False


def _still_right(text: str, settings: Settings) -> str:
    """Return the entries of a lock file whose version still meets the configured constraint."""
    wanted = {address(provider, settings.binary): provider for provider in settings.providers.values()}
    versions = locked_providers(text)

    def keep(entry: re.Match[str]) -> str:
        name = entry["address"]
        version = versions.get(name)
        right = version and name in wanted and _suits(ProviderPackage(name, version, ""), wanted[name])
        return entry[0] if right else ""

    return LOCK_ENTRY.sub(keep, text)


def _reachable(host: str, env: Mapping[str, str], seconds: float) -> bool:
    """Return whether a registry can be reached; behind a proxy this is unknown, so Terraform is allowed to try."""
    if any(env.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    try:
        with socket.create_connection((host, 443), timeout=seconds):
            return True
    except OSError:
        return False


def _exact(constraint: str) -> str:
    """Return the version for a file's name: the constraint's version, if it is a single one."""
    match = re.fullmatch(r"\s*=?\s*v?(\d[^\s,]*)\s*", constraint)
    return match[1] if match else "VERSION"
