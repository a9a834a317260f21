"""Checks before a run that providers are available in a mirror, the plugin cache or a registry."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.config.catalogue import Provider, Settings
from orchestrator.errors import SetupError
from orchestrator.terraform.setup.cliconfig import has_own_installation, plugin_cache
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.mirrors import (
    PROVIDER_MIRROR_VARIABLE,
    ProviderPackage,
    find_mirrors,
    provider_packages,
)
from orchestrator.terraform.setup.versions import Version, satisfies

_REGISTRIES: Mapping[str, str] = {"terraform": "registry.terraform.io", "tofu": "registry.opentofu.org"}
_CONNECT_SECONDS = 5.0


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
    for provider in sorted_providers(settings):
        found = find_matching(provider, settings.binary, places)
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


def sorted_providers(settings: Settings) -> list[Provider]:
    """Return the configured providers, sorted by local name."""
    return [settings.providers[name] for name in sorted(settings.providers)]


def find_matching(provider: Provider, binary: str, places: Iterable[Path]) -> tuple[Path, frozenset[str]] | None:
    """Return the first place with a version that meets the constraint, and the platforms of its newest one."""
    for place in places:
        suiting = [package for package in _packages_of(provider, binary, place) if meets_constraint(package, provider)]
        if suiting:
            newest = max(Version.parse(package.version) for package in suiting)
            return place, frozenset(each.platform for each in suiting if Version.parse(each.version) == newest)
    return None


def _packages_of(provider: Provider, binary: str, place: Path) -> list[ProviderPackage]:
    return [package for package in provider_packages(place) if package.address == address(provider, binary)]


def meets_constraint(package: ProviderPackage, provider: Provider) -> bool:
    """Return whether a package's version meets the configured constraint."""
    try:
        return satisfies(Version.parse(package.version), provider.version)
    except ValueError:
        return False


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
