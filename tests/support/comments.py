"""Stages, changes and findings for the tests of pull request comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.errors import Location
from orchestrator.guard.findings import finding_id
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.receipt.receipt import Receipt, digest_of
from orchestrator.report.comment.body import StageComment, stage_comment
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.comment.stage import StagePlan, stage_plans
from orchestrator.report.model import AttributeChange, ChangeLine, Judged, RunReport, Status, UnitReport
from orchestrator.report.text import PREVIEWED_AGAINST
from orchestrator.terraform.model import Action

POOL = "aws_cognito_user_pool.this"
RUN = "20261124-130207-7f3a"
CONTEXT = CommentContext(
    run="1187.1",
    head="3f9c2d1e5b6a7c8d9e0f1a2b3c4d5e6f7a8b9c0d",
    source_url="https://github.com/example/platform/blob/3f9c2d1e5b6a7c8d9e0f1a2b3c4d5e6f7a8b9c0d",
    report_url="https://github.com/example/platform/actions/runs/19483",
    in_ci=True,
)


def attribute(path: str, before: str, after: str, **more: Any) -> AttributeChange:
    return AttributeChange(path, before, after, **more)


def update(address: str, *attributes: AttributeChange) -> ChangeLine:
    return ChangeLine(address, Action.UPDATE, attributes=attributes)


CHECKS = ("ORCH_PROTECTED", "ORCH_WEAKENED", "ORCH_PUBLIC_BUCKET")
"""Checks that judged the plans."""
_WITHOUT_PLAN = frozenset({Status.FAILED, Status.SKIPPED, Status.AFTER_UPSTREAMS, Status.INTERRUPTED})


def unit(name: str, *changes: ChangeLine, status: Status = Status.PLANNED, **more: Any) -> UnitReport:
    checks = CHECKS if changes else ()
    judged = None if status in _WITHOUT_PLAN else Judged(checks, checks)
    return UnitReport(name, "production", "eu-west-1", status, **({"changes": changes, "judged": judged} | more))


def at(line: int, file: str = "live/stages/prod.yaml") -> Location:
    return Location(file, line, 7)


def unchanged(stage: str, *stacks: str) -> list[UnitReport]:
    return [unit(f"{stage}/{stack}", status=Status.UNCHANGED) for stack in stacks]


def preview(name: str, *changes: ChangeLine, after: Sequence[str]) -> UnitReport:
    return unit(name, *changes, preview=True, cause=PREVIEWED_AGAINST + ", ".join(after))


def pool_finding(unit_id: str, severity: Severity = Severity.BLOCK, **more: Any) -> Finding:
    address = f"module.this.{POOL}"
    values: dict[str, Any] = {
        "id": finding_id("ORCH_PROTECTED", unit_id, address, "replace"),
        "rule": "ORCH_PROTECTED",
        "unit": unit_id,
        "address": address,
        "action": "replace",
        "cause": "username_attributes cannot be changed in place",
        "message": f"{POOL} would be replaced by a new, empty one",
        "hint": "keep username_attributes as it is",
        "lost": "every user in the pool, with passwords that cannot be exported",
        "inside": "1,284 users",
        "severity": severity,
        "where": Location("live/stacks/identity.yaml", 7, 5),
    }
    return Finding(**(values | more))


def pool_replacement() -> ChangeLine:
    return ChangeLine(
        POOL,
        Action.REPLACE,
        reason="it cannot be changed in place: username_attributes",
        attributes=(
            attribute("arn", '"arn:aws:cognito-idp:eu-west-1:111111111111:userpool/x"', "(known after apply)"),
            attribute(
                "username_attributes",
                '["email"]',
                '["email", "phone_number"]',
                forces_replacement=True,
                where=Location("live/stacks/identity.yaml", 7, 5),
            ),
        ),
    )


def receipt(unit_id: str, *, new: bool = False, checks: Sequence[str] = ("ORCH_PROTECTED", "ORCH_WEAKENED")) -> Receipt:
    return Receipt(
        run=RUN,
        unit=unit_id,
        verb="apply",
        account_id="111111111111",
        region="eu-west-1",
        state=f"s3://ams-111111111111-tfstate/{unit_id}/terraform.tfstate",
        lineage="" if new else "662730bc-dc40-f66d-b115-c358a3185284",
        serial=0 if new else 4,
        digest=digest_of({}),
        plan_sha256="6b86b273",
        json_sha256="d4735e3a",
        policies="4e074085",
        versions={"orch": "0.1.0"},
        checks=tuple(checks),
        blocked=False,
        findings=(),
        time="2026-11-24T13:02:07+00:00",
        commit="3f9c2d1e5b6a7c8d9e0f1a2b3c4d5e6f7a8b9c0d",
        files={},
    )


def run(*units: UnitReport, run_id: str = RUN, **more: Any) -> RunReport:
    fields: dict[str, Any] = {"verb": "plan", "targets": ("prod",), "seconds": 31.0}
    return RunReport(run=run_id, units=units, **(fields | more))


def record(*units: UnitReport, receipts: Mapping[str, Receipt] | None = None, **more: Any) -> RunRecord:
    return RunRecord(run(*units, **more), dict(receipts or {}))


def only_plan(*units: UnitReport, base: Sequence[RunReport] = (), **more: Any) -> StagePlan:
    """The plan of the one stage that the units belong to."""
    (plan,) = stage_plans([record(*units, **more)], base=base)
    return plan


def comment_of(*units: UnitReport, **more: Any) -> StageComment:
    """The comment of the one stage that the units belong to."""
    return stage_comment(only_plan(*units, **more), CONTEXT)
