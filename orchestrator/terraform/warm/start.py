"""Starts the provider server of a run, or says why the run does without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Settings
from orchestrator.terraform.setup.cliconfig import plugin_cache
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.lock_file import SHARED_LOCK_FILE
from orchestrator.terraform.setup.mirrors import find_mirrors
from orchestrator.terraform.setup.user_config import read_user_config
from orchestrator.terraform.warm.client import ProviderServer, ServerError
from orchestrator.terraform.warm.locate import find_packages
from orchestrator.terraform.warm.messages import LeaseRequest
from orchestrator.util.env_paths import check_temporary_folder

_ROLES = 2
"""A run that applies plans with one role and applies with another one, and a process serves one role only."""


@dataclass(frozen=True, slots=True)
class StartedServer:
    """The provider server of a run.

    Attributes:
        server: None if each Terraform command starts its own providers.
        off: why; empty if not.
        places: folders that can contain unpacked providers: mirrors and the plugin cache.
        binary: ``terraform`` or ``tofu``.
    """

    server: ProviderServer | None
    off: str
    places: tuple[Path, ...]
    binary: str


@contextmanager
def provider_server(
    settings: Settings,
    repository: Path,
    *,
    env: Mapping[str, str],
    cache: Path,
    slots: int,
    cold: bool,
    modules: Iterable[Path] | None = None,
) -> Iterator[StartedServer]:
    """Start the provider server, let it verify the locked providers in the background, and stop it at the end.

    Args:
        settings: the settings of the repository.
        repository: its root; contains the lock file.
        env: where mirrors are.
        cache: orch's cache folder.
        slots: number of units that run at a time.
        cold: the user wants each command to start its own providers.
        modules: folders of all modules that the run uses. When none of them names a type of a provider, the server
            starts with the first command that needs it, if there is one; None if they are not known.

    Raises:
        SetupError: ``ORCH_PROVIDER_MIRROR`` names a folder without providers, or ``TMPDIR`` one that cannot be
            written to.
    """
    check_temporary_folder(env)
    off = "--cold" if cold else "" if settings.warm else "warm: false in live/orch.yaml"
    if not off and read_user_config(env).overrides:
        off = "dev_overrides in your Terraform CLI configuration"
    places = (*find_mirrors(env), plugin_cache(env, cache))
    needed = modules is None or _name_types(modules, settings.providers)
    server: ProviderServer | None = None
    if not off:
        folder, most = cache / "schemas" / this_platform(), _most_processes(slots)
        try:
            server = ProviderServer(cache=folder, processes=most, at_once=needed)
        except ServerError as error:
            off = str(error)
    try:
        if server is not None and needed:
            _verify(server, repository / SHARED_LOCK_FILE, places)
        yield StartedServer(server, off, places, settings.binary)
    finally:
        if server is not None:
            server.stop()


def _most_processes(slots: int) -> int:
    """Return how many provider processes to keep: for each role one per slot, and one that answers validations."""
    return _ROLES * (max(2, slots) + 1)


def _name_types(modules: Iterable[Path], providers: Iterable[str]) -> bool:
    """Return whether any module names a type of a provider: ``"aws_sns_topic"``, in HCL or in JSON."""
    wanted = [f'"{provider}_'.encode() for provider in providers]
    try:
        texts = [file.read_bytes() for module in modules for file in module.rglob("*.tf*") if file.is_file()]
    except OSError:
        return True
    return any(name in text for text in texts for name in wanted)


def _verify(server: ProviderServer, lock: Path, places: tuple[Path, ...]) -> None:
    """Let the server hash the packages now, so that the first command need not wait."""
    with suppress(OSError, ServerError):
        packages, _ = find_packages(lock.read_text(encoding="utf-8"), places)
        server.verify_later(LeaseRequest(packages=tuple(packages.values())))
