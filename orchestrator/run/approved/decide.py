"""Decides what ``orch apply --approved`` may apply of every unit of a run."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.run.approved.approve import Decision, How, decide_unit
from orchestrator.run.approved.places import PlanPlace
from orchestrator.run.context import RunContext
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.reports import failure_report

_NOTHING_TO_APPLY = frozenset({How.LEFT_ALONE, How.UNCHANGED})


class PlanAgain(Protocol):
    """Plans a unit from the states of its upstreams, as they are now."""

    def __call__(self, unit: Unit) -> Planned:
        """Return the plan.

        Raises:
            OrchError: it cannot be planned.
        """


@dataclass(frozen=True, slots=True)
class Deciding:
    """Decides about the units of a run.

    Attributes:
        context: the run.
        place: where the approved plans are.
        now: the current time, aware.
        plan_again: plans a unit whose upstreams will not be applied.
    """

    context: RunContext
    place: PlanPlace
    now: datetime
    plan_again: PlanAgain

    def decide(self, planned: Mapping[str, Planned]) -> Mapping[str, Decision]:
        """Decide about every unit.

        Args:
            planned: what this run planned from the configuration as it is now.
        """
        with ThreadPoolExecutor(max(1, self.context.run.options.parallelism)) as pool:
            decisions = dict(zip(planned, pool.map(self._decision, planned.values()), strict=True))
        settled = {unit for unit, each in decisions.items() if each.how is How.LEFT_ALONE}
        for name in self.context.run.graph.order if settled else ():
            if self._waits_only_for(settled, name, planned):
                decisions[name] = self._again(name)
                settled |= {name} if decisions[name].how in _NOTHING_TO_APPLY else set()
        return decisions

    def _waits_only_for(self, settled: set[str], name: str, planned: Mapping[str, Planned]) -> bool:
        """Return whether a unit is a preview only because of upstreams that stay as they are."""
        upstreams = self.context.unit(name).upstreams
        waits = {each for each in upstreams if each in planned and planned[each].pending}
        return planned[name].preview and bool(waits) and waits <= settled

    def _again(self, name: str) -> Decision:
        unit = self.context.unit(name)
        try:
            fresh = self.plan_again(unit)
        except OrchError as error:
            fresh = Planned(failure_report(self.context, unit, error))
        return self._decision(fresh)

    def _decision(self, fresh: Planned) -> Decision:
        return decide_unit(self.context, fresh, self.place, self.now)
