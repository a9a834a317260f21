"""Compares one unit with AWS: a refresh-only plan, judged and never applied."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.config.catalogue import Unit
from orchestrator.errors import InterruptedRunError, OrchError
from orchestrator.guard.drift import judge_drift
from orchestrator.report.model import Phase, Status, UnitPhase, UnitReport
from orchestrator.report.values.changes import change_lines
from orchestrator.run.context import RunContext
from orchestrator.run.unit.prepare import prepare_unit
from orchestrator.run.unit.progress import progress_callback, warning_callback
from orchestrator.run.unit.reports import failure_report, unit_report
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.terraform.plan.reader import read_plan

NOTHING = "nothing there"


def drift_unit(context: RunContext, unit: Unit) -> UnitReport:
    """Compare one unit with AWS. A failure is a report, never an exception."""
    try:
        return _drift(context, unit)
    except OrchError as error:
        return failure_report(context, unit, error)


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
        return replace(
            unit_report(context, unit, Status.UNCHANGED), findings=judge.waiver_policy.apply(ready.scanned.findings)
        )
    judge.load_checks_in_background()
    json_file = out.with_suffix(".drift.json")
    context.terraform.cli.show_json(root, out, json_file)
    record = read_plan(out, json_file)
    context.run.sink(UnitPhase(unit.id, Phase.JUDGE))
    verdict, drift = judge_drift(judge, unit, record, more=ready.scanned.findings)
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
