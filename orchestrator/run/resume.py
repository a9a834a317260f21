"""``orch apply --resume``: continues what a past run had approved, unit by unit.

A unit whose apply is done stays unchanged. A unit whose apply had not begun is applied from its saved plan, if
everything that its receipt binds is unchanged and the configuration and upstreams still render the same root. Any other
unit is planned again, and applied only if the new plan does nothing that the approved one did not announce. Nobody is
asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Unit, declared_outputs
from orchestrator.errors import ApprovalError, BlockedError, OrchError, UnitError
from orchestrator.guard.receipt.freeze import WRITTEN_BY_APPLY
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.report.model import Notice, Status, UnitReport
from orchestrator.report.values.changes import change_lines
from orchestrator.run.checks.blocked import blocked_report
from orchestrator.run.context import RunContext
from orchestrator.run.history.past_approval import ApplyState, Approval, Progress
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.unsaved_state import UnsavedState, unsaved_in
from orchestrator.run.unit.lock_holders import refuse_locked, wait_for_lock
from orchestrator.run.unit.planned import Planned, load_plan
from orchestrator.run.unit.publish import publish_state
from orchestrator.run.unit.push_state import push_unsaved
from orchestrator.run.unit.receipts import record_writes
from orchestrator.run.unit.reports import failure_report, unit_report
from orchestrator.run.unit.upstreams import Upstreams
from orchestrator.terraform.model import PlanRecord, StateRecord
from orchestrator.terraform.plan.reader import empty_plan
from orchestrator.terraform.setup.lock_file import LOCK_FILE


@dataclass(frozen=True, slots=True)
class Resume:
    """Continues one approval. Safe to use from several threads.

    Attributes:
        context: the run.
        approval: the approval to continue.
    """

    context: RunContext
    approval: Approval

    def planned(self) -> Mapping[str, Planned]:
        """Load the approved plan of each unit. A plan that cannot be used becomes a report that shows why."""
        return {id_: self._planned(self.context.unit(id_)) for id_ in self.context.run.graph.order}

    def recheck(self, unit: Unit, before: Planned) -> Planned:
        """Decide what to do with a unit right before its turn, when its upstreams are done.

        Args:
            unit: the unit.
            before: what was approved for it.

        Returns:
            a plan to apply; a preview, which is planned again and compared; or a plan without changes when the unit's
            apply is done.

        Raises:
            OrchError: the unit's state is locked, differs from the journal, or cannot be read.
        """
        progress = self._progress(unit)
        for state in self._unsaved(unit):
            push_unsaved(self.context, unit, state)
        if progress.state is ApplyState.DONE:
            return self._done(unit, progress)
        if before.report.status is Status.UNCHANGED and not before.preview:
            return before
        wait_for_lock(self.context, unit)
        refuse_locked(self.context, unit)
        if progress.state is ApplyState.STARTED:
            self._record_interrupted_apply(unit, progress)
            if self.context.run.options.replace:
                message = f"{unit.id} was cut off while --replace replaced resources in it"
                raise ApprovalError(message, hint=f"orch plan {unit.id} shows the remaining changes")
            return _as_preview(before)
        if before.preview:
            return before
        why = self._root_difference(unit) or self._receipt_mismatch(unit)
        if why:
            self.context.run.sink(
                Notice(text=f"{why}: planning it again to compare it with what was approved", unit=unit.id)
            )
            return _as_preview(before)
        return self._ready(unit, before)

    def _progress(self, unit: Unit) -> Progress:
        return self.approval.progress.get(unit.id, Progress())

    def _unsaved(self, unit: Unit) -> Iterator[UnsavedState]:
        for past in self.approval.runs:
            yield from (state for state in unsaved_in(past.folder) if state.folder == unit.folder)

    def _planned(self, unit: Unit) -> Planned:
        context, run = self.context, self.approval.first.run
        empty = unit_report(context, unit, Status.SKIPPED)
        if (blocked := blocked_report(context.guard.blocked, unit, empty)) is not None:
            return Planned(blocked)
        fields = self.approval.planned.get(unit.id)
        if fields is None:
            error = ApprovalError(f"run {run} did not plan {unit.id}", hint=f"orch apply {unit.id}")
            return Planned(failure_report(context, unit, error))
        status = Status(str(fields["status"]))
        preview = bool(fields["preview"])
        cause = f"not approved in run {run}: orch apply {unit.id}"
        report = unit_report(context, unit, status, preview=preview, cause=cause)
        if not Planned(report).may_proceed:
            return Planned(report)
        return self._approved(unit, fields, replace(report, cause=""))

    def _approved(self, unit: Unit, fields: Mapping[str, Any], report: UnitReport) -> Planned:
        if report.status is Status.AFTER_UPSTREAMS:
            return Planned(report)
        folders = self._folders(self.approval.first.run)
        try:
            record = load_plan(folders, unit, fields)
        except OrchError as error:
            if self._progress(unit).state is ApplyState.DONE:
                return Planned(report, plan=empty_plan(folders.plan(unit)))
            return Planned(failure_report(self.context, unit, error))
        return Planned(replace(report, changes=change_lines(record)), plan=record)

    def _done(self, unit: Unit, progress: Progress) -> Planned:
        """Return a unit whose apply is done as unchanged, if its state is the one that was written or a later one."""
        state = self.context.aws.states.refresh(unit)
        if progress.serial is not None and not _follows(state, progress):
            found = f"has serial {state.serial} of {state.lineage}" if state is not None else "is gone"
            expected = f"run {progress.run} wrote serial {progress.serial} of {progress.lineage}"
            message = f"the state of {unit.id} {found}, but {expected}"
            hint = "check the versions of the state object in its bucket before you apply anything"
            raise UnitError(message, hint=hint)
        moved = progress.serial is not None and state is not None and state.serial > progress.serial
        publish_state(self.context, unit, evaluated=() if moved else declared_outputs(self.context.catalogue, unit))
        cause = f"done in run {progress.run}" + (", changed again since" if moved else "")
        report = unit_report(self.context, unit, Status.UNCHANGED, cause=cause)
        return Planned(report, plan=empty_plan(self.context.run.folders.plan(unit)))

    def _record_interrupted_apply(self, unit: Unit, progress: Progress) -> None:
        """Record what an apply that was cut off wrote, in its receipt and in the ledger."""
        with suppress(BlockedError):  # Without a receipt nothing can be recorded; orch verify reports the state.
            receipt = Receipt.read(self._folders(progress.run).receipt(unit))
            if receipt.wrote is None and receipt.plan_sha256 == progress.plan:
                record_writes(self.context, unit, receipt, ok=False)
        publish_state(self.context, unit)

    def _root_difference(self, unit: Unit) -> str:
        """Return why the approved root is not the one that is rendered now; empty when it is."""
        values = Upstreams(self.context.catalogue, self.context.aws.states).for_apply(unit)
        fresh = self.context.run.folders.unit(unit)
        self.context.terraform.renderer.render(unit, values, fresh)
        approved = self._folders(self.approval.first.run).unit(unit)
        name = plan_difference(approved, fresh)
        return f"its {name} changed since it was approved" if name else ""

    def _receipt_mismatch(self, unit: Unit) -> str:
        """Return why no receipt proves that the approved plan was judged; empty when one does."""
        try:
            receipt = Receipt.read(self._folders(self.approval.first.run).receipt(unit))
        except BlockedError as error:
            return error.what
        same = receipt.plan_sha256 == self.approval.planned[unit.id].get("plan")
        return "" if same else "its receipt is not that of the approved plan"

    def _ready(self, unit: Unit, before: Planned) -> Planned:
        """Prepare a saved plan to be applied. The apply confirms its receipt and judges its bytes again."""
        folders = self._folders(self.approval.first.run)
        root = replace(self.context.root(unit, preview=False), folder=folders.unit(unit))
        self.context.terraform.cli.init(root, timeout=self.context.run.options.timeout or unit.timeouts.plan)
        receipt = Receipt.read(folders.receipt(unit))
        verdict = self.context.guard.judge.judge(unit, _plan_of(before))
        report = replace(before.report, findings=verdict.findings)
        if verdict.blocked:
            report = replace(report, status=Status.BLOCKED)
        return replace(before, report=report, verdict=verdict, receipt=receipt)

    def _folders(self, run: str) -> RunPaths:
        return RunPaths(root=self.context.run.folders.root, run=run)


def _follows(state: StateRecord | None, progress: Progress) -> bool:
    """Return whether a state is the one that an apply wrote, or a later one."""
    return state is not None and state.lineage == progress.lineage and state.serial >= (progress.serial or 0)


def plan_difference(approved: Path, fresh: Path) -> str:
    """Return the first file by name that differs between two roots or exists in only one; empty when there is none.

    Ignores the provider lock file, which init may have completed, and files that a failed apply leaves.
    """
    one, other = _names(approved), _names(fresh)
    for name in sorted(one ^ other):
        return name
    return next((name for name in sorted(one) if (approved / name).read_bytes() != (fresh / name).read_bytes()), "")


def _names(root: Path) -> set[str]:
    skipped = {LOCK_FILE, *WRITTEN_BY_APPLY}
    names = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return names - skipped


def _as_preview(before: Planned) -> Planned:
    """Return a plan as a preview, so that it is planned again and applied only as announced."""
    return replace(before, report=replace(before.report, preview=True))


def _plan_of(planned: Planned) -> PlanRecord:
    assert planned.plan is not None  # noqa: S101 - a plan to apply was loaded
    return planned.plan
