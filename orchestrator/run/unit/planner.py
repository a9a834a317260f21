"""Plans one unit: render, init, plan, read, judge, freeze. Preview, plan, apply and destroy share these steps."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from orchestrator.config.catalogue import Unit, input_references, provider_references
from orchestrator.errors import InterruptedRunError, OrchError, UnitError
from orchestrator.guard.attribute_source import AttributeSource
from orchestrator.guard.findings import VANISHED, headline
from orchestrator.guard.model import Verdict
from orchestrator.guard.receipt.freeze import freeze, hash_file
from orchestrator.guard.rules.undecided import DECIDED, Undecided
from orchestrator.render.values import has_unknown, lookup
from orchestrator.report.model import Judged, Notice, Phase, Status, UnitPhase, UnitReport
from orchestrator.report.text import PREVIEWED_AGAINST
from orchestrator.report.values.changes import change_lines, unplanned_deletes
from orchestrator.run.context import RunContext
from orchestrator.run.replace import module_address
from orchestrator.run.unit.count_losses import count_contents
from orchestrator.run.unit.lock_holders import OvertakenError, refuse_overtaken
from orchestrator.run.unit.planned import Planned, without_placeholder
from orchestrator.run.unit.prepare import PreparedUnit, lift_waived, prepare_unit, with_retries, write_switches
from orchestrator.run.unit.progress import progress_callback, warning_callback
from orchestrator.run.unit.receipts import make_receipt
from orchestrator.run.unit.reports import failure_report, unit_report
from orchestrator.run.unit.upstreams import UpstreamValues
from orchestrator.terraform.commands import Root
from orchestrator.terraform.failures import TerraformError
from orchestrator.terraform.model import Action, PlanRecord
from orchestrator.terraform.plan.reader import UnreadablePlanError, empty_plan, read_plan
from orchestrator.terraform.plan.unknowns import UpstreamMarks, upstream_marks
from orchestrator.terraform.state.header import planned_from


def plan_unit(
    context: RunContext, unit: Unit, upstream: UpstreamValues, *, destroy: bool = False, disarm: tuple[str, ...] = ()
) -> Planned:
    """Plan one unit and judge the plan. A failure is a report, never an exception.

    Args:
        context: the run.
        unit: the unit.
        upstream: the outputs of its upstreams; with pending upstreams the result is a preview.
        destroy: plan its destruction.
        disarm: addresses: plan only to switch off what protects these resources from deletion.
    """
    started = time.monotonic()
    preview = bool(upstream.pending)
    folders = context.run.folders
    planning = _Planning(
        context=context,
        unit=unit,
        upstream=upstream,
        destroy=destroy,
        disarm=disarm,
        preview=preview,
        root=context.root(unit, preview=preview),
        out=folders.preview_plan(unit) if preview else folders.plan(unit),
    )
    try:
        planned = _run_twice_if_overtaken(planning)
    except OrchError as error:
        planned = Planned(failure_report(context, unit, error, preview=preview))
    return replace(planned, report=replace(planned.report, seconds=time.monotonic() - started))


def _run_twice_if_overtaken(planning: _Planning) -> Planned:
    try:
        return planning.run()
    except OvertakenError as error:
        planning.context.run.sink(Notice(text=f"{error.what}: planning it again", unit=planning.unit.id))
        return planning.run()


@dataclass(frozen=True, slots=True)
class _Planning:
    """The planning of one unit.

    Attributes:
        context: the run.
        unit: the unit.
        upstream: the outputs of its upstreams.
        destroy: plan its destruction.
        disarm: addresses: plan only to switch off what protects these resources from deletion.
        preview: an upstream is pending, so the plan is only shown.
        root: the unit's Terraform root.
        out: where Terraform saves the plan.
    """

    context: RunContext
    unit: Unit
    upstream: UpstreamValues
    destroy: bool
    disarm: tuple[str, ...]
    preview: bool
    root: Root
    out: Path

    def run(self) -> Planned:
        """Render, init, plan, read, judge, freeze.

        Raises:
            OrchError: a step failed.
        """
        if waiting := self._unknown_provider():
            return Planned(self._report(Status.AFTER_UPSTREAMS, waiting))
        ready = prepare_unit(self.context, self.unit, self.upstream, self.root, check_stop=self._check_stop)
        # Only in this run's copy: the root that is written for people stays as rendered.
        not_lifted: tuple[str, ...] = ()
        if self.disarm:
            write_switches(self.context, self.unit, self.root.folder, self.disarm)
        else:
            not_lifted = lift_waived(self.context, self.unit, self.root.folder)
        try:
            record = self._terraform_plan()
        except TerraformError as error:
            blocked = self._blocked_by_errored_plan(error, ready)
            if blocked is None:
                raise
            cause = "; ".join((blocked.report.cause, *not_lifted))
            return replace(blocked, report=replace(blocked.report, cause=cause))
        except UnreadablePlanError as error:
            return self._unreadable(error, ready)
        return self._judged(record, ready)

    def _unknown_provider(self) -> str:
        """Return why no provider can be started yet: an argument of one is known only after an apply."""
        for key, ref in provider_references(self.unit) if self.preview else ():
            if has_unknown(lookup(ref, self.upstream.values)):
                return f"provider {key} is configured with {ref.unit}.{ref.output}, which is known after its apply"
        return ""

    def _unknown_from(self, variables: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return the units whose unknown outputs are in the value of each variable."""
        found: dict[str, set[str]] = {name: set() for name in variables}
        for variable, ref in input_references(self.unit):
            if variable in found and has_unknown(lookup(ref, self.upstream.values)):
                found[variable].add(ref.unit)
        return {name: frozenset(units) for name, units in found.items()}

    def _terraform_plan(self) -> PlanRecord:
        self._check_stop()
        context, unit = self.context, self.unit
        context.run.sink(UnitPhase(unit.id, Phase.PLAN))
        self.out.parent.mkdir(parents=True, exist_ok=True)
        replaced = () if self.destroy or self.disarm else context.run.options.replace
        plan = partial(
            context.terraform.cli.plan,
            self.root,
            out=self.out,
            timeout=context.run.options.timeout or unit.timeouts.plan,
            on_line=progress_callback(context.run.sink, unit.id),
            on_warning=warning_callback(context.run.sink, unit.id),
            destroy=self.destroy,
            replace=[module_address(each) for each in replaced],
            refresh=context.run.options.refresh,
            targets=self.disarm,
        )
        changes = with_retries(context, unit, "plan", plan)
        if not changes:
            self._check_state()
            return empty_plan(self.out)  # Terraform's own answer (-detailed-exitcode): reading the plan costs seconds.
        context.guard.judge.load_checks_in_background()  # The canary runs while Terraform shows the plan.
        return self._read()

    def _read(self) -> PlanRecord:
        self._check_state()
        json_file = self.out.with_suffix(".json")
        hashed = hash_file(self.out)  # Before its JSON is made: what is judged must come from this very file.
        self.context.terraform.cli.show_json(self.root, self.out, json_file)
        return replace(without_placeholder(read_plan(self.out, json_file)), sha256=hashed)

    def _refuse_overtaken(self) -> None:
        """Refuse the plan if it contradicts what exists only because another run changes the unit meanwhile.

        Raises:
            OvertakenError: the state has changed since the plan was made.
            OrchError: somebody holds the state, or it cannot be read.
        """
        try:
            planned_on = planned_from(self.out)
        except OrchError:  # an encrypted plan: only its verdict counts
            return
        refuse_overtaken(self.context, self.unit, planned_on)

    def _check_state(self) -> None:
        """Read the unit's state again, when it is needed next, if the plan was made from another one."""
        states = self.context.aws.states
        try:
            states.forget_unless(self.unit, planned_from(self.out))
        except OrchError:
            states.forget(self.unit.id)

    def _judged(self, record: PlanRecord, ready: PreparedUnit) -> Planned:
        context, unit = self.context, self.unit
        context.run.sink(UnitPhase(unit.id, Phase.JUDGE))
        marks: UpstreamMarks = {}
        if ready.unknown and record.json_file is not None:
            marks = upstream_marks(record.json_file, self.root.folder, self._unknown_from(ready.unknown))
        undecided = Undecided(frozenset(marks), self.upstream.pending)
        verdict = count_contents(context, unit, record, self._judge(record, ready, undecided))
        if any(each.rule == VANISHED and each.blocks for each in verdict.findings):
            self._refuse_overtaken()
        frozen = None
        if not self.preview and context.run.options.refresh:  # Any other plan is never applied.
            frozen = freeze(self.root.folder, record.file, extra=[self.root.data_dir / "modules"])
        receipt = None
        if frozen is not None and record.json_file is not None:
            receipt = make_receipt(context, unit, record, verdict, frozen, destroy=self.destroy)
        status = Status.BLOCKED if verdict.blocked else Status.UNCHANGED if record.empty else Status.PLANNED
        cause = PREVIEWED_AGAINST + ", ".join(self.upstream.pending) if self.preview else ""
        report = replace(
            self._report(status, cause),
            changes=change_lines(record, marks, locate=AttributeSource(unit, context.catalogue.root)),
            findings=verdict.findings,
            outputs_changed=_changed_outputs(record),
            judged=Judged(verdict.checks, verdict.expected),
        )
        return Planned(report=report, plan=record, verdict=verdict, frozen=frozen, receipt=receipt)

    def _blocked_by_errored_plan(self, error: TerraformError, ready: PreparedUnit) -> Planned | None:
        """A plan that Terraform saved although it failed: blocked if it shows the loss of something protected.

        That is how ``prevent_destroy`` ends: exit code 1 with a plan that shows the deletion (measured on 1.11.4).
        None when there is no such plan, or nothing protected in it: then the error is the answer.
        """
        if error.stopped or error.timed_out or not self.out.is_file():
            return None
        try:
            record = self._read()
        except UnitError:
            return None
        verdict = count_contents(self.context, self.unit, record, self._judge(record, ready))
        if not any(finding.lost for finding in verdict.findings):
            return None
        changes = change_lines(record, locate=AttributeSource(self.unit, self.context.catalogue.root))
        if self.destroy and (state := self.context.aws.states.read(self.unit)) is not None:
            changes += unplanned_deletes(changes, state.addresses)
        report = replace(
            self._report(Status.BLOCKED, headline(verdict.findings) or error.first_line),
            changes=changes,
            findings=verdict.findings,
            judged=Judged(verdict.checks, verdict.expected),
        )
        return Planned(report=report, plan=record, verdict=verdict)

    def _unreadable(self, error: UnreadablePlanError, ready: PreparedUnit) -> Planned:
        """A plan whose JSON is not understood may do anything, so it is blocked."""
        record = PlanRecord(file=self.out, json_file=self.out.with_suffix(".json"))
        verdict = self._judge(record, ready)
        findings = verdict.findings
        if not verdict.blocked:
            findings = (*findings, self.context.guard.judge.unreadable(self.unit, error))
        return Planned(report=replace(self._report(Status.BLOCKED, str(error)), findings=findings))

    def _judge(self, record: PlanRecord, ready: PreparedUnit, undecided: Undecided = DECIDED) -> Verdict:
        scanned = ready.scanned
        return self.context.guard.judge.judge(
            self.unit,
            record,
            destroy=self.destroy,
            more=scanned.findings,
            scanned=scanned.entries,
            undecided=undecided,
        )

    def _report(self, status: Status, cause: str) -> UnitReport:
        return unit_report(self.context, self.unit, status, preview=self.preview, cause=cause)

    def _check_stop(self) -> None:
        if self.context.run.stop.is_set():
            message = f"{self.unit.id} was not planned: the run was interrupted"
            raise InterruptedRunError(message)


def _changed_outputs(record: PlanRecord) -> tuple[str, ...]:
    return tuple(sorted(name for name, change in record.outputs.items() if change.action is not Action.NOOP))
