"""The executor of this process: each step works in the thread that asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.config.catalogue import Unit
from orchestrator.report.model import UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.interrupt import Stoppable
from orchestrator.run.unit.applier import ApplyEnd, apply_plan
from orchestrator.run.unit.drifter import drift_unit
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.planner import plan_unit
from orchestrator.run.unit.upstreams import UpstreamValues


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Works on this machine. See `Executor`."""

    moves: bool = False
    slots: int | None = None

    def open(self, context: RunContext) -> None:
        """Do nothing."""

    def close(self, context: RunContext) -> None:
        """Do nothing."""

    def plan(
        self,
        context: RunContext,
        unit: Unit,
        values: UpstreamValues,
        *,
        destroy: bool = False,
        disarm: tuple[str, ...] = (),
    ) -> Planned:
        """Plan and judge a unit."""
        return plan_unit(context, unit, values, destroy=destroy, disarm=disarm)

    def drift(self, context: RunContext, unit: Unit) -> UnitReport:
        """Compare a unit with AWS."""
        return drift_unit(context, unit)

    def apply(self, context: RunContext, unit: Unit, real: Planned, *, destroy: bool = False) -> ApplyEnd:
        """Apply a unit's judged plan."""
        return apply_plan(context, unit, real, destroy=destroy)

    def stoppable(self, context: RunContext) -> Stoppable:
        """Return the Terraform processes of this run."""
        return context.terraform.processes


THREADS = LocalExecutor()
"""The executor without a cluster; it has no state."""
