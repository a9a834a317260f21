"""Decides what ``orch apply --approved`` may apply: the stored plan of each unit, if it still is what would be planned.

The configuration as it is now is planned first, as by any apply. A stored plan then takes the place of the new one if
nothing that it binds has changed, and if it does nothing that the new plan does not do. So whoever can write where
plans are stored can let a plan be refused, but cannot let anything be applied that nobody merged.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import ApprovalError, OrchError
from orchestrator.guard.receipt.freeze import freeze, hash_file
from orchestrator.report.model import Status
from orchestrator.report.values.changes import change_lines
from orchestrator.run.approved.digest import digest_in
from orchestrator.run.approved.outside import left_alone, only_aws_differs
from orchestrator.run.approved.package import StoredPlan, unpacked
from orchestrator.run.approved.places import PlanPlace
from orchestrator.run.approved.record import StoredRecord
from orchestrator.run.approved.stale import receipts_differ, record_stale, state_stale
from orchestrator.run.context import RunContext
from orchestrator.run.unit.compare import destroys, unannounced
from orchestrator.run.unit.count_losses import count_contents
from orchestrator.run.unit.planned import Planned, without_placeholder
from orchestrator.run.unit.receipts import make_receipt
from orchestrator.run.unit.reports import failure_report
from orchestrator.terraform.model import Action, PlanRecord
from orchestrator.terraform.plan.reader import empty_plan, read_plan
from orchestrator.terraform.state.header import StateHeader, planned_from
from orchestrator.util.files import atomic_file


class How(StrEnum):
    """In which way a unit is applied; see `ApprovedUnit`."""

    EXACT = "as approved"
    UNCHANGED = "no changes"
    WITHIN = "planned again, within the approved preview"
    NOT_PREVIEWED = "was not previewed"
    NOT_APPLIED = "not applied"
    LEFT_ALONE = "changed outside, left as it is"


@dataclass(frozen=True, slots=True)
class Decision:
    """What may be applied of a unit.

    Attributes:
        planned: the stored plan or preview; or a report that says why it is not applied.
        how: in which way it is applied, if its apply succeeds.
        record: the stored record; None if there is none.
    """

    planned: Planned
    how: How
    record: StoredRecord | None = None


def decide_unit(context: RunContext, fresh: Planned, place: PlanPlace, now: datetime) -> Decision:
    """Decide what may be applied of one unit.

    Args:
        context: the run.
        fresh: what this run planned from the configuration as it is now.
        place: where the approved plans are.
        now: the current time, aware.
    """
    unit = fresh.report.unit
    if unit not in context.catalogue.units or not fresh.may_proceed:
        return Decision(fresh, How.NOT_APPLIED)
    return _Approving(context, context.unit(unit), place, now).decide(fresh)


@dataclass(frozen=True, slots=True)
class _Approving:
    """The decision about one unit."""

    context: RunContext
    unit: Unit
    place: PlanPlace
    now: datetime

    def decide(self, fresh: Planned) -> Decision:
        """Return what may be applied. An error is a report, never an exception."""
        record: StoredRecord | None = None
        try:
            if fresh.report.status is Status.UNCHANGED and not fresh.preview:
                return Decision(fresh, How.UNCHANGED, self._record_of_unchanged())
            stored = self._fetched()
            record = stored.record
            self._check_valid(record)
            return self._compared(fresh, stored)
        except OrchError as error:
            if isinstance(error, ApprovalError) and only_aws_differs(self.context, self.unit, fresh, record):
                return Decision(left_alone(fresh), How.LEFT_ALONE)
            failed = failure_report(self.context, self.unit, error, preview=fresh.preview)
            shown = replace(failed, changes=fresh.report.changes, findings=fresh.report.findings)
            return Decision(Planned(shown), How.NOT_APPLIED, record)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _folder(self) -> Path:
        """Where the stored plan is unpacked; it contains secrets."""
        return self.context.run.folders.of_run / "approved" / self.unit.folder

    def _record_of_unchanged(self) -> StoredRecord | None:
        """Return what is stored of a unit that has nothing to apply; whatever is wrong with it does not matter."""
        try:
            record = self._fetched().record
            self._check_valid(record)
        except OrchError:
            return None
        return record

    def _fetched(self) -> StoredPlan:
        """Fetch the stored plan.

        Raises:
            ApprovalError: there is none.
            BlockedError: it was changed.
            OrchError: it cannot be read.
        """
        context, unit = self.context, self.unit
        digest = digest_in(context, unit)
        archive = self._folder.with_suffix(".tar.gz")
        try:
            if not self.place.get(context, unit, digest, archive):
                raise self._missing()
            return unpacked(archive, self._folder, unit=unit.id, digest=digest)
        finally:
            archive.unlink(missing_ok=True)

    def _check_valid(self, record: StoredRecord) -> None:
        """Check that the record of a stored plan allows it to be applied.

        Raises:
            ApprovalError: it is stale.
        """
        account = self.context.catalogue.account_of(self.unit)
        policies = self.context.guard.judge.policies.digest
        why = record_stale(record, now=self.now, account_id=account.id, policies=policies)
        if why:
            raise self._stale(record, why)

    def _compared(self, fresh: Planned, stored: StoredPlan) -> Decision:
        record = stored.record
        if record.status is Status.AFTER_UPSTREAMS:
            return self._not_previewed(fresh, record)
        if fresh.plan is not None and (why := state_stale(record, _base(fresh.plan))):
            raise self._stale(record, why)
        if record.preview:
            return self._preview(fresh, stored)
        if fresh.preview:
            waits = "an upstream has changes that were not there when it was planned"
            raise self._stale(record, waits)
        if record.status is Status.UNCHANGED or stored.receipt is None or not record.plan_sha256:
            raise self._stale(record, "it had no changes when it was planned, and has some now")
        return Decision(self._exact(fresh, stored), How.EXACT, record)

    def _not_previewed(self, fresh: Planned, record: StoredRecord) -> Decision:
        """Decide about a unit that could not be previewed: what it loses was shown to nobody."""
        if fresh.preview:
            report = replace(fresh.report, status=Status.AFTER_UPSTREAMS, changes=())
            return Decision(Planned(report), How.NOT_PREVIEWED, record)
        if fresh.plan is not None and (lost := destroys(fresh.plan)):
            raise self._stale(record, f"it was not previewed, and would {'; '.join(lost)}")
        return Decision(fresh, How.NOT_PREVIEWED, record)

    def _preview(self, fresh: Planned, stored: StoredPlan) -> Decision:
        """Decide about a unit that is planned again after its upstreams are applied, or that was just planned again."""
        file = self.context.run.folders.preview_plan(self.unit)
        shown = empty_plan(file)
        if stored.record.json_sha256 and stored.record.plan_sha256:
            _install(stored.json_file, file.with_suffix(".json"))  # A resumed run reads it there.
            _install(stored.plan, file)
            shown = without_placeholder(read_plan(file, file.with_suffix(".json")))
        if fresh.plan is not None and (lines := unannounced(shown, fresh.plan)):
            raise self._stale(stored.record, "; ".join(lines))
        if not fresh.preview:
            return Decision(fresh, How.WITHIN, stored.record)
        report = replace(fresh.report, status=stored.record.status, changes=change_lines(shown))
        return Decision(replace(fresh, report=report, plan=shown), How.WITHIN, stored.record)

    def _exact(self, fresh: Planned, stored: StoredPlan) -> Planned:
        """Let the stored plan take the place of the one that was just made; it is shown, judged and frozen again.

        Raises:
            ApprovalError: it is stale, or does something that the configuration does not ask for.
            OrchError: it cannot be read or judged.
        """
        context, unit, record = self.context, self.unit, stored.record
        if fresh.receipt is None or fresh.plan is None or stored.receipt is None:
            raise self._stale(record, "there is no receipt to compare it with")
        for why in receipts_differ(stored.receipt, fresh.receipt):
            raise self._stale(record, why)
        plan = self._read(stored)
        if why := state_stale(record, planned_from(plan.file)):
            raise self._stale(record, why)
        if lines := unannounced(fresh.plan, plan):
            raise self._stale(record, f"the configuration as it is now does not ask for this: {'; '.join(lines)}")
        root = context.root(unit, preview=False)
        scanned = context.guard.scanner.scan(unit, root.folder, root.data_dir, initialized=True)
        judge = context.guard.judge
        verdict = judge.judge(unit, plan, more=scanned.findings, scanned=scanned.entries)
        verdict = count_contents(context, unit, plan, verdict)
        frozen = freeze(root.folder, plan.file, extra=[root.data_dir / "modules"])
        receipt = make_receipt(context, unit, plan, verdict, frozen, destroy=False)
        report = replace(
            fresh.report,
            status=Status.BLOCKED if verdict.blocked else Status.PLANNED,
            changes=change_lines(plan),
            findings=verdict.findings,
            outputs_changed=tuple(sorted(n for n, each in plan.outputs.items() if each.action is not Action.NOOP)),
        )
        return Planned(report=report, plan=plan, verdict=verdict, frozen=frozen, receipt=receipt)

    def _read(self, stored: StoredPlan) -> PlanRecord:
        """Put the stored plan where this run keeps its plans, and let Terraform show it.

        Only its bytes are taken: its JSON is made now.
        """
        context, unit = self.context, self.unit
        file = context.run.folders.plan(unit)
        json_file = file.with_suffix(".json")
        _install(stored.plan, file)
        hashed = hash_file(file)
        root = context.root(unit, preview=False)
        context.terraform.cli.init(root, timeout=context.run.options.timeout or unit.timeouts.plan)
        context.terraform.cli.show_json(root, file, json_file)
        return replace(without_placeholder(read_plan(file, json_file)), sha256=hashed)

    def _missing(self) -> ApprovalError:
        unit = self.unit
        if self.place.others(self.context, unit):
            what = "its configuration changed after its plan was stored"
        else:
            what = f"no plan of it is stored in {self.place.name}"
        return ApprovalError(what, hint=self._again())

    def _stale(self, record: StoredRecord, why: str) -> ApprovalError:
        return ApprovalError(f"the plan of {self.unit.id} from run {record.run} is stale: {why}", hint=self._again())

    def _again(self) -> str:
        where = "--store s3" if self.place.name == "s3" else f"--out {self.place.name}"
        return f"plan again: orch plan {self.unit.id} {where}"


def _base(plan: PlanRecord) -> StateHeader:
    """Return the state that a plan was made from; that of no state if there is no plan file."""
    return planned_from(plan.file) if plan.file.is_file() else StateHeader()


def _install(source: Path, to: Path) -> None:
    """Copy a private file to where this run keeps its plans, all or nothing."""
    with source.open("rb") as stored, atomic_file(to) as file:
        shutil.copyfileobj(stored, file)
