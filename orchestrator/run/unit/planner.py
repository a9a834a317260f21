"""Plans one unit: render, init, plan, read, judge, freeze. The steps that preview, plan, apply and destroy share."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import ApprovalError, BlockedError, InterruptedRunError, OrchError, UnitError
from orchestrator.guard.model import Verdict
from orchestrator.guard.receipt.freeze import freeze, hash_file
from orchestrator.report.model import Phase, Status, UnitPhase, UnitReport
from orchestrator.report.values.changes import change_lines
from orchestrator.run.checks.contents import look_inside
from orchestrator.run.context import Tools
from orchestrator.run.unit.holders import in_use
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.prepare import FoundError, PreparedUnit, prepare_unit
from orchestrator.run.unit.progress import progress_callback, warning_callback
from orchestrator.run.unit.receipts import attest
from orchestrator.run.unit.replace import absolute
from orchestrator.run.unit.saved_plan import without_placeholder
from orchestrator.run.unit.upstreams import UpstreamValues
from orchestrator.run.unit.waived import lift_waived
from orchestrator.terraform.commands import Root
from orchestrator.terraform.failures import StateInUseError, TerraformError
from orchestrator.terraform.model import Action, PlanRecord
from orchestrator.terraform.plan.reader import UnreadablePlanError, empty_plan, read_plan
from orchestrator.terraform.plan.unknowns import upstream_marks


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans units with the tools of one run. Safe to use from several threads."""

    tools: Tools

    def plan(self, unit: Unit, inflow: UpstreamValues, *, destroy: bool = False) -> Planned:
        """Plan one unit and judge the plan; a failure is a report, never an exception.

        Args:
            unit: the unit.
            inflow: what its upstreams give; with pending upstreams the result is a preview.
            destroy: plan its destruction.
        """
        started = time.monotonic()
        preview = bool(inflow.pending)
        try:
            planned = self._plan(unit, inflow, preview=preview, destroy=destroy)
        except FoundError as error:
            report = self.report(unit, Status.BLOCKED, preview=preview, cause="no plan was made")
            planned = Planned(replace(report, findings=error.findings))
        except OrchError as error:
            planned = Planned(self.failure(unit, error, preview=preview))
        return replace(planned, report=replace(planned.report, seconds=time.monotonic() - started))

    def failure(self, unit: Unit, error: OrchError, *, preview: bool = False) -> UnitReport:
        """The report of a unit that could not be planned or applied."""
        terraform = error if isinstance(error, TerraformError) else None
        if isinstance(error, InterruptedRunError) or (terraform is not None and terraform.stopped):
            status = Status.INTERRUPTED
        elif isinstance(error, BlockedError):
            status = Status.BLOCKED
        elif isinstance(error, ApprovalError):
            status = Status.STALE
        elif preview and terraform is not None and not terraform.timed_out and not terraform.advice:
            status = Status.AFTER_UPSTREAMS
        else:
            status = Status.FAILED
        return self.report(
            unit,
            status,
            preview=preview,
            cause=self._cause(unit, error),
            error=terraform.block if terraform else "",
        )

    def _cause(self, unit: Unit, error: OrchError) -> str:
        if isinstance(error, StateInUseError):
            return in_use(error.lock, unit, self.tools.catalogue.root)
        if not isinstance(error, TerraformError):
            return str(error)
        return f"{error.first_line} — {error.advice}" if error.advice else error.first_line

    def report(
        self, unit: Unit, status: Status, *, preview: bool = False, cause: str = "", error: str = ""
    ) -> UnitReport:
        """A unit's report with nothing in it but how it ended."""
        folders = self.tools.folders
        return UnitReport(
            unit=unit.id,
            account=unit.account,
            region=unit.region,
            status=status,
            preview=preview,
            cause=cause,
            error=error,
            log=folders.log(unit).relative_to(folders.root).as_posix(),
        )

    def _plan(self, unit: Unit, inflow: UpstreamValues, *, preview: bool, destroy: bool) -> Planned:
        root = self.tools.root(unit, preview=preview)
        out = self.tools.folders.preview_plan(unit) if preview else self.tools.folders.plan(unit)
        ready = prepare_unit(self.tools, unit, inflow, root, check_stop=lambda: self._check_stop(unit))
        kept = lift_waived(self.tools, unit, root.folder)  # after the root for people, which stays as written
        try:
            record = self._run_plan(unit, root, out, destroy=destroy)
        except TerraformError as error:
            blocked = self._judge_errored(unit, root, out, error, ready, preview=preview, destroy=destroy)
            if blocked is None:
                raise
            cause = "; ".join((blocked.report.cause, *kept))
            return replace(blocked, report=replace(blocked.report, cause=cause))
        except UnreadablePlanError as error:
            return self._unreadable(unit, out, error, ready, preview=preview, destroy=destroy)
        return self._judged(unit, root, record, ready, inflow=inflow, destroy=destroy)

    def _run_plan(self, unit: Unit, root: Root, out: Path, *, destroy: bool) -> PlanRecord:
        self._check_stop(unit)
        self.tools.sink(UnitPhase(unit.id, Phase.PLAN))
        out.parent.mkdir(parents=True, exist_ok=True)
        terraform = self.tools.terraform
        changes = terraform.plan(
            root,
            out=out,
            timeout=self._limit(unit),
            on_line=progress_callback(self.tools.sink, unit.id),
            on_warning=warning_callback(self.tools.sink, unit.id),
            destroy=destroy,
            replace=[] if destroy else [absolute(each) for each in self.tools.options.replace],
        )
        if not changes:
            return empty_plan(out)  # Terraform's own word (-detailed-exitcode): reading it would cost seconds
        self.tools.judge.warm_beside()  # imports checkov (2 s, once) while Terraform shows the plan
        return self._read(root, out)

    def _read(self, root: Root, out: Path) -> PlanRecord:
        json_file = out.with_suffix(".json")
        hashed = hash_file(out)  # before its JSON is made: what is judged must be of this very file
        self.tools.terraform.show_json(root, out, json_file)
        return replace(without_placeholder(read_plan(out, json_file)), sha256=hashed)

    def _judged(
        self, unit: Unit, root: Root, record: PlanRecord, ready: PreparedUnit, *, inflow: UpstreamValues, destroy: bool
    ) -> Planned:
        self.tools.sink(UnitPhase(unit.id, Phase.JUDGE))
        preview = bool(inflow.pending)
        verdict = look_inside(self.tools, unit, record, self._judge(unit, record, ready, destroy=destroy))
        frozen = None if preview else freeze(root.folder, record.file, extra=[root.data_dir / "modules"])
        receipt = None
        if frozen is not None and record.json_file is not None:
            receipt = attest(self.tools, unit, record, verdict, frozen, destroy=destroy)
        marks: frozenset[tuple[str, str]] = frozenset()
        if ready.unknown and record.json_file is not None:
            marks = upstream_marks(record.json_file, root.folder, ready.unknown)
        status = Status.BLOCKED if verdict.blocked else Status.UNCHANGED if record.empty else Status.PLANNED
        cause = "previewed against the plans of " + ", ".join(inflow.pending) if preview else ""
        report = replace(
            self.report(unit, status, preview=preview, cause=cause),
            changes=change_lines(record, marks),
            findings=verdict.findings,
            outputs_changed=_changed_outputs(record),
        )
        return Planned(report=report, plan=record, verdict=verdict, frozen=frozen, receipt=receipt)

    def _judge_errored(
        self,
        unit: Unit,
        root: Root,
        out: Path,
        error: TerraformError,
        ready: PreparedUnit,
        *,
        preview: bool,
        destroy: bool,
    ) -> Planned | None:
        """A plan that Terraform saved although it failed: blocked if it shows the loss of something protected.

        That is how ``prevent_destroy`` ends: exit code 1 with a plan that shows the deletion (tried on 1.11.4).
        None when there is no such plan, or nothing protected in it: then the error is the answer.
        """
        if error.stopped or error.timed_out or not out.is_file():
            return None
        try:
            record = self._read(root, out)
        except UnitError:
            return None
        verdict = look_inside(self.tools, unit, record, self._judge(unit, record, ready, destroy=destroy))
        if not any(finding.lost for finding in verdict.findings):
            return None
        report = replace(
            self.report(unit, Status.BLOCKED, preview=preview, cause=error.first_line),
            changes=change_lines(record),
            findings=verdict.findings,
        )
        return Planned(report=report, plan=record, verdict=verdict)

    def _unreadable(
        self, unit: Unit, out: Path, error: UnreadablePlanError, ready: PreparedUnit, *, preview: bool, destroy: bool
    ) -> Planned:
        """A plan whose JSON is not understood may do anything: it is blocked, whatever the guard's own reader says."""
        json_file = out.with_suffix(".json")
        record = PlanRecord(file=out, json_file=json_file, format_version=None, terraform_version=None)
        verdict = self._judge(unit, record, ready, destroy=destroy)
        findings = (
            verdict.findings if verdict.blocked else (*verdict.findings, self.tools.judge.unreadable(unit, error))
        )
        report = self.report(unit, Status.BLOCKED, preview=preview, cause=str(error))
        return Planned(report=replace(report, findings=findings))

    def _judge(self, unit: Unit, record: PlanRecord, ready: PreparedUnit, *, destroy: bool) -> Verdict:
        return self.tools.judge.judge(unit, record, destroy=destroy, more=ready.findings)

    def _limit(self, unit: Unit) -> float:
        return self.tools.options.timeout or unit.timeouts.plan

    def _check_stop(self, unit: Unit) -> None:
        if self.tools.stop.is_set():
            message = f"{unit.id} was not planned: the run was interrupted"
            raise InterruptedRunError(message)


def _changed_outputs(record: PlanRecord) -> tuple[str, ...]:
    return tuple(sorted(name for name, change in record.outputs.items() if change.action is not Action.NOOP))
