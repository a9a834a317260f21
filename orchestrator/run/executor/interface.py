"""How the steps of a unit run. Order, verdicts, approval and the journal stay with the caller."""

from __future__ import annotations

from typing import Protocol

from orchestrator.config.catalogue import Unit
from orchestrator.report.model import UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.interrupt import Stoppable
from orchestrator.run.unit.applier import ApplyEnd
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.upstreams import UpstreamValues


class Executor(Protocol):
    """Runs one step of one unit to its end, in the thread that calls it. Safe to use from several threads.

    No method raises for an expected failure: it is a report. After each, the files of the step are at the paths of the
    run (`RunPaths`), wherever it worked.
    """

    @property
    def moves(self) -> bool:
        """Whether a unit may be applied in another folder than the one that it was planned in."""

    @property
    def slots(self) -> int | None:
        """How many steps can work at the same time; None: as many as the caller likes."""

    def open(self, context: RunContext) -> None:
        """Begin a run."""

    def close(self, context: RunContext) -> None:
        """End the run: nothing of it works any more."""

    def plan(
        self,
        context: RunContext,
        unit: Unit,
        values: UpstreamValues,
        *,
        destroy: bool = False,
        disarm: tuple[str, ...] = (),
    ) -> Planned:
        """Plan and judge a unit with these outputs of its upstreams.

        Args:
            context: the run.
            unit: the unit.
            values: the outputs of its upstreams.
            destroy: plan its destruction.
            disarm: addresses: plan only to switch off what protects these resources from deletion.
        """

    def drift(self, context: RunContext, unit: Unit) -> UnitReport:
        """Compare a unit with AWS."""

    def apply(self, context: RunContext, unit: Unit, real: Planned, *, destroy: bool = False) -> ApplyEnd:
        """Apply a unit's judged plan. It is begun at most once."""

    def stoppable(self, context: RunContext) -> Stoppable:
        """Return what an interrupt stops: the processes of this run, wherever they are."""
