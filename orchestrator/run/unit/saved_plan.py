"""Plans on disk, and what the journal says of them, so that a later run goes on with exactly what was approved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Unit
from orchestrator.errors import ApprovalError
from orchestrator.render.root import PLACEHOLDER_ADDRESS
from orchestrator.run.history.paths import Folders
from orchestrator.run.unit.planned import Planned
from orchestrator.terraform.model import PlanRecord
from orchestrator.terraform.plan.reader import empty_plan, read_plan


def plan_fields(planned: Planned) -> dict[str, str | bool]:
    """What the journal has to say of a plan: status, whether it is a preview, and hashes of the plan and its JSON.

    Raises:
        OSError: the JSON cannot be read.
    """
    facts: dict[str, str | bool] = {"status": planned.report.status.value, "preview": planned.report.preview}
    if planned.plan is None or not planned.go_on:
        return facts
    if planned.plan.json_file is not None:
        facts["json"] = _hash(planned.plan.json_file)
    if planned.frozen is not None:
        facts["plan"] = planned.frozen.plan_sha256
    return facts


def load_plan(folders: Folders, unit: Unit, facts: Mapping[str, Any]) -> PlanRecord:
    """What a plan or preview that a past run made does, proven to be what was approved.

    Args:
        folders: of the run that made it.
        unit: the unit.
        facts: the journal's record of it.

    Raises:
        ApprovalError: it is gone, or not what was approved.
        UnreadablePlanError: this orch cannot read it.
    """
    plan = folders.preview_plan(unit) if facts.get("preview") else folders.plan(unit)
    if facts.get("json") is None:
        return empty_plan(plan)
    json_file = plan.with_suffix(".json")
    try:
        found = _hash(json_file)
    except OSError as error:
        what = f"{unit.id}: what was approved, {json_file}, cannot be read: {error.strerror}"
        raise ApprovalError(what, hint=f"plan again: orch apply {unit.id}") from error
    if found != facts["json"]:
        what = f"{unit.id}: {json_file} is not what was approved"
        raise ApprovalError(what, hint=f"plan again: orch apply {unit.id}")
    return without_placeholder(read_plan(plan, json_file))


def without_placeholder(record: PlanRecord) -> PlanRecord:
    """A preview's plan without the resource that only stands for unknown values."""
    return replace(record, changes=tuple(each for each in record.changes if each.address != PLACEHOLDER_ADDRESS))


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
