"""A unit's plan within a run, and how an approved plan is loaded again by a later run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Unit
from orchestrator.errors import ApprovalError
from orchestrator.guard.model import Verdict
from orchestrator.guard.receipt.freeze import FrozenFiles
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.render.root import PLACEHOLDER_ADDRESS
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.history.paths import RunPaths
from orchestrator.terraform.model import PlanRecord
from orchestrator.terraform.plan.reader import empty_plan, read_plan


@dataclass(frozen=True, slots=True)
class Planned:
    """A judged plan or preview.

    Attributes:
        report: what is shown of it.
        plan: None when there is no plan: it failed, was skipped, or can only be planned after its upstreams.
        verdict: the guard's verdict; None when there is no plan.
        frozen: hashes of every file that the verdict covers; None for a preview and for a plan without refresh, which
            are never applied.
        receipt: binds plan and verdict; None for a plan that is never applied and for an empty plan.
    """

    report: UnitReport
    plan: PlanRecord | None = None
    verdict: Verdict | None = None
    frozen: FrozenFiles | None = None
    receipt: Receipt | None = None

    @property
    def preview(self) -> bool:
        """Whether it was planned against the plans of its upstreams."""
        return self.report.preview

    @property
    def pending(self) -> bool:
        """Whether an apply would change the unit, or might: it cannot be planned before its upstreams are applied."""
        if self.report.status is Status.AFTER_UPSTREAMS:
            return True
        return self.plan is not None and not self.plan.empty

    @property
    def may_proceed(self) -> bool:
        """Whether the plan succeeded and is not blocked: the unit may be applied, and its downstreams planned."""
        return self.report.status in {Status.UNCHANGED, Status.PLANNED, Status.AFTER_UPSTREAMS}


def plan_fields(planned: Planned) -> dict[str, str | bool]:
    """Return the journal's fields about a plan: status, how it was made, hashes of the plan and of its JSON.

    Raises:
        OSError: the JSON cannot be read.
    """
    report = planned.report
    fields: dict[str, str | bool] = {
        "status": report.status.value,
        "preview": report.preview,
        "refresh": report.refresh,
    }
    if planned.plan is None or not planned.may_proceed:
        return fields
    if planned.receipt is not None:
        fields["json"] = planned.receipt.json_sha256
    elif planned.plan.json_file is not None:
        fields["json"] = _hash(planned.plan.json_file)
    if planned.frozen is not None:
        fields["plan"] = planned.frozen.plan_sha256
    return fields


def load_plan(folders: RunPaths, unit: Unit, fields: Mapping[str, Any]) -> PlanRecord:
    """Load the plan or preview that a past run made, if it is exactly the one that was approved.

    Args:
        folders: the folders of the run that made it.
        unit: the unit.
        fields: the journal's record of the plan.

    Raises:
        ApprovalError: the plan is gone, or is not the one that was approved.
        UnreadablePlanError: this version of orch cannot read it.
    """
    plan = folders.preview_plan(unit) if fields.get("preview") else folders.plan(unit)
    if fields.get("json") is None:
        return empty_plan(plan)
    json_file = plan.with_suffix(".json")
    try:
        found = _hash(json_file)
    except OSError as error:
        what = f"{unit.id}: cannot read the approved plan {json_file}: {error.strerror}"
        raise ApprovalError(what, hint=f"plan again: orch apply {unit.id}") from error
    if found != fields["json"]:
        what = f"{unit.id}: {json_file} is not the plan that was approved"
        raise ApprovalError(what, hint=f"plan again: orch apply {unit.id}")
    return without_placeholder(read_plan(plan, json_file))


def without_placeholder(record: PlanRecord) -> PlanRecord:
    """Return a preview's plan without the resource that stands for unknown values."""
    return replace(record, changes=tuple(each for each in record.changes if each.address != PLACEHOLDER_ADDRESS))


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
