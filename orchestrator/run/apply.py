"""``orch apply`` after the approval: each unit the moment its upstreams are done, and only as it was announced."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from orchestrator.aws.identity.roles import AnyRole
from orchestrator.config.catalogue import Unit
from orchestrator.errors import BlockedError, InterruptedRunError, OrchError
from orchestrator.guard.receipt.receipt import Receipt, StateMovedError
from orchestrator.report.model import Notice, Phase, RunStarted, Status, UnitDone, UnitPhase, UnitReport
from orchestrator.report.values.changes import scrub
from orchestrator.run.context import Tools
from orchestrator.run.history.paths import Folders
from orchestrator.run.plan import not_run
from orchestrator.run.scheduler import Ended, StepResult, run_graph
from orchestrator.run.unit.backups import save_copies
from orchestrator.run.unit.compare import destroys, unannounced
from orchestrator.run.unit.locking import tell_waits
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.planner import Planner
from orchestrator.run.unit.progress import ChangeDetector, progress_callback, warning_callback
from orchestrator.run.unit.publish import publish_state, repair_published
from orchestrator.run.unit.push_state import tell_unsaved
from orchestrator.run.unit.receipts import confirm, settle
from orchestrator.run.unit.role import role_fields, role_of
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.terraform.failures import StalePlanError
from orchestrator.terraform.model import PlanRecord


class AskAgain(Protocol):
    """Asks a person about one unit whose plan could not be shown before its upstreams were applied."""

    def __call__(self, report: UnitReport) -> bool:
        """Whether the unit may be applied as the report shows it."""


class Look(Protocol):
    """Looks at a unit when its upstreams are done."""

    def __call__(self, unit: Unit, before: Planned) -> Planned:
        """What to do with it. Raises an `OrchError` when it cannot go on."""


@dataclass(frozen=True, slots=True)
class ApplyAll:
    """Applies what was planned and approved.

    Attributes:
        tools: the parts of the run.
        planned: the plans and previews that were approved, by unit.
        ask_again: asked for units that were "after their upstreams"; None with ``--yes``: then such a unit goes on
            only if it deletes, replaces and forgets nothing.
        destroy: the plans destroy.
        look: looks at each unit right before its turn and says what to do with it (a resumed run).
    """

    tools: Tools
    planned: Mapping[str, Planned]
    ask_again: AskAgain | None = None
    destroy: bool = False
    look: Look | None = None

    def run(self) -> Mapping[str, UnitReport]:
        """How every unit ended, in graph order."""
        tools = self.tools
        graph = tools.graph
        units = {unit: graph.upstreams(unit) for unit in graph.order}
        verb = "destroy" if self.destroy else "apply"
        tools.sink(RunStarted(run=tools.folders.run, verb=verb, units=units, slots=tools.options.slots))
        ended = run_graph(
            graph,
            self._work,
            slots=tools.options.slots,
            stop=tools.stop,
            fail_fast=tools.options.fail_fast,
            on_end=self._on_end,
        )
        others = {unit: before.report for unit, before in self.planned.items() if unit not in ended}
        return {**others, **{unit: self._report(end) for unit, end in ended.items()}}

    def _on_end(self, ended: Ended[UnitReport]) -> None:
        report = self._report(ended)
        self.tools.journal.note("ended", unit=ended.unit, status=report.status.value)
        self.tools.sink(UnitDone(report))

    def _report(self, ended: Ended[UnitReport]) -> UnitReport:
        if ended.result is not None:
            return ended.result
        before = self.planned[ended.unit]
        return not_run(self.tools, ended) if before.go_on else before.report

    def _work(self, id_: str) -> StepResult[UnitReport]:
        unit = self.tools.unit(id_)
        started = time.monotonic()
        try:
            report = self._unit(unit, self.planned[id_])
        except OrchError as error:
            shown = self.planned[id_].report
            failure = Planner(self.tools).failure(unit, error)
            report = replace(failure, changes=shown.changes, findings=shown.findings)
        report = replace(report, seconds=time.monotonic() - started)
        return StepResult(report, go_on=report.status in {Status.UNCHANGED, Status.APPLIED, Status.DESTROYED})

    def _unit(self, unit: Unit, before: Planned) -> UnitReport:
        if before.go_on and self.look is not None:
            before = self.look(unit, before)
        if not before.go_on:
            return before.report
        if before.preview:
            values = Upstreams(self.tools.catalogue, self.tools.store).for_apply(unit)
            real = Planner(self.tools).plan(unit, UpstreamValues(values=values, pending=()))
            stopped = self._may_go_on(before, real)
            if stopped is not None:
                return stopped
        else:
            real = before
        if real.report.status is Status.UNCHANGED:
            return self._unchanged(unit, real)
        return self._apply_as_is_or_again(unit, real)

    def _apply_as_is_or_again(self, unit: Unit, real: Planned) -> UnitReport:
        """Apply; when another run was faster, plan anew, and go on only if that does nothing that was not approved.

        The same for a plan that an earlier run made and that cannot be applied as it is any more.
        """
        resumed = real.receipt is not None and real.receipt.run != self.tools.folders.run
        try:
            return self._apply(unit, real)
        except (StalePlanError, StateMovedError):
            if self.destroy or self.tools.stop.is_set():
                raise
            why = "another run was faster"
        except BlockedError as error:
            if not resumed:
                raise
            why = error.what
        self.tools.sink(Notice(text=f"{why}: planning it again", unit=unit.id))
        values = Upstreams(self.tools.catalogue, self.tools.store).for_apply(unit)
        again = Planner(self.tools).plan(unit, UpstreamValues(values=values, pending=()))
        stopped = self._may_go_on(real, again)
        if stopped is not None:
            return stopped
        return again.report if again.report.status is Status.UNCHANGED else self._apply(unit, again)

    def _may_go_on(self, before: Planned, real: Planned) -> UnitReport | None:
        """None when the real plan may be applied; else the report that says why not."""
        if real.plan is None or real.report.status not in {Status.UNCHANGED, Status.PLANNED}:
            return real.report
        if before.plan is not None:
            lines = unannounced(before.plan, real.plan)
            return replace(real.report, status=Status.STALE, cause="; ".join(lines)) if lines else None
        return None if real.plan.empty else self._unseen(real.report, destroys(real.plan))

    def _unseen(self, report: UnitReport, lost: tuple[str, ...]) -> UnitReport | None:
        """A unit that could not be shown before: ask for it again, or go on only if nothing is lost."""
        if self.ask_again is None:
            cause = f"could not be shown before, and would {'; '.join(lost)}"
            return replace(report, status=Status.STALE, cause=cause) if lost else None
        self.tools.sink(UnitPhase(report.unit, Phase.APPROVE))
        if self.ask_again(report):
            return None
        return replace(report, status=Status.DECLINED, cause="you said no")

    def _unchanged(self, unit: Unit, real: Planned) -> UnitReport:
        """Nothing to apply; what others read of it may still have to be written again."""
        if not self.destroy:
            repair_published(self.tools, unit)
        return real.report

    def _apply(self, unit: Unit, real: Planned) -> UnitReport:
        tools = self.tools
        if real.plan is None or real.receipt is None or real.verdict is None:
            message = f"{unit.id}: there is no plan that may be applied"
            raise BlockedError(message, hint="this is a bug in orch: an apply needs a judged plan and its receipt")
        if real.verdict.blocked:
            return real.report
        if tools.stop.is_set():
            message = f"{unit.id} was not applied: the run was interrupted"
            raise InterruptedRunError(message)
        run = real.receipt.run
        role = role_of(tools, unit, real.verdict)
        receipt = self._confirmed(unit, real, real.receipt, role)
        verb = "destroy" if self.destroy else "apply"
        tools.journal.write(f"{verb}-started", unit=unit.id, plan=receipt.plan_sha256, **role_fields(role))
        tools.sink(UnitPhase(unit.id, Phase.DESTROY if self.destroy else Phase.APPLY))
        folder = Folders(root=tools.folders.root, run=run).unit(unit)
        root = replace(tools.root(unit, preview=False), folder=folder, env=tools.apply_environment(unit, role))
        watched = ChangeDetector(progress_callback(tools.sink, unit.id))
        try:
            tools.terraform.apply(
                root,
                real.plan.file,
                timeout=tools.options.timeout or unit.timeouts.apply,
                on_line=tell_waits(tools, unit, watched),
                on_warning=warning_callback(tools.sink, unit.id),
                lock_timeout=tools.options.lock_timeout,
            )
        except StalePlanError:
            tools.journal.write(f"{verb}-ended", unit=unit.id, ok=False, cause="the plan is out of date")
            raise
        except OrchError as error:
            with suppress(OrchError):  # it was told of; why the apply failed matters more
                settle(tools, unit, receipt, ok=False, began=watched.began)
            failed = tell_unsaved(tools, unit, run, self._failed(unit, real.plan, real.report, error))
            tools.journal.note(f"{verb}-ended", unit=unit.id, ok=False, cause=failed.cause[:500])
            return failed
        finally:
            tools.store.forget(unit.id)
        try:
            receipt = settle(tools, unit, receipt, ok=True)
        finally:
            tools.journal.note(f"{verb}-ended", unit=unit.id, ok=True, **_state_of(receipt))
            publish_state(tools, unit)
        return replace(real.report, status=Status.DESTROYED if self.destroy else Status.APPLIED)

    def _confirmed(self, unit: Unit, real: Planned, made: Receipt, role: AnyRole) -> Receipt:
        """The receipt of a plan that may be applied right now, with a copy of what it changes that is protected."""
        tools = self.tools
        plan = real.plan if made.run == tools.folders.run else None
        receipt, plan = confirm(tools, unit, made=made, plan=plan, run=made.run)
        if save_copies(tools, unit, plan, role):  # which may take minutes
            receipt, _ = confirm(tools, unit, made=made, plan=plan, run=made.run)
        return receipt

    def _failed(self, unit: Unit, plan: PlanRecord, shown: UnitReport, error: OrchError) -> UnitReport:
        """A failed apply. What a provider passes on of an API's message may repeat a sensitive value of the plan."""
        failure = Planner(self.tools).failure(unit, error)
        return replace(shown, status=failure.status, cause=scrub(plan, failure.cause), error=scrub(plan, failure.error))


def _state_of(receipt: Receipt) -> dict[str, str | int]:
    """What the journal says of the state that an apply wrote."""
    wrote = receipt.wrote
    return {} if wrote is None else {"lineage": wrote.lineage, "serial": wrote.last}


def publish_again(tools: Tools, planned: Mapping[str, Planned]) -> None:
    """When nothing changes: write again what others read of the units, where it is missing or out of date.

    Raises:
        OrchError: it cannot be written.
    """
    for unit in sorted(planned):
        if planned[unit].report.status is Status.UNCHANGED:
            repair_published(tools, tools.unit(unit))
