"""What the steps of a run work with, assembled once by `orchestrator.run.session`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.aws.identity.credential_files import CredentialFiles
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import AnyRole, BreakGlass, role_for
from orchestrator.aws.state.history import History
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.locks import StateLocks
from orchestrator.aws.state.objects import StateObjects
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Account, Catalogue, Unit, unit_references
from orchestrator.config.graph import Graph
from orchestrator.errors import OrchError
from orchestrator.guard.judge import Judge
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.render.write import RootRenderer
from orchestrator.report.live.sink import Sink
from orchestrator.run.checks.blocked import BlockedUnits
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.request import RunOptions
from orchestrator.run.scheduler import Stop
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.process.supervisor import Processes


@dataclass(frozen=True, slots=True)
class AwsClients:
    """Access to AWS: who orch is, and what it reads and writes in the state buckets.

    Attributes:
        identities: sessions for each account and role.
        credentials: credentials for Terraform's processes.
        states: outputs and resources of the units' states.
        ledger: the list of units in each state bucket.
        locks: state locks.
        history: versions of state objects, and the receipts beside them.
        objects: state objects as bytes, for moves.
        break_glass: applies the whole run under the break-glass role; None unless the user asked for it.
    """

    identities: Identities
    credentials: CredentialFiles
    states: StateStore
    ledger: Ledger
    locks: StateLocks
    history: History
    objects: StateObjects
    break_glass: BreakGlass | None = None


@dataclass(frozen=True, slots=True)
class TerraformTools:
    """The Terraform binary, its processes, and the renderer of the roots that it runs in."""

    cli: Terraform
    processes: Processes
    renderer: RootRenderer


@dataclass(frozen=True, slots=True)
class Guard:
    """What decides whether a plan may run.

    Attributes:
        judge: judges plans.
        scanner: finds programs and sources in the configuration, before it is planned.
        blocked: units and accounts that the checks before the run blocked.
        changed_lines: the lines of the change, as in `RunReport`.
    """

    judge: Judge
    scanner: CodeScanner
    blocked: BlockedUnits = field(default_factory=BlockedUnits)
    changed_lines: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunState:
    """One run: its units, options, files, and where its events go.

    Attributes:
        graph: the selected units in order; reversed for a destroy.
        options: what the user asked for.
        folders: paths below ``.orch/runs/RUN``.
        journal: the run's journal.
        sink: receives the run's events.
        stop: set by an interrupt; nothing new starts then.
        commit: returns git's commit of the repository, with ``-dirty`` if files differ from it; empty without git.
    """

    graph: Graph
    options: RunOptions
    folders: RunPaths
    journal: Journal
    sink: Sink
    stop: Stop
    commit: Callable[[], str]


@dataclass(frozen=True, slots=True)
class RunContext:
    """The configuration and the four parts of a run. Each part is safe to use from several threads."""

    catalogue: Catalogue
    aws: AwsClients
    terraform: TerraformTools
    guard: Guard
    run: RunState

    def unit(self, id_: str) -> Unit:
        """Return the unit with an id."""
        return self.catalogue.units[id_]

    def plan_environment(self, unit: Unit) -> Mapping[str, str]:
        """Return the environment for planning: the plan role, or the bootstrap role for an account's baseline."""
        return self.aws.credentials.child_environment(os.environ, role_for(unit, write=False), unit.accounts)

    def apply_environment(self, unit: Unit, role: AnyRole | None = None) -> Mapping[str, str]:
        """Return the environment for applying: by default the apply role, or the bootstrap role for a baseline."""
        role = role or role_for(unit, write=True)
        return self.aws.credentials.child_environment(os.environ, role, unit.accounts)

    def root(self, unit: Unit, *, preview: bool) -> Root:
        """Return the unit's Terraform root in this run, with the environment for planning."""
        folders = self.run.folders
        role = role_for(unit, write=False)
        return Root(
            unit=unit.id,
            folder=folders.preview(unit) if preview else folders.unit(unit),
            data_dir=folders.data(unit),
            env=self.plan_environment(unit),
            log=folders.log(unit),
            identity=_identity(unit, role),
            types=self._state_types(unit),
        )

    def apply_root(self, unit: Unit, folder: Path, role: AnyRole) -> Root:
        """Return a root of this or an earlier run in ``folder``, with the environment for applying under a role."""
        root = self.root(unit, preview=False)
        env = self.apply_environment(unit, role)
        return replace(root, folder=folder, env=env, identity=_identity(unit, role))

    def _state_types(self, unit: Unit) -> frozenset[str]:
        """Return the types in a unit's state; none if it cannot be read, which Terraform then reports."""
        with suppress(OrchError):
            state = self.aws.states.read(unit)
            return state.types if state is not None else frozenset()
        return frozenset()


def _identity(unit: Unit, role: AnyRole) -> str:
    """Return whose credentials a process has: the accounts and the role."""
    return f"{'+'.join(sorted(unit.accounts))} as {role}"


def accounts_touched(catalogue: Catalogue, units: Iterable[Unit]) -> tuple[Account, ...]:
    """Return the accounts that a selection acts on or reads from, sorted by name."""
    names: set[str] = set()
    for unit in units:
        names |= unit.accounts | {catalogue.units[ref.unit].account for _, ref in unit_references(unit)}
    return tuple(catalogue.accounts[name] for name in sorted(names))


def read_across_accounts(catalogue: Catalogue) -> frozenset[str]:
    """Return the ids of units whose published outputs another account reads."""
    return frozenset(ref.unit for unit in catalogue.units.values() for _, ref in unit_references(unit) if ref.foreign)
