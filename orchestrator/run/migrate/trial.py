"""Plans a unit as if it had another state: on a copy, without writing anything in AWS.

The unit's root is rendered as usual, plus an override that puts its state into a local file. So the usual planner makes
the plan, and the judge judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.render.hcl_text import hcl_quote
from orchestrator.render.values import Upstream
from orchestrator.render.write import Rendered, RootRenderer
from orchestrator.report.model import Status
from orchestrator.run.context import RunContext
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.planner import plan_unit
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.terraform.model import Action, ResourceChange
from orchestrator.util.files import write_atomic

_OVERRIDE = "orch_trial_override.tf"
_REFUSED = frozenset({Action.CREATE, Action.DELETE, Action.REPLACE, Action.FORGET})


@dataclass(frozen=True, slots=True)
class TrialFolders(RunPaths):
    """The folders of a run, with separate folders for the units of trials."""

    def unit(self, unit: Unit) -> Path:
        """The root of the trial."""
        return self.of_run / "trials" / unit.folder / "root"

    def shown(self, unit: Unit) -> Path:
        """A folder for Terraform's data only."""
        return self.of_run / "trials" / unit.folder / "shown"

    def state(self, unit: Unit) -> Path:
        """The copy of the state."""
        return self.of_run / "trials" / unit.folder / "trial.tfstate"


class TrialWorkspace(RootRenderer):
    """Renders roots whose state is a local file.

    Args:
        catalogue: the configuration.
        folders: give the path of that file.
    """

    def __init__(self, catalogue: Catalogue, folders: TrialFolders) -> None:
        super().__init__(catalogue)
        self._folders = folders

    def render(self, unit: Unit, upstream: Upstream, folder: Path) -> Rendered:
        """Render as usual, and add the override."""
        rendered = super().render(unit, upstream, folder)
        path = hcl_quote(str(self._folders.state(unit).absolute()))
        text = f'terraform {{\n  backend "local" {{\n    path = {path}\n  }}\n}}\n'
        write_atomic(folder / _OVERRIDE, text.encode())
        return rendered

    def refresh(self, rendered: Path, folder: Path) -> None:
        """Do nothing: a trial is not shown."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Plans on copies of states.

    Attributes:
        context: the run.
        stand_ins: unit -> the unit that currently has its state.
    """

    context: RunContext
    stand_ins: Mapping[str, Unit]

    @property
    def folders(self) -> TrialFolders:
        """The folders of the trial."""
        return TrialFolders(root=self.context.run.folders.root, run=self.context.run.folders.run)

    def plan(self, unit: Unit, state: bytes) -> Planned:
        """Plan a unit as if it had this state. A failure is a report, never an exception.

        Raises:
            NotAppliedError, DeniedError, ThrottledError, SetupError, UnitError: an upstream cannot be read.
        """
        write_atomic(self.folders.state(unit), state)
        catalogue = self.context.catalogue
        before = replace(catalogue, units={**catalogue.units, **self.stand_ins})
        values = Upstreams(before, self.context.aws.states).for_apply(unit)
        return plan_unit(self._context(), unit, UpstreamValues(values=values, pending=()))

    def take_outputs(self, unit: Unit, planned: Planned) -> bytes | None:
        """Return the state with the plan's outputs if the plan changes only outputs; None otherwise.

        Applies the plan to the copy. It changes only outputs, so it does not touch AWS.

        Raises:
            TerraformError: Terraform cannot write the outputs.
        """
        plan = planned.plan
        if plan is None or plan.empty or plan.changes or planned.report.status is not Status.PLANNED:
            return None
        root = self._context().root(unit, preview=False)
        self.context.terraform.cli.apply(root, plan.file, timeout=unit.timeouts.plan)
        return self.folders.state(unit).read_bytes()

    def _context(self) -> RunContext:
        workspace = TrialWorkspace(self.context.catalogue, self.folders)
        terraform = replace(self.context.terraform, renderer=workspace)
        return replace(self.context, terraform=terraform, run=replace(self.context.run, folders=self.folders))


def refused_changes(planned: Planned) -> tuple[str, ...]:
    """Return the changes of a plan that no migration may cause, one line each."""
    if planned.plan is None:
        return ()
    return tuple(f"{each.action.value} {_short(each.address)}" for each in planned.plan.changes if _is_refused(each))


def _is_refused(change: ResourceChange) -> bool:
    return change.mode == "managed" and change.action in _REFUSED


def _short(address: str) -> str:
    return address.removeprefix("module.this.")
