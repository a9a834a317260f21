"""The loop that plan, apply, destroy and drift share: every unit of a run in order, its end recorded and shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.report.model import RunStarted, Status, UnitDone, UnitReport
from orchestrator.run.checks.blocked import blocked_report
from orchestrator.run.context import RunContext
from orchestrator.run.scheduler import StepResult, UnitEnd, UnitOutcome, run_graph
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.reports import failure_report, unit_report

UnitWork = Callable[[Unit, Mapping[str, Planned]], Planned]
"""What a command does with one unit whose upstreams have ended: takes the unit and the results of the units that ended
before, by id. Raises an `OrchError` when it fails."""


@dataclass(frozen=True, slots=True)
class LoopSpec:
    """What differs between the commands.

    Attributes:
        command: the name that is shown.
        work: does the work on one unit.
        record: writes the end of a unit to the journal.
        unblocks_downstreams: whether the downstreams of a unit that ended so may start.
        not_run: the report of a unit that never started; None takes `not_run`.
        fail_fast: start nothing new after the first failure.
        shows_blocked: show the accounts and former units that block the run, before its units.
    """

    command: str
    work: UnitWork
    record: Callable[[Planned], None]
    unblocks_downstreams: Callable[[Planned], bool]
    not_run: Callable[[UnitEnd[Planned]], Planned] | None = None
    fail_fast: bool = False
    shows_blocked: bool = False


def run_units(context: RunContext, step: LoopSpec) -> Mapping[str, Planned]:
    """Run a step over every unit of the run, each as soon as its upstreams have ended.

    Returns:
        The accounts and former units that block the run, if the spec shows them, then each unit, in graph order.
    """
    graph, options = context.run.graph, context.run.options
    units = {unit: graph.upstreams(unit) for unit in graph.order}
    context.run.sink(RunStarted(run=context.run.folders.run, verb=step.command, units=units, slots=options.parallelism))
    blocking = _show_blocked(context) if step.shows_blocked else {}
    loop = _Loop(context, step)
    run_graph(
        graph,
        loop.work,
        slots=options.parallelism,
        stop=context.run.stop,
        fail_fast=step.fail_fast,
        on_end=loop.on_end,
    )
    return {**blocking, **{unit: loop.ended[unit] for unit in graph.order}}


class _Loop:
    """The units of one loop, and how those that ended did."""

    def __init__(self, context: RunContext, step: LoopSpec) -> None:
        self._context = context
        self._step = step
        self._lock = threading.Lock()
        self.ended: dict[str, Planned] = {}

    def work(self, id_: str) -> StepResult[Planned]:
        """Work on one unit, in a worker thread."""
        planned = self._timed(self._context.unit(id_))
        with self._lock:
            self.ended[id_] = planned
        return StepResult(planned, unblocks_downstreams=self._step.unblocks_downstreams(planned))

    def _timed(self, unit: Unit) -> Planned:
        empty = unit_report(self._context, unit, Status.SKIPPED)
        blocked = blocked_report(self._context.guard.blocked, unit, empty)
        if blocked is not None:
            return Planned(blocked)
        with self._lock:
            before = dict(self.ended)
        started = time.monotonic()
        try:
            planned = self._step.work(unit, before)
        except OrchError as error:
            planned = Planned(failure_report(self._context, unit, error))
        report = replace(
            planned.report,
            seconds=time.monotonic() - started,
            providers=self._context.terraform.cli.providers_of(unit.id) or planned.report.providers,
        )
        return replace(planned, report=report)

    def on_end(self, ended: UnitEnd[Planned]) -> None:
        """Record and show the end of a unit, in the thread of the scheduler."""
        if ended.result is None:
            of_step = self._step.not_run
            self.ended[ended.unit] = of_step(ended) if of_step else Planned(not_run(self._context, ended))
        planned = self.ended[ended.unit]
        self._step.record(planned)
        self._context.run.sink(UnitDone(planned.report))


def not_run(context: RunContext, ended: UnitEnd[Planned]) -> UnitReport:
    """Return the report of a unit that never started."""
    unit = context.unit(ended.unit)
    if ended.outcome is UnitOutcome.SKIPPED:
        return unit_report(context, unit, Status.SKIPPED, cause=f"{ended.culprit} did not succeed")
    return unit_report(context, unit, Status.INTERRUPTED, cause="not started")


def _show_blocked(context: RunContext) -> dict[str, Planned]:
    reports = context.guard.blocked.reports
    for report in reports:
        context.run.sink(UnitDone(report))
    return {report.unit: Planned(report) for report in reports}
