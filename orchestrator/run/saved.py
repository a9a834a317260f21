"""Plans on disk: what of a unit's plan is kept so that a later run can go on with exactly what was approved.

Beside the plan and its JSON lies ``….frozen.json``: every file that the judgement covers, by hash. The journal has the
hashes of all three, so that none of them can be another than the one that was approved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.catalogue.records import Unit
from orchestrator.errors import ApprovalError
from orchestrator.guard.freeze import Frozen
from orchestrator.run.folders import Folders
from orchestrator.run.planned import Planned
from orchestrator.terraform.files import write_atomic
from orchestrator.terraform.plan import empty_plan, read_plan
from orchestrator.terraform.records import PlanRecord
from orchestrator.workspace.root import PLACEHOLDER_ADDRESS

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan or preview that a past run made, read again and proven to be the same.

    Attributes:
        record: what it does.
        frozen: every file that its judgement covered; None for a preview.
    """

    record: PlanRecord
    frozen: Frozen | None


def save_plan(folders: Folders, unit: Unit, planned: Planned) -> dict[str, str | bool | None]:
    """Keep what is needed to go on with a plan later.

    Args:
        folders: of the run that made it.
        unit: the unit.
        planned: its plan, preview, or failure.

    Returns:
        what the journal has to say of it: status, whether it is a preview, and hashes.

    Raises:
        OSError: the disk does not take it.
    """
    report = planned.report
    facts: dict[str, str | bool | None] = {"status": report.status.value, "preview": report.preview}
    if planned.plan is None or not planned.go_on:
        return facts
    if planned.plan.json_file is not None:
        facts["json"] = _hash(planned.plan.json_file)
    frozen = planned.frozen
    if frozen is None:
        return facts
    text = json.dumps(_form(frozen), indent=1, sort_keys=True).encode()
    write_atomic(frozen_file(folders, unit), text)
    return facts | {"plan": frozen.plan_sha256, "frozen": hashlib.sha256(text).hexdigest()}


def load_plan(folders: Folders, unit: Unit, facts: Mapping[str, Any]) -> SavedPlan:
    """A plan that a past run made.

    Args:
        folders: of the run that made it.
        unit: the unit.
        facts: the journal's record of it.

    Raises:
        ApprovalError: something of it is gone, or is not what was approved.
        UnreadablePlanError: its JSON cannot be read by this orch.
    """
    preview = bool(facts.get("preview"))
    plan = folders.preview_plan(unit) if preview else folders.plan(unit)
    record = empty_plan(plan)
    if facts.get("json") is not None:
        json_file = plan.with_suffix(".json")
        _check(unit, json_file, str(facts["json"]))
        record = without_placeholder(read_plan(plan, json_file))
    if preview:
        return SavedPlan(record, None)
    file = frozen_file(folders, unit)
    _check(unit, file, str(facts.get("frozen")))
    frozen = _frozen(file)
    _check(unit, frozen.plan, str(facts.get("plan")))
    return SavedPlan(record, frozen)


def frozen_file(folders: Folders, unit: Unit) -> Path:
    """Where the list of a plan's files is kept."""
    return folders.plan(unit).with_suffix(".frozen.json")


def without_placeholder(record: PlanRecord) -> PlanRecord:
    """A preview's plan without the resource that only stands for unknown values."""
    return replace(record, changes=tuple(each for each in record.changes if each.address != PLACEHOLDER_ADDRESS))


def _form(frozen: Frozen) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "root": str(frozen.root),
        "plan": str(frozen.plan),
        "extra": [str(folder) for folder in frozen.extra],
        "files": dict(frozen.files),
        "plan_sha256": frozen.plan_sha256,
        "digest": frozen.digest,
    }


def _frozen(file: Path) -> Frozen:
    form = json.loads(file.read_bytes())  # whole: its hash is the journal's
    if form.get("format") != FORMAT:
        what = f"{file} has the format {form.get('format')!r}; this orch reads {FORMAT}"
        raise ApprovalError(what, hint="resume with the version of orch that made the plan, or plan again: orch apply")
    return Frozen(
        root=Path(form["root"]),
        plan=Path(form["plan"]),
        extra=tuple(Path(folder) for folder in form["extra"]),
        files=form["files"],
        plan_sha256=form["plan_sha256"],
        digest=form["digest"],
    )


def _check(unit: Unit, file: Path, expected: str) -> None:
    try:
        found = _hash(file)
    except OSError as error:
        what = f"{unit.id}: {file} was approved and cannot be read: {error.strerror}"
        raise ApprovalError(what, hint=f"plan again: orch apply {unit.id}") from error
    if found != expected:
        what = f"{unit.id}: {file} is not what was approved"
        raise ApprovalError(what, hint=f"plan again: orch apply {unit.id}")


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
