"""Keeps the plans of ``orch plan`` for ``orch apply --approved``."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.guard.receipt.freeze import hash_file
from orchestrator.report.model import Status, StoredPlans
from orchestrator.run.approved.digest import digest_in
from orchestrator.run.approved.package import packed
from orchestrator.run.approved.places import PlanPlace
from orchestrator.run.approved.record import StoredRecord, expiry
from orchestrator.run.context import RunContext
from orchestrator.run.unit.planned import Planned
from orchestrator.terraform.state.header import StateHeader, planned_from


def store_plans(
    context: RunContext, planned: Mapping[str, Planned], place: PlanPlace
) -> tuple[Mapping[str, Planned], StoredPlans]:
    """Keep every plan that may be applied, and previews, as what their units may become.

    A blocked or failed unit is not kept: whoever applies its stage finds it missing.

    Args:
        context: the run.
        planned: the plan or preview of each unit.
        place: where to keep them.

    Returns:
        the plans, those that could not be kept as failed; and what was kept.
    """
    now = datetime.now(UTC)
    kept = [unit for unit, each in planned.items() if each.may_proceed and unit in context.catalogue.units]

    def store(unit: str) -> OrchError | None:
        try:
            _store(context, context.unit(unit), planned[unit], place, now)
        except OrchError as error:
            return error
        return None

    with ThreadPoolExecutor(max(1, context.run.options.parallelism)) as pool:
        errors = dict(zip(kept, pool.map(store, kept), strict=True))
    after = {unit: _after(each, errors.get(unit)) for unit, each in planned.items()}
    units = tuple(unit for unit, error in errors.items() if error is None)
    return after, StoredPlans(place.name, expiry(now), units)


def _after(planned: Planned, error: OrchError | None) -> Planned:
    if error is None:
        return planned
    return replace(planned, report=replace(planned.report, status=Status.FAILED, cause=f"planned, not stored: {error}"))


def _store(context: RunContext, unit: Unit, planned: Planned, place: PlanPlace, now: datetime) -> None:
    """Keep one plan.

    Raises:
        OrchError: it cannot be kept.
    """
    plan = planned.plan
    changes = plan is not None and plan.json_file is not None
    base = planned_from(plan.file) if plan is not None and plan.file.is_file() else StateHeader()
    json_file = plan.json_file if plan is not None and planned.preview else None
    record = StoredRecord(
        unit=unit.id,
        digest=digest_in(context, unit),
        run=context.run.folders.run,
        commit=context.run.commit(),
        time=now.isoformat(timespec="seconds"),
        expires=expiry(now),
        status=planned.report.status,
        preview=planned.preview,
        account_id=context.catalogue.account_of(unit).id,
        policies=context.guard.judge.policies.digest,
        lineage=base.lineage,
        serial=base.serial,
        plan_sha256=hash_file(plan.file).removeprefix("sha256:") if plan is not None and changes else "",
        json_sha256=hash_file(json_file).removeprefix("sha256:") if json_file is not None else "",
    )
    receipt = context.run.folders.receipt(unit) if planned.receipt is not None else None
    folder = context.run.folders.of_run / "stored" / unit.folder
    with packed(
        folder, record, plan=plan.file if plan is not None and changes else None, json=json_file, receipt=receipt
    ) as archive:
        place.put(context, unit, record, archive)
