"""``orch drift``: what changed outside since the last apply, unit by unit: refresh-only, judged, never applied."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.config.catalogue import Unit
from orchestrator.errors import InterruptedRunError, OrchError
from orchestrator.guard.drift import changed_outside, judge_drift
from orchestrator.report.model import Phase, RunStarted, Status, UnitDone, UnitPhase, UnitReport
from orchestrator.report.values.changes import change_lines
from orchestrator.run.checks.inventory import blocked_report
from orchestrator.run.context import Tools
from orchestrator.run.plan import not_run
from orchestrator.run.scheduler import Ended, StepResult, run_graph
from orchestrator.run.unit.planner import Planner
from orchestrator.run.unit.prepare import FoundError, prepare_unit
from orchestrator.run.unit.progress import progress_callback, warning_callback
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.terraform.plan.reader import read_plan

NOTHING = "nothing there"


@dataclass(frozen=True, slots=True)
class DriftAll:
    """Looks at the units of one run. No unit waits for what another one finds."""

    tools: Tools

    def run(self) -> Mapping[str, UnitReport]:
        """How every unit is, in graph order."""
        tools = self.tools
        graph = tools.graph
        units = {unit: graph.upstreams(unit) for unit in graph.order}
        tools.sink(RunStarted(run=tools.folders.run, verb="drift", units=units, slots=tools.options.slots))
        for report in tools.blocked.reports:  # what is no unit any more, and still has something protected
            tools.sink(UnitDone(report))
        ended = run_graph(
            graph,
            self._work,
            slots=tools.options.slots,
            stop=tools.stop,
            fail_fast=tools.options.fail_fast,
            on_end=self._on_end,
        )
        found = {report.unit: report for report in tools.blocked.reports}
        return {**found, **{unit: self._report(end) for unit, end in ended.items()}}

    def _on_end(self, ended: Ended[UnitReport]) -> None:
        report = self._report(ended)
        self.tools.journal.write("ended", unit=ended.unit, status=report.status.value)
        self.tools.sink(UnitDone(report))

    def _report(self, ended: Ended[UnitReport]) -> UnitReport:
        return ended.result if ended.result is not None else not_run(self.tools, ended)

    def _work(self, id_: str) -> StepResult[UnitReport]:
        unit = self.tools.unit(id_)
        planner = Planner(self.tools)
        started = time.monotonic()
        try:
            report = self._unit(unit, planner)
        except FoundError as error:
            report = replace(planner.report(unit, Status.BLOCKED, cause="no plan was made"), findings=error.findings)
        except OrchError as error:
            report = planner.failure(unit, error)
        ended = report.status in {Status.FAILED, Status.INTERRUPTED}
        return StepResult(replace(report, seconds=time.monotonic() - started), go_on=not (ended and self._fail_fast))

    @property
    def _fail_fast(self) -> bool:
        return self.tools.options.fail_fast

    def _unit(self, unit: Unit, planner: Planner) -> UnitReport:
        tools = self.tools
        held = blocked_report(tools.blocked, planner.report(unit, Status.SKIPPED), unit)
        if held is not None:
            return held
        state = tools.store.read(unit)
        if state is None or not state.addresses:
            return planner.report(unit, Status.UNCHANGED, cause=NOTHING)
        inflow = UpstreamValues(values=Upstreams(tools.catalogue, tools.store).for_apply(unit), pending=())
        root = tools.root(unit, preview=False)
        ready = prepare_unit(tools, unit, inflow, root, check_stop=lambda: self._check_stop(unit))
        self._check_stop(unit)
        tools.sink(UnitPhase(unit.id, Phase.PLAN))
        out = tools.folders.plan(unit).with_suffix(".drift")
        out.parent.mkdir(parents=True, exist_ok=True)
        changed = tools.terraform.plan(
            root,
            out=out,
            timeout=tools.options.timeout or unit.timeouts.plan,
            on_line=progress_callback(tools.sink, unit.id),
            on_warning=warning_callback(tools.sink, unit.id),
            refresh_only=True,
        )
        if not changed:
            allowed = tools.judge.allowance.allow(ready.findings)
            return replace(planner.report(unit, Status.UNCHANGED), findings=allowed)
        tools.judge.warm_beside()
        json_file = out.with_suffix(".drift.json")
        tools.terraform.show_json(root, out, json_file)
        record = read_plan(out, json_file)
        tools.sink(UnitPhase(unit.id, Phase.JUDGE))
        verdict = judge_drift(tools.judge, unit, record, more=ready.findings)
        drift = changed_outside(record.drift)
        status = Status.BLOCKED if verdict.blocked else Status.DRIFTED if drift else Status.UNCHANGED
        lines = change_lines(replace(record, changes=drift))
        return replace(planner.report(unit, status), changes=lines, findings=verdict.findings)

    def _check_stop(self, unit: Unit) -> None:
        if self.tools.stop.is_set():
            message = f"{unit.id} was not looked at: the run was interrupted"
            raise InterruptedRunError(message)
