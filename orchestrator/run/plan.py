"""``orch plan``: every unit of the selection, each against what its upstreams' plans say."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.errors import OrchError, SetupError
from orchestrator.report.model import RunStarted, Status, UnitDone, UnitReport
from orchestrator.run.checks.inventory import blocked_report
from orchestrator.run.context import Tools
from orchestrator.run.scheduler import Ended, StepResult, UnitOutcome, run_graph
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.planner import Planner
from orchestrator.run.unit.saved_plan import plan_facts
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues

NEW = "new: planned for real when its upstreams are done"
"""Why a unit without a state is not previewed when nobody is asked (``--yes``)."""


@dataclass(frozen=True, slots=True)
class PlanAll:
    """Plans the units of one run in order.

    Attributes:
        tools: the parts of the run.
        preview_new: preview also units that have no state and whose upstreams have changes pending. Without a
            state there is nothing that a plan could delete or replace, so when nobody will read the preview
            (``--yes``) making it only costs time: such a unit is "after its upstreams".
    """

    tools: Tools
    preview_new: bool = True
    _planned: dict[str, Planned] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Mapping[str, Planned]:
        """Every unit's plan or preview, in graph order; the skipped and the failed are reports as well."""
        tools = self.tools
        graph = tools.graph
        tools.sink(
            RunStarted(
                run=tools.folders.run,
                verb="plan",
                units={unit: graph.upstreams(unit) for unit in graph.order},
                slots=tools.options.slots,
            )
        )
        ended = run_graph(
            graph,
            self._work,
            slots=tools.options.slots,
            stop=tools.stop,
            fail_fast=tools.options.fail_fast,
            on_end=self._on_end,
        )
        return {**report_blocked(tools), **{unit: self._planned[unit] for unit in ended}}

    def _work(self, id_: str) -> StepResult[Planned]:
        tools = self.tools
        unit = tools.unit(id_)
        planner = Planner(tools)
        if (held := blocked_report(tools.blocked, planner.report(unit, Status.SKIPPED), unit)) is not None:
            self._planned[id_] = Planned(held)
            return StepResult(self._planned[id_], go_on=False)
        with self._lock:
            so_far = dict(self._planned)
        try:
            inflow = Upstreams(tools.catalogue, tools.store).for_preview(unit, so_far)
            new = bool(inflow.pending) and not self.preview_new and tools.store.read(unit) is None
        except OrchError as error:
            planned = Planned(planner.failure(unit, error))
        else:
            if new:
                planned = Planned(planner.report(unit, Status.AFTER_UPSTREAMS, preview=True, cause=NEW))
            else:
                planned = planner.plan(unit, inflow)
        with self._lock:
            self._planned[id_] = planned
        return StepResult(planned, go_on=planned.go_on)

    def _on_end(self, ended: Ended[Planned]) -> None:
        if ended.result is None:
            self._planned[ended.unit] = Planned(not_run(self.tools, ended))
        report = self._planned[ended.unit].report
        record_planned(self.tools, self._planned[ended.unit])
        self.tools.sink(UnitDone(report))


@dataclass(frozen=True, slots=True)
class PlanDestroy:
    """Plans the destruction of the units of one run; the graph is already the reversed one."""

    tools: Tools

    def run(self) -> Mapping[str, Planned]:
        """Every unit's plan of destruction, in the order in which they would be destroyed."""
        tools = self.tools
        graph = tools.graph
        units = {unit: graph.upstreams(unit) for unit in graph.order}
        tools.sink(RunStarted(run=tools.folders.run, verb="plan", units=units, slots=tools.options.slots))
        # Nothing is read from a unit that is being planned here, so the order matters only to what is shown first.
        ended = run_graph(graph, self._work, slots=tools.options.slots, stop=tools.stop, on_end=self._show)
        return {
            **report_blocked(tools),
            **{id_: end.result or Planned(not_run(tools, end)) for id_, end in ended.items()},
        }

    def _work(self, id_: str) -> StepResult[Planned]:
        tools = self.tools
        unit = tools.unit(id_)
        planner = Planner(tools)
        if (held := blocked_report(tools.blocked, planner.report(unit, Status.SKIPPED), unit)) is not None:
            return StepResult(Planned(held))
        try:
            state = tools.store.read(unit)
            if state is None or not state.addresses:
                return StepResult(Planned(planner.report(unit, Status.UNCHANGED, cause="nothing there")))
            values = Upstreams(tools.catalogue, tools.store).for_apply(unit)
        except OrchError as error:
            planned = Planned(planner.failure(unit, error))
        else:
            planned = planner.plan(unit, UpstreamValues(values=values, pending=()), destroy=True)
        return StepResult(planned)  # whatever is wrong with one, a person sees all that stands in the way

    def _show(self, ended: Ended[Planned]) -> None:
        planned = ended.result or Planned(not_run(self.tools, ended))
        record_planned(self.tools, planned)
        self.tools.sink(UnitDone(planned.report))


def record_planned(tools: Tools, planned: Planned) -> None:
    """Write to the journal what was planned, and keep beside the plan what a resumed run needs of it.

    Raises:
        SetupError: the disk does not take it.
    """
    unit = tools.unit(planned.report.unit)
    try:
        facts = plan_facts(planned)
    except OSError as error:
        message = f"the plan of {unit.id} cannot be kept: {error.strerror}"
        raise SetupError(message, hint="make room on the disk") from error
    tools.journal.write("planned", unit=unit.id, **facts)


def report_blocked(tools: Tools) -> dict[str, Planned]:
    """The reports of what is no unit of the run and stands in its way: they come first."""
    for report in tools.blocked.reports:
        tools.sink(UnitDone(report))
    return {report.unit: Planned(report) for report in tools.blocked.reports}


def not_run(tools: Tools, ended: Ended[Planned] | Ended[UnitReport]) -> UnitReport:
    """The report of a unit that never started."""
    unit = tools.unit(ended.unit)
    planner = Planner(tools)
    if ended.fate is UnitOutcome.SKIPPED:
        return planner.report(unit, Status.SKIPPED, cause=f"{ended.culprit} did not succeed")
    return planner.report(unit, Status.INTERRUPTED, cause="not started")
