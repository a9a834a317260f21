"""Tells drift from a change that nobody approved: both are a plan with changes, and no stored plan that may be applied.

The receipt of the last apply has the hash of every file that it read. If the files are the same now, and that apply
succeeded, what the plan would change was changed in AWS: nothing that somebody merged waits to be applied.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.report.model import Status
from orchestrator.run.approved.record import StoredRecord
from orchestrator.run.context import RunContext
from orchestrator.run.unit.planned import Planned
from orchestrator.util.plural import plural

_APPLY = "apply"


def only_aws_differs(context: RunContext, unit: Unit, fresh: Planned, record: StoredRecord | None) -> bool:
    """Return whether only AWS differs from what was applied last; false if that cannot be told.

    Args:
        context: the run.
        unit: the unit.
        fresh: its plan as it is now, with changes.
        record: the stored plan of the same configuration, which may not be applied; None if there is none. What was
            approved must have been applied: a plan that repairs drift, and is stale, is not left out in silence.
    """
    now = fresh.receipt
    if now is None or fresh.preview or fresh.report.status is not Status.PLANNED:
        return False
    try:
        document = context.aws.history.receipt(unit, now.serial)
        last = Receipt.of(document, "of the last apply") if document is not None else None
    except OrchError:
        return False
    if last is None or last.wrote is None or not last.wrote.ok or last.verb != _APPLY:
        return False
    if (last.wrote.lineage, last.wrote.last) != (now.lineage, now.serial):
        return False
    if record is not None and not (record.lineage in {"", last.lineage} and _contains(last, record)):
        return False
    return _configuration(last) == _configuration(now)


def left_alone(fresh: Planned) -> Planned:
    """Return the plan of a unit that is not applied, because only AWS differs and nobody approved to change it back."""
    changed = plural(len(fresh.report.changes), "change")
    cause = f"{changed} outside of Terraform, not part of what was approved"
    report = replace(fresh.report, status=Status.DRIFTED, changes=(), findings=(), outputs_changed=(), cause=cause)
    return Planned(report)


def _contains(last: Receipt, record: StoredRecord) -> bool:
    """Whether the last apply began where a stored plan of the same configuration did, or later, so that it is done."""
    return last.serial >= record.serial and last.time >= record.time


def _configuration(receipt: Receipt) -> tuple[object, ...]:
    return (receipt.unit, receipt.account_id, receipt.region, receipt.state, receipt.files, receipt.values)
