"""Plans and reports for the tests of the report package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.errors import Location
from orchestrator.guard.model import Finding, Severity
from orchestrator.report.model import ChangeLine, RunReport, Status, UnitReport
from orchestrator.report.values.changes import Locate, change_lines
from orchestrator.terraform.model import Action, OutputChange, PlanRecord, ResourceChange
from orchestrator.terraform.plan.unknowns import UpstreamMarks

POOL = "module.this.aws_cognito_user_pool.this"


def change(
    action: Action,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    *,
    address: str = POOL,
    **more: Any,
) -> ResourceChange:
    """One entry of ``resource_changes``."""
    kind = address.removeprefix("module.this.").split(".")[0]
    fields: dict[str, Any] = {"type": kind, "name": "this", "provider": "aws", "mode": "managed"}
    return ResourceChange(address=address, action=action, before=before, after=after, **(fields | more))


def plan(*changes: ResourceChange, outputs: Mapping[str, OutputChange] | None = None) -> PlanRecord:
    """A plan with these changes."""
    return PlanRecord(Path("plan"), Path("plan.json"), changes=changes, outputs=dict(outputs or {}))


def lines(
    *changes: ResourceChange, marks: UpstreamMarks | None = None, locate: Locate | None = None
) -> tuple[ChangeLine, ...]:
    """The changes as lines."""
    return change_lines(plan(*changes), marks or {}, locate=locate)


def unit(
    name: str,
    status: Status = Status.PLANNED,
    changes: Sequence[ChangeLine] = (),
    *,
    account: str = "production",
    region: str = "eu-west-1",
    **more: Any,
) -> UnitReport:
    """One unit's report."""
    return UnitReport(unit=name, account=account, region=region, status=status, changes=tuple(changes), **more)


def finding(
    unit_id: str, *, address: str = POOL, action: str = "delete", severity: Severity = Severity.BLOCK
) -> Finding:
    """A finding about a user pool."""
    return Finding(
        id="f-3a9c01",
        rule="ORCH_PROTECTED",
        unit=unit_id,
        address=address,
        action=action,
        cause="it is no longer in the configuration",
        message="a Cognito user pool would be deleted",
        hint="put the resource back, or say where it went with a moved block: module.this.aws_cognito_user_pool.this",
        lost="every user in the pool, with passwords that cannot be exported",
        severity=severity,
        where=Location("live/stages/prod.yaml", 4, 3),
    )


def run(*units: UnitReport, verb: str = "apply", **more: Any) -> RunReport:
    """A run over units of the stage ``prod``."""
    fields: dict[str, Any] = {"run": "20260301-101500-7f3a", "targets": ("prod",), "seconds": 94.2}
    return RunReport(verb=verb, units=units, **(fields | more))
