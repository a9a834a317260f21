"""Makes the text of ``live/providers.lock.hcl`` with the real Terraform, in a temporary folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Settings
from orchestrator.run.assemble import make_terraform
from orchestrator.terraform.commands import Root
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.provider_lock import PLATFORMS, LockResult, provider_lock_text
from orchestrator.terraform.setup.mirrors import find_mirrors
from orchestrator.terraform.setup.providers import find_matching, sorted_providers

_SECONDS = 900.0


def lock_providers(catalogue: Catalogue, *, platforms: Sequence[str] = (), before: str = "") -> LockResult:
    """Return the lock file of all providers of a configuration.

    Args:
        catalogue: names the providers.
        platforms: as in ``linux_arm64``; empty: all.
        before: the lock file so far, whose checksums stay while their versions suit.

    Raises:
        SetupError: Terraform or a provider cannot be obtained.
        TerraformError: Terraform failed.
    """
    with tempfile.TemporaryDirectory(prefix="orch-lock-") as name:
        base = Path(name)
        root = Root(
            unit="providers lock",
            folder=base / "root",
            data_dir=base / "data",
            env=dict(os.environ),
            log=base / "lock.log",
        )
        return provider_lock_text(
            make_terraform(catalogue, Processes(), base),
            catalogue.settings,
            root,
            env=os.environ,
            platforms=tuple(platforms) or PLATFORMS,
            before=before,
            timeout=_SECONDS,
        )


def all_in_mirrors(settings: Settings, env: Mapping[str, str]) -> bool:
    """Return whether mirrors of this machine have every provider, so that no registry is needed.

    Args:
        settings: the configured providers.
        env: where mirrors are.
    """
    mirrors = find_mirrors(env)
    return all(find_matching(provider, settings.binary, mirrors) for provider in sorted_providers(settings))
