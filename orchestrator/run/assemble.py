"""Puts together what the steps of a run work with: on the machine where a run begins, and on each of its workers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.aws.identity.credential_files import CredentialFiles
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import BreakGlass
from orchestrator.aws.state.history import History
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.locks import StateLocks
from orchestrator.aws.state.managed import ManagedStates
from orchestrator.aws.state.objects import StateObjects
from orchestrator.aws.state.observed import ObservedState
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Catalogue, Settings
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.judge import Judge
from orchestrator.guard.trust.disposable import DisposableStages
from orchestrator.guard.trust.trust import Trust
from orchestrator.render.build import Builder
from orchestrator.render.orphan_root import OrphanRootRenderer
from orchestrator.render.write import RootRenderer
from orchestrator.run.context import AwsClients, TerraformTools
from orchestrator.run.request import RunRequest
from orchestrator.terraform.commands import Terraform
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.setup.binary import BinarySearch, find_binary, user_cache
from orchestrator.terraform.setup.checksums import ProviderChecksums
from orchestrator.terraform.setup.cliconfig import plugin_cache, write_cli_config
from orchestrator.terraform.setup.mirrors import find_mirrors
from orchestrator.terraform.setup.providers import ensure_available
from orchestrator.terraform.setup.user_config import config_files, read_user_config, reattached_providers
from orchestrator.terraform.warm.providers import WarmProviders
from orchestrator.terraform.warm.start import StartedServer, provider_server


@dataclass(frozen=True, slots=True)
class Access:
    """What reads the states of a run: identities, states and the ledger."""

    catalogue: Catalogue
    identities: Identities
    states: StateStore
    ledger: Ledger

    @classmethod
    def of(
        cls, catalogue: Catalogue, trust: Trust, emulator: EmulatorEndpoint | None, *, session: str | None = None
    ) -> Access:
        """Return the access to the accounts of a catalogue. ``session``: the session name that AWS logs show."""
        identities = Identities(catalogue, emulator, session=session)
        states = StateStore(catalogue, identities, trust.policies.protected)
        return cls(catalogue, identities, states, Ledger(catalogue, identities, states))

    def judge(self, trust: Trust, checks: Checks, disposable: DisposableStages | None = None) -> Judge:
        """Return the judge of plans, who compares them with what exists.

        Args:
            trust: whose policies and waivers count.
            checks: those of the policies of trust.
            disposable: the stages that may lose everything; None: none may.
        """
        buckets = frozenset(account.state_bucket for account in self.catalogue.accounts.values())
        managed = ManagedStates(self.catalogue, self.ledger)
        observed = ObservedState(self.catalogue, self.identities, self.states, self.ledger, managed)
        return Judge(
            checks, trust.waiver_policy, trust.weakened, states=buckets, outside=observed, disposable=disposable
        )

    def clients(self, credentials: CredentialFiles, break_glass: BreakGlass | None) -> AwsClients:
        """Return every client that the steps of a run use."""
        return AwsClients(
            identities=self.identities,
            credentials=credentials,
            states=self.states,
            ledger=self.ledger,
            locks=StateLocks(self.catalogue, self.identities),
            history=History(self.catalogue, self.identities),
            objects=StateObjects(self.catalogue, self.identities),
            break_glass=break_glass,
        )


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
    return Terraform(
        binary,
        processes,
        config,
        plugin_cache=plugin_cache(os.environ, cache),
        warm=warm,
        passed=catalogue.settings.environment,
        checksums=ProviderChecksums(read_user_config(os.environ).overrides, reattached_providers(os.environ)),
    )


def make_tools(
    catalogue: Catalogue,
    trust: Trust,
    folder: Path,
    *,
    warm: WarmProviders,
    orphans: Mapping[str, frozenset[str]] | None = None,
    search: BinarySearch | None = None,
    refused: Collection[str] = (),
) -> TerraformTools:
    """Return Terraform and the renderer of roots.

    Args:
        catalogue: the configuration.
        trust: has the API calls that modules deny.
        folder: where the CLI configuration is written.
        warm: providers that keep running between commands.
        search: the binaries of this machine; None searches now.
        orphans: provider names of each unit, when only the states of the units exist; None for units of ``live/``.
        refused: units whose builds must not run.

    Raises:
        SetupError: as `make_terraform`.
    """
    processes = Processes()
    if orphans is not None:
        renderer: RootRenderer = OrphanRootRenderer(catalogue, orphans)
    else:
        builder = Builder(catalogue.root, processes, os.environ, refused=refused)
        renderer = RootRenderer(catalogue, trust.policies.protected.delete_apis, builder)
    return TerraformTools(make_terraform(catalogue, processes, folder, warm=warm, search=search), processes, renderer)


def program_places(settings: Settings, env: Mapping[str, str]) -> Iterator[Path]:
    """Yield where the programs of a run come from: Terraform, providers, and the configuration that chooses those.

    Raises:
        SetupError: the user's CLI configuration cannot be read, or ``ORCH_PROVIDER_MIRROR`` names no mirror.
    """
    cache = user_cache(env)
    found = shutil.which(settings.binary, path=env.get("PATH", os.defpath))
    yield from [Path(found)] if found else []
    yield from (cache, *config_files(env), plugin_cache(env, cache), *find_mirrors(env))


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
        cold=request.cold or request.options.scheduler is not None,  # The workers have servers of their own.
        modules=_local_modules(request),
    )


def _local_modules(request: RunRequest) -> list[Path] | None:
    """Return the folders of the modules of a run; None if Terraform fetches one, or the units are not in ``live/``."""
    paths = {unit.module.path for unit in request.units}
    if request.orphan_providers is not None or None in paths:
        return None
    return [request.catalogue.root / path for path in paths if path is not None]
