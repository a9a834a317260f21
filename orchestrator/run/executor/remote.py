"""The executor of a Dask cluster: one task for each step of a unit, whose inputs and results go through a state bucket.

Order, approval and the journal stay here. After a step, its files are where a step of this machine leaves them, so that
``apply``, ``--resume`` and ``show`` need not know where it worked.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.render.values import has_unknown
from orchestrator.report.model import UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.executor.cluster import Cluster
from orchestrator.run.executor.records import StepKind
from orchestrator.run.executor.remote_apply import RemoteApply
from orchestrator.run.executor.steering import AllProcesses, RemoteProgress
from orchestrator.run.executor.transport import Transport
from orchestrator.run.interrupt import Stoppable
from orchestrator.run.unit.applier import ApplyEnd, apply_plan
from orchestrator.run.unit.drifter import drift_unit
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.planner import plan_unit
from orchestrator.run.unit.reports import failure_report
from orchestrator.run.unit.upstreams import UpstreamValues


class ClusterExecutor:
    """Works on a cluster, for one run. See `Executor`.

    Args:
        cluster: the connected cluster.
        cold: let each Terraform command start its own providers.
    """

    moves = True

    def __init__(self, cluster: Cluster, *, cold: bool) -> None:
        self._cluster = cluster
        self._transport = Transport(cluster, cold=cold)
        self._progress = RemoteProgress()

    @property
    def slots(self) -> int | None:
        """The slots of all workers when the run began."""
        return self._cluster.slots

    def open(self, context: RunContext) -> None:
        """Begin to show the progress of the workers."""
        self._cluster.listen(context.run.folders.run, lambda form: self._progress.show(context, form))

    def close(self, context: RunContext) -> None:
        """End the run on the workers, and remove its objects from the state buckets."""
        self._cluster.order("end", context.run.folders.run)
        self._transport.remove(context)

    def plan(
        self,
        context: RunContext,
        unit: Unit,
        values: UpstreamValues,
        *,
        destroy: bool = False,
        disarm: tuple[str, ...] = (),
    ) -> Planned:
        """Plan and judge a unit on a worker. When the worker dies, another one plans it."""
        if context.run.stop.is_set():
            # It says that the run was interrupted.
            return plan_unit(context, unit, values, destroy=destroy, disarm=disarm)
        try:
            inputs = self._transport.put_inputs(context, unit, values.values, disarm)
            task = self._transport.task(
                context, unit, StepKind.PLAN, inputs=inputs, pending=values.pending, destroy=destroy
            )
            with self._progress.flying(unit, StepKind.PLAN):
                output = self._transport.read_only(context, unit, task)
            planned = output.planned.read(context.run.folders.root, unit)
        except OrchError as error:
            return Planned(failure_report(context, unit, error, preview=bool(values.pending)))
        folder = context.run.folders.unit(unit)
        known = None not in values.values.values() and not has_unknown(values.values)
        if known and not planned.preview and folder.is_dir():
            context.terraform.renderer.refresh(folder, context.run.folders.shown(unit))
        return planned

    def drift(self, context: RunContext, unit: Unit) -> UnitReport:
        """Compare a unit with AWS on a worker. When the worker dies, another one compares it."""
        if context.run.stop.is_set():
            return drift_unit(context, unit)
        try:
            task = self._transport.task(context, unit, StepKind.DRIFT)
            with self._progress.flying(unit, StepKind.DRIFT):
                return self._transport.read_only(context, unit, task).planned.report
        except OrchError as error:
            return failure_report(context, unit, error)

    def apply(self, context: RunContext, unit: Unit, real: Planned, *, destroy: bool = False) -> ApplyEnd:
        """Apply a unit's judged plan on a worker. When the worker dies, the unit is reported as unknown."""
        if context.run.stop.is_set() or real.receipt is None or real.verdict is None or real.verdict.blocked:
            return apply_plan(context, unit, real, destroy=destroy)  # It says why nothing is applied.
        try:
            with self._progress.flying(unit, StepKind.APPLY):
                return RemoteApply(self._transport, self._progress, context, unit, real, destroy=destroy).run()
        except OrchError as error:
            failure = failure_report(context, unit, error)
            return ApplyEnd(replace(failure, changes=real.report.changes, findings=real.report.findings))
        finally:
            context.aws.states.forget(unit.id)

    def stoppable(self, context: RunContext) -> Stoppable:
        """Return the processes of this machine and of all workers."""
        run = context.run.folders.run
        return AllProcesses(context.terraform.processes, self._progress, lambda order: self._cluster.order(order, run))
