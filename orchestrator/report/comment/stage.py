"""Merges the records of several runs into one plan for each stage, without what differed before the change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.report.comment.credentials import HIDDEN_VALUE, without_credentials
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.model import ChangeLine, RunReport, Status, StoredPlans, UnitReport
from orchestrator.report.values.changes import ONLY_HIDDEN, REFORMATTED
from orchestrator.report.values.redact import SENSITIVE

_ACCOUNT = "account:"
"""How reports name an account that blocks its units."""
_PLAN_DIGITS = 8
_NOT_SHOWN = (SENSITIVE, HIDDEN_VALUE, ONLY_HIDDEN, REFORMATTED, "…")
"""What stands in the place of a value, or of the rest of it."""


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The plans of one stage.

    Attributes:
        stage: its name.
        report: its units in graph order, as one run, without the changes in ``before``.
        before: units with the changes that the base commit plans as well, because AWS and the configuration differed
            before this change. Never with what is destroyed: that stays in ``report``.
        receipts: unit -> receipt.
        same: unit -> other stages in which the unit of the same stack makes the same changes.
        plans: hex digits that change if a plan does.
    """

    stage: str
    report: RunReport
    before: tuple[UnitReport, ...] = ()
    receipts: Mapping[str, Receipt] = field(default_factory=dict)
    same: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    plans: str = ""


def stage_plans(runs: Iterable[RunRecord], *, base: Iterable[RunReport] = ()) -> tuple[StagePlan, ...]:
    """Return the plans of each stage in the records of runs, such as one for each account.

    Args:
        runs: what the runs left behind. A unit that several of them planned counts as the newest run shows it.
        base: reports of runs that planned the commit that the change starts from.
    """
    records = [replace(each, report=without_credentials(each.report)) for each in runs]
    records.sort(key=lambda each: each.report.run)
    newest = {unit.unit: (unit, each.receipts.get(unit.unit)) for each in records for unit in each.report.units}
    units = tuple(unit for unit, _ in newest.values())
    merged = _MergedRuns(
        reports=tuple(each.report for each in records),
        units=units,
        receipts={name: receipt for name, (_, receipt) in newest.items() if receipt is not None},
        base={unit.unit: unit for report in base for unit in without_credentials(report).units},
        same=_same_elsewhere(units),
    )
    stages = dict.fromkeys(stage for report in merged.reports for stage in _stages_in(report))
    return tuple(_stage_plan(stage, merged) for stage in stages)


def empty_stage(stage: str) -> StagePlan:
    """Return the plan of a stage in which the change touches no unit."""
    return StagePlan(stage, RunReport(run="", verb="plan", targets=(stage,), units=(), seconds=0), plans=_digest(()))


@dataclass(frozen=True, slots=True)
class _MergedRuns:
    """Several runs, with each unit once. ``base``: the units of the base commit; the rest as in `StagePlan`."""

    reports: tuple[RunReport, ...]
    units: tuple[UnitReport, ...]
    receipts: Mapping[str, Receipt]
    base: Mapping[str, UnitReport]
    same: Mapping[str, tuple[str, ...]]


def _stage_plan(stage: str, runs: _MergedRuns) -> StagePlan:
    own = [unit for unit in runs.units if _stage_of(unit) == stage]
    names = {unit.unit for unit in own}
    accounts = {unit.account for unit in own}
    blocked = [each for each in runs.units if not _stage_of(each) and (each.account in accounts or not own)]
    split = [_split(unit, runs.base.get(unit.unit)) for unit in (*blocked, *own)]
    concerned = [each for each in runs.reports if stage in _stages_in(each)]
    return StagePlan(
        stage=stage,
        report=_merged(concerned, tuple(unit for unit, _ in split)),
        before=tuple(before for _, before in split if before is not None),
        receipts={unit: receipt for unit, receipt in runs.receipts.items() if unit in names},
        same={unit: stages for unit, stages in runs.same.items() if unit in names},
        plans=_digest(f"{unit.unit} {unit.status} {_plan_hash(unit, runs.receipts)}" for unit in own),
    )


