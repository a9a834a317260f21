"""``orch apply --resume``: goes on with what a past run had approved, unit by unit, or says why it cannot.

A unit whose apply is done is left alone. One whose apply had not begun is applied from the saved plan, if everything
that its receipt binds is as it was and catalogue and upstreams still give the same root. In all other cases it is
planned again, and goes on only if the new plan does nothing that the approved one did not announce. Nobody is asked
anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Unit
from orchestrator.errors import ApprovalError, BlockedError, OrchError, UnitError
from orchestrator.guard.receipt.freeze import WRITTEN_BY_APPLY
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.report.model import Notice, Status, UnitReport
from orchestrator.report.values.changes import change_lines
from orchestrator.run.blocked import blocked_report
from orchestrator.run.context import RunContext
from orchestrator.run.history.approval import ApplyState, Approval, Progress
from orchestrator.run.history.paths import Folders
from orchestrator.run.history.unsaved_state import UnsavedState, unsaved_in
from orchestrator.run.unit.locking import refuse_locked, wait_for_lock
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.publish import publish_state
from orchestrator.run.unit.push_state import push_unsaved
from orchestrator.run.unit.receipts import record_writes
from orchestrator.run.unit.reports import failure_report, unit_report
from orchestrator.run.unit.saved_plan import load_plan
from orchestrator.run.unit.upstreams import Upstreams
from orchestrator.terraform.model import PlanRecord, StateRecord
from orchestrator.terraform.plan.reader import empty_plan
from orchestrator.terraform.setup.lock_file import LOCK_FILE


@dataclass(frozen=True, slots=True)
class Resume:
    """Goes on with one approval. Safe to use from several threads.

    Attributes:
        context: the run.
        approval: what it goes on with.
    """

    context: RunContext
    approval: Approval

    def planned(self) -> Mapping[str, Planned]:
        """What was approved for each unit of the run, from disk; what cannot be used is a report that says why."""
        return {id_: self._planned(self.context.unit(id_)) for id_ in self.context.run.graph.order}

    def recheck(self, unit: Unit, before: Planned) -> Planned:
        """Right before a unit's turn, when its upstreams are done: what to do with it.

        Args:
            unit: the unit.
            before: what was approved for it.

        Returns:
            a plan to apply as it is; a preview, which is planned for real and compared; or one without changes, when
            its apply is done.

        Raises:
            OrchError: it cannot go on: its state is locked, is not what the journal says, or cannot be read.
        """
        came = self._came(unit)
        for state in self._unsaved(unit):
            push_unsaved(self.context, unit, state)
        if came.came is ApplyState.DONE:
            return self._done(unit, came)
        if before.report.status is Status.UNCHANGED and not before.preview:
            return before
        wait_for_lock(self.context, unit)
        refuse_locked(self.context, unit)
        if came.came is ApplyState.STARTED:
            self._settle(unit, came)
            if self.context.run.options.replace:
                message = f"{unit.id} was cut off while resources of it were replaced (--replace)"
                raise ApprovalError(message, hint=f"orch plan {unit.id} shows what is left to do")
            return _again(before)
        if before.preview:
            return before
        why = self._differs(unit) or self._unproven(unit)
        if why:
            self.context.run.sink(
                Notice(text=f"{why}: it is planned again, and compared with what was approved", unit=unit.id)
            )
            return _again(before)
        return self._ready(unit, before)

    def _came(self, unit: Unit) -> Progress:
        return self.approval.progress.get(unit.id, Progress())

    def _unsaved(self, unit: Unit) -> Iterator[UnsavedState]:
        for past in self.approval.runs:
            yield from (state for state in unsaved_in(past.folder) if state.folder == unit.folder)

    def _planned(self, unit: Unit) -> Planned:
        context, run = self.context, self.approval.first.run
        empty = unit_report(context, unit, Status.SKIPPED)
        if (blocked := blocked_report(context.guard.blocked, unit, empty)) is not None:
            return Planned(blocked)
        facts = self.approval.planned.get(unit.id)
        if facts is None:
            error = ApprovalError(f"run {run} had not planned {unit.id}", hint=f"orch apply {unit.id}")
            return Planned(failure_report(context, unit, error))
        status = Status(str(facts["status"]))
        preview = bool(facts["preview"])
        cause = f"no part of what was approved in run {run}: orch apply {unit.id}"
        report = unit_report(context, unit, status, preview=preview, cause=cause)
        if not Planned(report).go_on:
            return Planned(report)
        return self._approved(unit, facts, replace(report, cause=""))

    def _approved(self, unit: Unit, facts: Mapping[str, Any], report: UnitReport) -> Planned:
        if report.status is Status.AFTER_UPSTREAMS:
            return Planned(report)
        folders = self._folders(self.approval.first.run)
        try:
            record = load_plan(folders, unit, facts)
        except OrchError as error:
            if self._came(unit).came is ApplyState.DONE:
                return Planned(report, plan=empty_plan(folders.plan(unit)))
            return Planned(failure_report(self.context, unit, error))
        return Planned(replace(report, changes=change_lines(record)), plan=record)

    def _done(self, unit: Unit, came: Progress) -> Planned:
        """A unit whose apply is done, if its state is the one that the apply left, or a later one."""
        state = self.context.aws.states.refresh(unit)
        if came.serial is not None and not _follows(state, came):
            found = f"has serial {state.serial} of {state.lineage}" if state is not None else "is gone"
            message = f"the state of {unit.id} {found}; run {came.run} left serial {came.serial} of {came.lineage}"
            hint = "look at the versions of the state object in its bucket before anything is applied"
            raise UnitError(message, hint=hint)
        publish_state(self.context, unit)
        moved = came.serial is not None and state is not None and state.serial > came.serial
        cause = f"done in run {came.run}" + (", changed again since" if moved else "")
        report = unit_report(self.context, unit, Status.UNCHANGED, cause=cause)
        return Planned(report, plan=empty_plan(self.context.run.folders.plan(unit)))

    def _settle(self, unit: Unit, came: Progress) -> None:
        """Book what an apply that was cut off wrote: each of its serials has a receipt, and the ledger knows of it."""
        with suppress(BlockedError):  # without its receipt nothing can be booked: orch verify tells of it
            receipt = Receipt.read(self._folders(came.run).receipt(unit))
            if receipt.wrote is None and receipt.plan_sha256 == came.plan:
                record_writes(self.context, unit, receipt, ok=False)
        publish_state(self.context, unit)

    def _differs(self, unit: Unit) -> str:
        """Why the root that was approved is not the one that catalogue and upstreams give now; empty when it is."""
        values = Upstreams(self.context.catalogue, self.context.aws.states).for_apply(unit)
        fresh = self.context.run.folders.unit(unit)
        self.context.terraform.renderer.render(unit, values, fresh)
        approved = self._folders(self.approval.first.run).unit(unit)
        name = plan_difference(approved, fresh)
        return f"its {name} is not as it was when it was approved" if name else ""

    def _unproven(self, unit: Unit) -> str:
        """Why no receipt proves that the approved plan was judged; empty when one does."""
        try:
            receipt = Receipt.read(self._folders(self.approval.first.run).receipt(unit))
        except BlockedError as error:
            return error.what
        same = receipt.plan_sha256 == self.approval.planned[unit.id].get("plan")
        return "" if same else "its receipt is not of the plan that was approved"

    def _ready(self, unit: Unit, before: Planned) -> Planned:
        """A saved plan, ready to be applied; its receipt is confirmed and its bytes are judged again by the apply."""
        folders = self._folders(self.approval.first.run)
        root = replace(self.context.root(unit, preview=False), folder=folders.unit(unit))
        self.context.terraform.cli.init(root, timeout=self.context.run.options.timeout or unit.timeouts.plan)
        receipt = Receipt.read(folders.receipt(unit))
        verdict = self.context.guard.judge.judge(unit, _record(before))
        report = replace(before.report, findings=verdict.findings)
        if verdict.blocked:
            report = replace(report, status=Status.BLOCKED)
        return replace(before, report=report, verdict=verdict, receipt=receipt)

    def _folders(self, run: str) -> Folders:
        return Folders(root=self.context.run.folders.root, run=run)


def _follows(state: StateRecord | None, came: Progress) -> bool:
    """Whether a state is what an apply left, or what followed on it."""
    return state is not None and state.lineage == came.lineage and state.serial >= (came.serial or 0)


def plan_difference(approved: Path, fresh: Path) -> str:
    """The first file by name that differs between two roots, or is in one alone; empty when there is none.

    The provider lock file is left out: init may have completed it. So is what an apply that went wrong leaves.
    """
    one, other = _names(approved), _names(fresh)
    for name in sorted(one ^ other):
        return name
    return next((name for name in sorted(one) if (approved / name).read_bytes() != (fresh / name).read_bytes()), "")


def _names(root: Path) -> set[str]:
    skipped = {LOCK_FILE, *WRITTEN_BY_APPLY}
    names = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return names - skipped


def _again(before: Planned) -> Planned:
    """A plan as a preview: it is planned for real, and goes on only with what was announced."""
    return replace(before, report=replace(before.report, preview=True))


def _record(planned: Planned) -> PlanRecord:
    assert planned.plan is not None  # noqa: S101 - a plan to be applied was loaded
    return planned.plan
