"""Generates the repository's provider lock file with Terraform."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Settings
from orchestrator.errors import SetupError
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.setup.lock_file import LOCK_ENTRY, LOCK_FILE, SHARED_LOCK_FILE, locked_providers
from orchestrator.terraform.setup.mirrors import PROVIDER_MIRROR_VARIABLE, ProviderPackage, find_mirrors
from orchestrator.terraform.setup.providers import address, find_matching, meets_constraint, sorted_providers
from orchestrator.util.files import write_atomic

PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64")


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
    wanted = {each.name: {"source": each.source, "version": each.version} for each in sorted_providers(settings)}
    document = {"terraform": {"required_providers": wanted}}
    write_atomic(folder / "providers.tf.json", json.dumps(document, indent=2).encode())
    write_atomic(folder / LOCK_FILE, _still_right(before, settings).encode(), mode=0o644)
    missing: dict[str, tuple[str, ...]] = {}
    for provider in sorted_providers(settings):
        found = find_matching(provider, settings.binary, find_mirrors(env))
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


def _still_right(text: str, settings: Settings) -> str:
    """Return the entries of a lock file whose version still meets the configured constraint."""
    wanted = {address(provider, settings.binary): provider for provider in settings.providers.values()}
    versions = locked_providers(text)

    def keep(entry: re.Match[str]) -> str:
        name = entry["address"]
        version = versions.get(name)
        right = version and name in wanted and meets_constraint(ProviderPackage(name, version, ""), wanted[name])
        return entry[0] if right else ""

    return LOCK_ENTRY.sub(keep, text)
