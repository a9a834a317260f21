"""Assembles the Terraform side of a run: the binary, its configuration, the providers, and the renderer of roots."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from orchestrator.config.catalogue import Catalogue
from orchestrator.guard.trust.trust import Trust
from orchestrator.render.orphan_root import OrphanRootRenderer
from orchestrator.render.write import RootRenderer
from orchestrator.run.context import TerraformTools
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.request import RunRequest
from orchestrator.terraform.commands import Terraform
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.setup.binary import BinarySearch, find_binary, user_cache
from orchestrator.terraform.setup.cliconfig import plugin_cache, write_cli_config
from orchestrator.terraform.setup.providers import ensure_available
from orchestrator.terraform.warm.providers import WarmProviders
from orchestrator.terraform.warm.start import StartedServer, provider_server


def make_terraform(
    catalogue: Catalogue,
    processes: Processes,
    folder: Path,
    *,
    warm: WarmProviders | None = None,
    search: BinarySearch | None = None,
) -> Terraform:
    """Return the Terraform command line, with a CLI configuration of orch's own in ``folder``.

    Args:
        catalogue: the configuration.
        processes: supervises the child processes.
        folder: private folder of the run.
        warm: providers that keep running between commands; None to start them anew for each command.
        search: the binaries of this machine; None searches now.

    Raises:
        SetupError: there is no usable binary or provider source.
    """
    cache = user_cache(os.environ)
    ensure_available(catalogue.settings, env=os.environ, cache=cache)
    binary = find_binary(catalogue.settings, env=os.environ, cache=cache, search=search)
    config = write_cli_config(folder / "terraform.tfrc", env=os.environ, cache=cache)
    return Terraform(binary, processes, config, plugin_cache=plugin_cache(os.environ, cache), warm=warm)


def terraform_tools(
    request: RunRequest, trust: Trust, folders: RunPaths, warm: WarmProviders, search: BinarySearch
) -> TerraformTools:
    """Return what a run works with.

    Args:
        request: what the run is made for.
        trust: has the APIs that delete protected resources.
        folders: the folders of the run.
        warm: its providers.
        search: the binaries of this machine.

    Raises:
        SetupError: there is no usable binary or provider source.
    """
    processes = Processes()
    if request.orphan_providers is not None:
        renderer: RootRenderer = OrphanRootRenderer(request.catalogue, request.orphan_providers)
    else:
        renderer = RootRenderer(request.catalogue, trust.policies.protected.delete_apis)
    terraform = make_terraform(request.catalogue, processes, folders.of_run, warm=warm, search=search)
    return TerraformTools(terraform, processes, renderer)


def started_server(request: RunRequest) -> AbstractContextManager[StartedServer]:
    """Return the provider server of a run, to be entered first: it needs half a second to verify the providers.

    Raises:
        SetupError: as for `provider_server`.
    """
    return provider_server(
        request.catalogue.settings,
        request.catalogue.root,
        env=os.environ,
        cache=user_cache(os.environ),
        slots=request.options.parallelism,
        cold=request.cold,
        modules=_local_modules(request),
    )


def _local_modules(request: RunRequest) -> list[Path] | None:
    """Return the folders of the modules of a run; None if Terraform fetches one, or the units are not in ``live/``."""
    paths = {unit.module.path for unit in request.units}
    if request.orphan_providers is not None or None in paths:
        return None
    return [request.catalogue.root / path for path in paths if path is not None]
