"""What would Terraform do with a unit if its state were another one? Planned on a copy; nothing in AWS is written.

The unit's root is rendered as ever, with one more file: an override that puts its state into a local file. So the plan
is made by the planner that makes all plans, and judged as all are.
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
from orchestrator.run.history.paths import Folders
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.planner import plan_unit
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.terraform.model import Action, ResourceChange
from orchestrator.util.files import write_atomic

_OVERRIDE = "orch_trial_override.tf"
_REFUSED = frozenset({Action.CREATE, Action.DELETE, Action.REPLACE, Action.FORGET})


@dataclass(frozen=True, slots=True)
class TrialFolders(Folders):
    """The folders of a run, with those of units kept apart from those that are applied or shown to people."""

    def unit(self, unit: Unit) -> Path:
        """The root of the trial."""
        return self.of_run / "trials" / unit.folder / "root"

    def shown(self, unit: Unit) -> Path:
        """Nothing for people: only Terraform's data folder is in it."""
        return self.of_run / "trials" / unit.folder / "shown"

    def state(self, unit: Unit) -> Path:
        """The copy of the state that is planned on."""
        return self.of_run / "trials" / unit.folder / "trial.tfstate"


class TrialWorkspace(RootRenderer):
    """Renders roots whose state is a local file.

    Args:
        catalogue: the loaded catalogue.
        folders: say where that file is.
    """

    def __init__(self, catalogue: Catalogue, folders: TrialFolders) -> None:
        super().__init__(catalogue)
        self._folders = folders

    def render(self, unit: Unit, upstream: Upstream, folder: Path) -> Rendered:
        """As for every plan, and the override."""
        rendered = super().render(unit, upstream, folder)
        path = hcl_quote(str(self._folders.state(unit).absolute()))
        text = f'terraform {{\n  backend "local" {{\n    path = {path}\n  }}\n}}\n'
        write_atomic(folder / _OVERRIDE, text.encode())
        return rendered

    def refresh(self, rendered: Path, folder: Path) -> None:
        """Nothing: a trial is not shown."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Plans on copies of states.

    Attributes:
        context: the run.
        stand_ins: unit -> the unit whose state it would have, for units whose states are not where they will be.
    """

    context: RunContext
    stand_ins: Mapping[str, Unit]

    @property
    def folders(self) -> TrialFolders:
        """Where it works."""
        return TrialFolders(root=self.context.run.folders.root, run=self.context.run.folders.run)

    def plan(self, unit: Unit, state: bytes) -> Planned:
        """Plan a unit as if its state were this one; a failure is a report, never an exception.

        Raises:
            NotAppliedError, DeniedError, ThrottledError, SetupError, UnitError: an upstream cannot be read.
        """
        write_atomic(self.folders.state(unit), state)
        catalogue = self.context.catalogue
        before = replace(catalogue, units={**catalogue.units, **self.stand_ins})
        values = Upstreams(before, self.context.aws.states).for_apply(unit)
        return plan_unit(self._context(), unit, UpstreamValues(values=values, pending=()))

    def take_outputs(self, unit: Unit, planned: Planned) -> bytes | None:
        """The state with its outputs, when the plan changes those and no resource; None when there is nothing to take.

        The plan is applied to the copy. Nothing but outputs changes in it, so nothing in AWS is touched.

        Raises:
            TerraformError: Terraform cannot write them.
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
    """What a plan does that no move and no adoption may end in, one line each."""
    if planned.plan is None:
        return ()
    return tuple(f"{each.action.value} {_short(each.address)}" for each in planned.plan.changes if _is_refused(each))


def _is_refused(change: ResourceChange) -> bool:
    return change.mode == "managed" and change.action in _REFUSED


def _short(address: str) -> str:
    return address.removeprefix("module.this.")