def _merged(reports: Sequence[RunReport], units: tuple[UnitReport, ...]) -> RunReport:
    """Return several runs as one."""
    newest = reports[-1]
    return replace(
        newest,
        units=units,
        seconds=max(each.seconds for each in reports),
        interrupted=any(each.interrupted for each in reports),
        notes=tuple(dict.fromkeys(note for each in reports for note in each.notes)),
        error="; ".join(dict.fromkeys(each.error for each in reports if each.error)),
        refresh=all(each.refresh for each in reports),
        stored=_stored(reports, {unit.unit for unit in units}),
    )


def _stored(reports: Sequence[RunReport], units: AbstractSet[str]) -> StoredPlans | None:
    """Return the plans that the runs stored of units, with the time at which the first of them expires."""
    found = [each.stored for each in reports if each.stored is not None and units & set(each.stored.units)]
    if not found:
        return None
    names = dict.fromkeys(unit for each in found for unit in each.units if unit in units)
    return StoredPlans(found[-1].place, min(each.expires for each in found), tuple(names))


def _split(unit: UnitReport, base: UnitReport | None) -> tuple[UnitReport, UnitReport | None]:
    """Return a unit without the changes that base plans as well, and a unit with only these; None if there are none."""
    if base is None or unit.status is not Status.PLANNED:
        return unit, None
    known = set(base.changes)
    before = tuple(
        each for each in unit.changes if each in known and not each.action.destructive and _shows_everything(each)
    )
    if not before:
        return unit, None
    own = tuple(each for each in unit.changes if each not in set(before))
    outputs = tuple(name for name in unit.outputs_changed if name not in base.outputs_changed)
    status = unit.status if own or outputs else Status.UNCHANGED
    return (
        replace(unit, changes=own, outputs_changed=outputs, status=status),
        replace(unit, changes=before, outputs_changed=(), findings=()),
    )


def _shows_everything(change: ChangeLine) -> bool:
    """Return whether another change that reads the same is the same: no value of it is hidden or cut.

    A value that is known only after the apply counts as shown: it is the same text in every comment.
    """
    values = [text for each in change.attributes for text in (each.path, each.before, each.after)]
    return not any(mark in text for text in (change.reason, *values) for mark in _NOT_SHOWN)


def _same_elsewhere(units: Iterable[UnitReport]) -> dict[str, tuple[str, ...]]:
    makers: dict[tuple[str, tuple[ChangeLine, ...]], list[UnitReport]] = {}
    for unit in units:
        if unit.changes and not any(change.action.destructive for change in unit.changes):
            makers.setdefault((unit.unit.partition("/")[2], unit.changes), []).append(unit)
    return {
        unit.unit: tuple(_stage_of(other) for other in group if other is not unit)
        for group in makers.values()
        for unit in group
        if len(group) > 1
    }


def _stage_of(unit: UnitReport) -> str:
    """Return the stage of a unit; empty for an account."""
    return "" if unit.unit.startswith(_ACCOUNT) else unit.unit.partition("/")[0]


def _stages_in(report: RunReport) -> dict[str, None]:
    """Return the stages of a run's units; of a run that ended before its first unit, those that its targets name."""
    found = dict.fromkeys(stage for unit in report.units if (stage := _stage_of(unit)))
    return found or dict.fromkeys(_named_stages(report))


def _named_stages(report: RunReport) -> tuple[str, ...]:
    """Return the stages that the targets of a run name, also those of which it has no unit."""
    names = (target.strip("+").partition("/")[0] for target in report.targets)
    return tuple(dict.fromkeys(name for name in names if name and not set(name) & set("*?[]:")))


def _plan_hash(unit: UnitReport, receipts: Mapping[str, Receipt]) -> str:
    receipt = receipts.get(unit.unit)
    if receipt is not None:
        return receipt.json_sha256
    changes = [_compared(change) for change in unit.changes]
    return hashlib.sha256(repr((changes, unit.findings, unit.cause, unit.error)).encode()).hexdigest()


def _compared(change: ChangeLine) -> ChangeLine:
    """Return a change without what makes no difference: a plan is the same wherever its values are written."""
    return replace(change, attributes=tuple(replace(each, where=None, upstreams=()) for each in change.attributes))


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:_PLAN_DIGITS]
