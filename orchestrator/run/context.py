"""What every step of a run works with, put together once by the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.aws.identity.break_glass import BreakGlass
from orchestrator.aws.identity.phases import Phases
from orchestrator.aws.identity.roles import AnyRole, Identities, role_for
from orchestrator.aws.state.history import History
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.locks import StateLocks
from orchestrator.aws.state.objects import StateObjects
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.config.graph import Graph
from orchestrator.guard.judge import Judge
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.render.values import unit_references
from orchestrator.render.write import Workspace
from orchestrator.report.live.sink import Sink
from orchestrator.run.checks.blocked import BlockedUnits
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.paths import Folders
from orchestrator.run.scheduler import Stop
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.process.supervisor import Processes


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes.

    Attributes:
        slots: units worked on at once.
        timeout: seconds for each unit's plan or apply; None takes the unit's own limits.
        lock_timeout: how long an apply waits for another's state lock, in Terraform's notation.
        lock_seconds: the same in seconds.
        fail_fast: start nothing new after the first failure.
        replace: addresses in the one unit of the run that shall be made anew.
        break_glass: who applies everything under the break-glass role, and why; None: only what a waiver allows.
    """

    slots: int
    timeout: float | None = None
    lock_timeout: str = "0s"
    lock_seconds: float = 0.0
    fail_fast: bool = False
    break_glass: BreakGlass | None = None
    replace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tools:
    """The parts of one run. Records apart, each is safe to use from several threads."""

    catalogue: Catalogue
    graph: Graph
    """The units of this run, contracted to the selection."""
    workspace: Workspace
    terraform: Terraform
    processes: Processes
    phases: Phases
    identities: Identities
    store: StateStore
    ledger: Ledger
    locks: StateLocks
    history: History
    objects: StateObjects
    judge: Judge
    scanner: CodeScanner
    sink: Sink
    journal: Journal
    folders: Folders
    stop: Stop
    options: Options
    blocked: BlockedUnits = field(default_factory=BlockedUnits)
    """What must not be planned, found before the run."""

    def unit(self, id_: str) -> Unit:
        """The unit with an id."""
        return self.catalogue.units[id_]

    def plan_environment(self, unit: Unit) -> Mapping[str, str]:
        """Environment for planning and reading: the plan role; the bootstrap role for what makes that role."""
        return self.phases.child_environment(os.environ, role_for(unit, write=False), accounts_of(unit))

    def apply_environment(self, unit: Unit, role: AnyRole | None = None) -> Mapping[str, str]:
        """Environment for applying: by default the apply role; the bootstrap role for what makes that role."""
        return self.phases.child_environment(os.environ, role or role_for(unit, write=True), accounts_of(unit))

    def root(self, unit: Unit, *, preview: bool) -> Root:
        """The unit's Terraform root in this run, with the environment for planning."""
        return Root(
            unit=unit.id,
            folder=self.folders.preview(unit) if preview else self.folders.unit(unit),
            data_dir=self.folders.data(unit),
            env=self.plan_environment(unit),
            log=self.folders.log(unit),
        )


def accounts_of(unit: Unit) -> frozenset[str]:
    """Accounts whose credentials a unit's Terraform needs: its own and those of its further providers."""
    return frozenset({unit.account, *(config.account for config in unit.providers)})


def accounts_touched(catalogue: Catalogue, units: Iterable[Unit]) -> tuple[Account, ...]:
    """All accounts that a selection acts on or reads from, by name."""
    names: set[str] = set()
    for unit in units:
        names |= accounts_of(unit) | {catalogue.units[ref.unit].account for _, ref in unit_references(unit)}
    return tuple(catalogue.accounts[name] for name in sorted(names))


def read_across_accounts(catalogue: Catalogue) -> frozenset[str]:
    """Units whose published outputs another account reads."""
    return frozenset(ref.unit for unit in catalogue.units.values() for _, ref in unit_references(unit) if ref.foreign)
