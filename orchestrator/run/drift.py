"""Finds what changed outside of Terraform since the last apply: refresh-only plans, judged and never applied."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.report.model import Status, UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.executor.interface import Executor
from orchestrator.run.executor.local import THREADS
from orchestrator.run.loop import LoopSpec, run_units
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.reports import worker_field


def drift_units(context: RunContext, *, executor: Executor = THREADS) -> Mapping[str, UnitReport]:
    """Compare every unit of the run with AWS. No unit waits for what another one finds.

    Args:
        context: the run.
        executor: compares a unit.

    Returns:
        The report of each unit, in graph order.
    """
    fail_fast = context.run.options.fail_fast

    def unblocks_downstreams(planned: Planned) -> bool:
        return not (fail_fast and planned.report.status in {Status.FAILED, Status.INTERRUPTED})

    step = LoopSpec(
        command="drift",
        work=lambda unit, _: Planned(executor.drift(context, unit)),
        record=lambda planned: context.run.journal.write(
            "ended",
            unit=planned.report.unit,
            status=planned.report.status.value,
            **worker_field(planned.report),
        ),
        unblocks_downstreams=unblocks_downstreams,
        fail_fast=fail_fast,
        shows_blocked=True,
    )
    return {unit: planned.report for unit, planned in run_units(context, step).items()}
