"""Finds what changed outside of Terraform since the last apply: refresh-only plans, judged and never applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.config.catalogue import Unit
from orchestrator.errors import InterruptedRunError
from orchestrator.guard.drift import changed_outside, judge_drift
from orchestrator.report.model import Phase, Status, UnitPhase, UnitReport
from orchestrator.report.values.changes import change_lines
from orchestrator.run.context import RunContext
from orchestrator.run.loop import LoopSpec, run_units
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.prepare import prepare_unit
from orchestrator.run.unit.progress import progress_callback, warning_callback
from orchestrator.run.unit.reports import unit_report
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.terraform.plan.reader import read_plan

NOTHING = "nothing there"


def drift_units(context: RunContext) -> Mapping[str, UnitReport]:
    """Compare every unit of the run with AWS. No unit waits for what another one finds.

    Returns:
        The report of each unit, in graph order.
    """
    fail_fast = context.run.options.fail_fast

    def unblocks_downstreams(planned: Planned) -> bool:
        return not (fail_fast and planned.report.status in {Status.FAILED, Status.INTERRUPTED})

    step = LoopSpec(
        command="drift",
        work=lambda unit, _: Planned(_drift(context, unit)),
        record=lambda planned: context.run.journal.write(
            "ended", unit=planned.report.unit, status=planned.report.status.value
        ),
        unblocks_downstreams=unblocks_downstreams,
        fail_fast=fail_fast,
        shows_blocked=True,
    )
    return {unit: planned.report for unit, planned in run_units(context, step).items()}


def _drift(context: RunContext, unit: Unit) -> UnitReport:
    state = context.aws.states.read(unit)
    if state is None or not state.addresses:
        return unit_report(context, unit, Status.UNCHANGED, cause=NOTHING)
    values = UpstreamValues(values=Upstreams(context.catalogue, context.aws.states).for_apply(unit), pending=())
    root = context.root(unit, preview=False)
    ready = prepare_unit(context, unit, values, root, check_stop=lambda: _check_stop(context, unit))
    _check_stop(context, unit)
    context.run.sink(UnitPhase(unit.id, Phase.PLAN))
    out = context.run.folders.plan(unit).with_suffix(".drift")
    out.parent.mkdir(parents=True, exist_ok=True)
    changed = context.terraform.cli.plan(
        root,
        out=out,
        timeout=context.run.options.timeout or unit.timeouts.plan,
        on_line=progress_callback(context.run.sink, unit.id),
        on_warning=warning_callback(context.run.sink, unit.id),
        refresh_only=True,
    )
    judge = context.guard.judge
    if not changed:
        return replace(unit_report(context, unit, Status.UNCHANGED), findings=judge.waiver_policy.apply(ready.findings))
    judge.load_checks_in_background()
    json_file = out.with_suffix(".drift.json")
    context.terraform.cli.show_json(root, out, json_file)
    record = read_plan(out, json_file)
    context.run.sink(UnitPhase(unit.id, Phase.JUDGE))
    verdict = judge_drift(judge, unit, record, more=ready.findings)
    drift = changed_outside(record.drift)
    status = Status.BLOCKED if verdict.blocked else Status.DRIFTED if drift else Status.UNCHANGED
    lines = change_lines(replace(record, changes=drift))
    return replace(unit_report(context, unit, status), changes=lines, findings=verdict.findings)


def _check_stop(context: RunContext, unit: Unit) -> None:
    """Raise when the run was interrupted.

    Raises:
        InterruptedRunError: it was.
    """
    if context.run.stop.is_set():
        message = f"{unit.id} was not compared: the run was interrupted"
        raise InterruptedRunError(message)
