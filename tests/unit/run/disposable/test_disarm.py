"""Switching protection off: only that, only where it is in the way, and the approved plan once more afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.config.catalogue import Unit
from orchestrator.guard.trust.disposable import DisposableStages
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.disposable.disarm import Disarming
from orchestrator.run.unit.applier import ApplyEnd
from orchestrator.run.unit.planned import Planned
from orchestrator.terraform.model import Action, PlanRecord, ResourceChange
from tests.support.plans import POOL, a_unit

ARMED = {"id": "eu-west-1_abc", "deletion_protection": "ACTIVE"}
FREE = {**ARMED, "deletion_protection": "INACTIVE"}


def pool(action: Action, before: dict[str, Any], address: str = POOL) -> ResourceChange:
    return ResourceChange(address, "aws_cognito_user_pool", "this", "aws", "managed", action, before=before)


def planned(*changes: ResourceChange, status: Status = Status.PLANNED) -> Planned:
    report = UnitReport("prod/identity", "production", "eu-west-1", status, cause="a cause")
    return Planned(report, plan=PlanRecord(Path("plan"), Path("plan.json"), changes=changes))


@dataclass
class Executor:
    """Gives prepared plans, the one that switches off and then the approved one again, and notes what it was asked."""

    switching: Planned
    again: Planned
    applied: Status = Status.APPLIED
    asked: list[Any] = field(default_factory=list)

    def plan(
        self, _context: object, _unit: Unit, _values: object, *, destroy: bool = False, disarm: Sequence[str] = ()
    ) -> Planned:
        self.asked.append(tuple(disarm) or ("destroy" if destroy else "plan"))
        return self.switching if disarm else self.again

    def apply(self, _context: object, _unit: Unit, real: Planned, *, destroy: bool = False) -> ApplyEnd:
        assert not destroy
        self.asked.append("apply")
        return ApplyEnd(UnitReport(real.report.unit, "production", "eu-west-1", self.applied, cause="AWS said no"))


def run(executor: Executor, approved: Planned, *, stage: str = "prod", destroy: bool = True) -> Planned:
    context: Any = SimpleNamespace(
        catalogue=None,
        aws=SimpleNamespace(states=None),
        guard=SimpleNamespace(judge=SimpleNamespace(disposable=DisposableStages({stage: "it is disposable"}))),
        run=SimpleNamespace(sink=lambda _event: None),
    )
    return Disarming(context, executor, destroy=destroy).run(a_unit(), approved)  # type: ignore[arg-type]


GOING = planned(pool(Action.DELETE, ARMED))
SWITCHING = planned(pool(Action.UPDATE, ARMED))
GONE = planned(pool(Action.DELETE, FREE))


@pytest.mark.parametrize("destroy", [True, False])
def test_protection_is_switched_off_and_the_approved_plan_made_again(destroy: bool) -> None:
    executor = Executor(SWITCHING, GONE)
    assert run(executor, GOING, destroy=destroy).plan is GONE.plan
    assert executor.asked == [(POOL,), "apply", "destroy" if destroy else "plan"]


def test_nothing_is_done_where_nothing_is_in_the_way_or_the_stage_lasts() -> None:
    executor = Executor(SWITCHING, GONE)
    for approved in (GONE, planned(pool(Action.UPDATE, ARMED)), Planned(GOING.report)):
        assert run(executor, approved) is approved
    assert run(executor, GOING, stage="feat") is GOING
    assert executor.asked == []


@pytest.mark.parametrize(
    ("extra", "cause"),
    [
        (pool(Action.CREATE, {}, "module.this.aws_iam_role.sms"), "create module.this.aws_iam_role.sms comes along"),
        (pool(Action.UPDATE, {}, "module.this.aws_iam_role.sms"), "update module.this.aws_iam_role.sms comes along"),
        (pool(Action.REPLACE, ARMED), f"replace {POOL} comes along"),
    ],
)
def test_a_plan_that_does_more_is_not_applied(extra: ResourceChange, cause: str) -> None:
    executor = Executor(planned(extra), GONE)
    found = run(executor, GOING)
    assert (found.report.status, cause in found.report.cause) == (Status.FAILED, True)
    assert executor.asked == [(POOL,)]


def test_what_cannot_be_switched_off_stops_it() -> None:
    unchanged = planned(status=Status.UNCHANGED)
    assert run(Executor(unchanged, GONE), GOING).report.status is Status.FAILED
    blocked = planned(status=Status.BLOCKED)
    assert run(Executor(blocked, GONE), GOING).report.status is Status.BLOCKED
    failed = Executor(SWITCHING, GONE, applied=Status.FAILED)
    found = run(failed, GOING)
    assert (found.report.status, found.report.cause) == (Status.FAILED, "AWS said no")
    assert failed.asked == [(POOL,), "apply"]


def test_a_new_plan_that_was_not_approved_or_that_aws_refuses_is_not_applied() -> None:
    other = planned(pool(Action.DELETE, FREE), pool(Action.DELETE, FREE, "module.this.aws_cognito_user_pool.other"))
    assert run(Executor(SWITCHING, other), GOING).report.status is Status.STALE
    still = run(Executor(SWITCHING, GOING), GOING)
    assert still.report.status is Status.FAILED
    assert "AWS would still refuse to delete it: aws_cognito_user_pool.this" in still.report.cause
