"""Finds the terraform binary, or installs the pinned one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Settings
from orchestrator.errors import SetupError
from orchestrator.terraform.setup.install import Pin, install, load_pins
from orchestrator.terraform.setup.version_cache import remembered_version
from orchestrator.terraform.setup.versions import Version, satisfies
from orchestrator.util.env_paths import home_folder
from orchestrator.util.environment import USUAL, selected

MINIMUM: Mapping[str, Version] = {"terraform": Version((1, 11, 0)), "tofu": Version((1, 10, 0))}
_ANSWER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Binary:
    """The program that orch runs. ``kind``: ``terraform`` or ``tofu``; ``version``: what it reports itself."""

    path: Path
    version: str
    kind: str


def user_cache(env: Mapping[str, str]) -> Path:
    """Return orch's cache folder on this machine: ``ORCH_CACHE``, else ``orch`` in the user's cache folder.

    Raises:
        SetupError: the user has no home folder.
    """
    if env.get("ORCH_CACHE"):
        return Path(env["ORCH_CACHE"])
    if sys.platform == "darwin":
        return home_folder(env) / "Library" / "Caches" / "orch"
    return Path(env.get("XDG_CACHE_HOME") or home_folder(env) / ".cache") / "orch"


@dataclass(frozen=True, slots=True)
class BinarySearch:
    """What there is on this machine.

    Attributes:
        found: the binary to use; None if there is none.
        rejected: why each binary that was looked at cannot be used.
    """

    found: Binary | None
    rejected: tuple[str, ...] = ()


def search_binary(settings: Settings, *, env: Mapping[str, str], cache: Path) -> BinarySearch:
    """Look for a binary whose version matches: on PATH, then in the user's cache. Installs nothing.

    It starts each binary that it does not know, which takes 50 ms, so a run does this beside its other preparations.

    Args:
        settings: the program and its version constraint.
        env: ``PATH``.
        cache: orch's cache folder.

    Raises:
        SetupError: the constraint is invalid.
    """
    kind = settings.binary
    rejected: list[str] = []
    for path in _candidates(kind, env, cache):
        version = _version(path, env, cache)
        if version is None:
            rejected.append(f"{path} does not run")
        elif (mismatch := _mismatch(version, kind, _constraint(settings))) is None:
            return BinarySearch(Binary(path, str(version), kind), tuple(rejected))
        else:
            rejected.append(f"{path} is {version}, {mismatch}")
    return BinarySearch(None, tuple(rejected))


def find_binary(
    settings: Settings,
    *,
    env: Mapping[str, str],
    cache: Path,
    pins: Mapping[str, Pin] | None = None,
    search: BinarySearch | None = None,
) -> Binary:
    """Return the binary to use: on PATH if its version matches, else from the user's cache, else installed there.

    Args:
        settings: the program and its version constraint.
        env: ``PATH`` and ``ORCH_TERRAFORM_MIRROR``.
        cache: orch's cache folder.
        pins: version and checksums of what can be installed; defaults to the pins of the package.
        search: the result of `search_binary`; None searches now.

    Raises:
        SetupError: no binary matches and none can be installed; the hint says which file to put where.
    """
    search = search or search_binary(settings, env=env, cache=cache)
    if search.found is not None:
        return search.found
    kind, constraint = settings.binary, _constraint(settings)
    pin = (load_pins() if pins is None else pins).get(kind)
    looked = "; ".join(search.rejected) or f"there is no {kind} on PATH"
    if pin is None:
        raise SetupError(looked, hint=f"put {kind} {MINIMUM[kind]} or newer on PATH; orch does not install it")
    mismatch = _mismatch(Version.parse(pin.version), kind, constraint)
    if mismatch is not None:
        raise SetupError(
            f"{looked}; orch would install {pin.version}, {mismatch}",
            hint=f"put a {kind} that meets {constraint!r} on PATH, or change `terraform` in live/orch.yaml",
        )
    return Binary(install(kind, pin, env=env, cache=cache, because=looked), pin.version, kind)


def _constraint(settings: Settings) -> str:
    """Return the version constraint; it is about Terraform's versions."""
    return settings.terraform if settings.binary == "terraform" else ""


def _candidates(kind: str, env: Mapping[str, str], cache: Path) -> list[Path]:
    on_path = shutil.which(kind, path=env.get("PATH", os.defpath))
    cached = [path for path in cache.glob(f"{kind}/*/{kind}") if not path.parent.name.startswith(".")]
    return ([Path(on_path)] if on_path else []) + sorted(cached, key=_cached_version, reverse=True)


def _cached_version(path: Path) -> Version:
    try:
        return Version.parse(path.parent.name)
    except ValueError:
        return Version((0, 0, 0))


def _mismatch(version: Version, kind: str, constraint: str) -> str | None:
    if version < MINIMUM[kind]:
        return f"orch needs at least {MINIMUM[kind]}"
    try:
        return None if satisfies(version, constraint) else f"live/orch.yaml requires {constraint}"
    except ValueError as error:
        raise SetupError(f"`terraform` in live/orch.yaml: {error}", hint="write it like '>=1.11,<2.0'") from error


def _version(path: Path, env: Mapping[str, str], cache: Path) -> Version | None:
    """Return the version that the binary reports; None if it cannot be run."""
    reported = remembered_version(path, cache / "versions", lambda: _reported(path, env))
    try:
        return Version.parse(reported) if reported is not None else None
    except ValueError:
        return None


def _reported(path: Path, env: Mapping[str, str]) -> str | None:
    """Ask a binary for its version. The user's CLI configuration is ignored."""
    child = {**selected(env, USUAL | {"HOME"}), "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    try:
        answer = subprocess.run(
            [path, "version", "-json"],
            env=child,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_SECONDS,
            check=True,
        )
        return str(json.loads(answer.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None
