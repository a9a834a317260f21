"""Applies one unit on a worker, at most once. What is known when the worker is lost decides what is reported."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from orchestrator.aws.identity.roles import role_for
from orchestrator.aws.state.work import CLAIMS_PREFIX, WorkStore
from orchestrator.config.catalogue import Unit
from orchestrator.errors import InterruptedRunError, OrchError, UnitError
from orchestrator.report.model import Status
from orchestrator.run.context import RunContext
from orchestrator.run.executor.cluster import TaskLostError
from orchestrator.run.executor.forms import StepOutput
from orchestrator.run.executor.records import Claim, StepKind
from orchestrator.run.executor.steering import Patience, RemoteProgress
from orchestrator.run.executor.transport import Transport
from orchestrator.run.unit.applier import ApplyEnd
from orchestrator.run.unit.backups import record_copy
from orchestrator.run.unit.lock_holders import find_holder
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.role import apply_role, role_fields


@dataclass(frozen=True, slots=True)
class RemoteApply:
    """The apply of one unit.

    Attributes:
        transport: sends the task.
        progress: knows whether a worker has begun it.
        context: the run.
        unit: the unit.
        real: its plan, with receipt and verdict.
        destroy: the plan destroys.
    """

    transport: Transport
    progress: RemoteProgress
    context: RunContext
    unit: Unit
    real: Planned
    destroy: bool

    def run(self) -> ApplyEnd:
        """Record that it begins, send it, and record how it ended.

        Raises:
            OrchError: it was not begun.
        """
        context, unit, receipt = self.context, self.unit, self.real.receipt
        assert receipt is not None and self.real.verdict is not None  # noqa: S101, PT018 - the caller checks both
        inputs = self.transport.put_plan(context, unit, self.real, receipt)
        task = self.transport.task(
            context, unit, StepKind.APPLY, inputs=inputs, claim=self._claim_key, destroy=self.destroy
        )
        role = apply_role(context, unit, self.real.verdict)
        # Before it is sent: a run that is cut off from here on must look at the state first.
        context.run.journal.write(f"{self._verb}-started", unit=unit.id, plan=receipt.plan_sha256, **role_fields(role))
        try:
            result = self.transport.send(context, unit, task, Patience(context, self._withdraw_after_interrupt))
        except TaskLostError as error:
            return self._after_loss(error.why)
        if result.claim is not None:
            return self._unknown(result.claim, "the worker was lost")
        if result.bundle is None and not result.begun:
            self._note_unbegun(result.error)
            if context.run.stop.is_set():
                raise InterruptedRunError(f"{unit.id} was not applied: the run was interrupted")
            raise UnitError(f"{unit.id} was not applied: {result.error}", hint=result.hint or None)
        try:
            output = self.transport.receive(context, unit, result, [task.run, receipt.run])
        except OrchError as error:
            return self._unknown(Claim("", result.worker, ""), str(error))
        self._record(output)
        return ApplyEnd(output.planned.report, overtaken=output.overtaken, objection=output.objection)

    @property
    def _verb(self) -> str:
        return "destroy" if self.destroy else "apply"

    @property
    def _claim_key(self) -> str:
        """The key of the claim: a plan is applied at most once in a run."""
        plan = self.real.receipt.plan_sha256 if self.real.receipt is not None else ""
        return f"{CLAIMS_PREFIX}{self.context.run.folders.run}/{self.unit.folder}/{plan[:16]}.json"

    def _record(self, output: StepOutput) -> None:
        """Write what the worker wrote to its journal to that of the run."""
        journal = self.context.run.journal
        worker = output.planned.report.worker
        ended = False
        for record in output.records:
            fields: dict[str, Any] = {key: value for key, value in record.items() if key != "event"}
            if record["event"] != f"{self._verb}-started":
                journal.note(str(record["event"]), **{**fields, "worker": worker})
            ended = ended or record["event"] == f"{self._verb}-ended"
        if not ended:
            self._note_unbegun(output.planned.report.cause, worker=worker)
        for entry in output.copies:
            record_copy(self.context, entry)

    def _note_unbegun(self, cause: str, **more: str) -> None:
        self.context.run.journal.note(
            f"{self._verb}-ended", unit=self.unit.id, ok=False, cause=f"not begun: {cause}"[:500], **more
        )

    def _after_loss(self, why: str) -> ApplyEnd:
        """Withdraw an apply whose result is lost: nobody can begin it any more. If somebody had, it is unknown.

        Raises:
            InterruptedRunError, UnitError: it was not begun.
        """
        self.transport.note_lost(self.context)
        try:
            found = self._withdraw()
        except OrchError as error:
            return self._unknown(Claim("", "a worker", ""), f"{why}, and its claim cannot be read ({error.what})")
        if found is not None:
            return self._unknown(found, why)
        self._note_unbegun(why)
        if self.context.run.stop.is_set():
            raise InterruptedRunError(f"{self.unit.id} was not applied: the run was interrupted before it began")
        raise UnitError(f"{self.unit.id} was not applied: {why} before it began", hint="see the logs of the workers")

    def _withdraw(self) -> Claim | None:
        """Claim the apply so that no worker can begin it. Return None when nobody had, else who had.

        Raises:
            OrchError: the claim cannot be written or read.
        """
        mine = Claim(
            secrets.token_hex(16), f"{platform.node()} (withdrawn)", datetime.now(UTC).isoformat(timespec="seconds")
        )
        account = self.context.catalogue.account_of(self.unit)
        store = WorkStore(self.context.aws.identities)
        found: Mapping[str, Any] = store.claim(account, role_for(self.unit, write=True), self._claim_key, mine.form())
        return None if found.get("id") == mine.id else Claim(**found)

    def _withdraw_after_interrupt(self) -> bool:
        """Return whether the apply had not begun, and now never will."""
        if self.progress.begun(self.unit.id):
            return False
        try:
            begun = self._withdraw() is not None
        except OrchError:
            return False
        if begun:
            self.progress.note_begun(self.unit.id)
        return not begun

    def _unknown(self, claim: Claim, why: str) -> ApplyEnd:
        """Report what is known of an apply that began and whose end nobody saw. Its journal has no end either."""
        context, unit = self.context, self.unit
        since = f" at {claim.at}" if claim.at else ""
        todo = "`orch destroy` again" if self.destroy else f"`orch apply --resume {context.run.folders.run}`"
        cause = (
            f"its apply began on {claim.worker}{since}, and nobody knows how it ended: {why}. {self._lock()}. "
            f"Terraform may still run there. {todo} looks at the lock and the state before it goes on"
        )
        context.run.journal.note("unknown", unit=unit.id, worker=claim.worker, cause=cause[:500])
        report = replace(self.real.report, status=Status.UNKNOWN, cause=cause, worker=claim.worker)
        return ApplyEnd(report)

    def _lock(self) -> str:
        try:
            held = self.context.aws.locks.read(self.unit)
        except OrchError as error:
            return f"Its lock cannot be read ({error.what})"
        if held is None:
            return "Its state is not locked"
        holder = find_holder(held.lock, self.unit, self.context.catalogue.root)
        return f"Its state is locked by {holder.sentence()}"
