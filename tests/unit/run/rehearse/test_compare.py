"""What became of units and resources, from what was there before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.report.model import ChangeLine, Status, UnitReport
from orchestrator.report.rehearsal.model import Fate, Outcome, RehearsedUnit
from orchestrator.run.rehearse.compare import AppliedBase, AppliedHead, BaseResource, compare
from orchestrator.run.rehearse.scope import RehearsalScope
from orchestrator.terraform.model import Action
from orchestrator.terraform.state.reader import StateInstance
from tests.support.comments import pool_finding, unit

UNIT = "prod/data"
TABLE = "aws_dynamodb_table.this"
KEY = "aws_kms_key.this"


def instance(address: str = TABLE, id_: str = "orders") -> StateInstance:
    return StateInstance(f"module.this.{address}", address.partition(".")[0], {"id": id_})


def filled(number: int = 3, **more: Any) -> BaseResource:
    place = ResourceLocation("aws_dynamodb_table", "orders", "production", "eu-west-1")
    values: dict[str, Any] = {"protected": True, "place": place, "noun": "item", "number": number}
    return BaseResource(UNIT, instance(), **(values | more))


def rehearsed(
    report: UnitReport | None,
    *resources: BaseResource,
    after: int | None = 3,
    left: Sequence[StateInstance] = (),
    unmodeled: str = "",
    scope: RehearsalScope | None = None,
    base: Mapping[str, UnitReport] | None = None,
) -> RehearsedUnit:
    head = AppliedHead(
        reports={} if report is None else {report.unit: report},
        instances={UNIT: left},
        count=lambda _: after,
        not_modeled=lambda text: unmodeled if "NotImplemented" in text else "",
    )
    units = scope or RehearsalScope((UNIT,), () if report is None else (UNIT,), frozenset({UNIT}), {})
    (found,) = compare(units, AppliedBase(base or {}, resources), head)
    return found


def change(action: Action, address: str = TABLE, **more: Any) -> ChangeLine:
    return ChangeLine(address, action, **more)


@pytest.mark.parametrize(
    ("action", "after", "fate", "outcome"),
    [
        (Action.UPDATE, 3, Fate.KEPT, Outcome.SURVIVED),
        (Action.REPLACE, 0, Fate.REPLACED, Outcome.LOST),
        (Action.DELETE, 0, Fate.DESTROYED, Outcome.LOST),
        (Action.FORGET, 3, Fate.FORGOTTEN, Outcome.SURVIVED),
        (Action.UPDATE, 2, Fate.KEPT, Outcome.LOST),
        (Action.UPDATE, None, Fate.KEPT, Outcome.LOST),
    ],
)
@pytest.mark.parametrize("protected", [True, False])
def test_what_an_apply_did_and_how_much_is_left(
    action: Action, after: int | None, fate: Fate, outcome: Outcome, protected: bool
) -> None:
    report = unit(UNIT, change(action), status=Status.APPLIED)
    found = rehearsed(report, filled(protected=protected), after=after)
    (resource,) = found.resources
    assert (resource.fate, resource.before, resource.after) == (fate, 3, after)
    assert found.outcome is outcome


def test_an_unprotected_resource_without_data_is_no_loss() -> None:
    report = unit(UNIT, change(Action.DELETE), status=Status.APPLIED)
    assert rehearsed(report, filled(0, protected=False), after=0).outcome is Outcome.SURVIVED
    assert rehearsed(report, filled(0, protected=True), after=0).outcome is Outcome.LOST


def test_a_block_loses_nothing() -> None:
    report = unit(UNIT, change(Action.REPLACE), status=Status.BLOCKED, cause="no", findings=(pool_finding(UNIT),))
    found = rehearsed(report, filled())
    assert found.outcome is Outcome.BLOCKED
    assert found.resources[0].fate is Fate.KEPT
    assert found.findings == (pool_finding(UNIT),)


def test_a_moved_resource_keeps_what_it_has_unless_it_is_replaced() -> None:
    moved = change(Action.NOOP, "aws_dynamodb_table.orders", moved_from=TABLE)
    found = rehearsed(unit(UNIT, moved, status=Status.APPLIED), filled())
    assert (found.resources[0].fate, found.resources[0].now) == (Fate.MOVED, "aws_dynamodb_table.orders")
    assert found.outcome is Outcome.SURVIVED
    replaced = change(Action.REPLACE, "aws_dynamodb_table.orders", moved_from=TABLE)
    found = rehearsed(unit(UNIT, replaced, status=Status.APPLIED), filled(), after=0)
    assert (found.resources[0].fate, found.outcome) == (Fate.REPLACED, Outcome.LOST)


def test_a_deposed_object_is_not_the_resource() -> None:
    report = unit(UNIT, change(Action.DELETE, deposed="a1b2c3d4"), status=Status.APPLIED)
    assert rehearsed(report, filled()).resources[0].fate is Fate.KEPT


@pytest.mark.parametrize(
    ("after", "left", "fate", "outcome"),
    [
        (3, [instance()], Fate.KEPT, Outcome.FAILED),
        (0, [], Fate.REPLACED, Outcome.LOST),
        (0, [instance()], Fate.REPLACED, Outcome.LOST),
    ],
)
def test_an_apply_that_failed_half_way(after: int, left: list[StateInstance], fate: Fate, outcome: Outcome) -> None:
    report = unit(UNIT, change(Action.REPLACE), status=Status.FAILED, cause="timeout", error="Error: timeout")
    found = rehearsed(report, filled(), after=after, left=left)
    assert (found.resources[0].fate, found.outcome) == (fate, outcome)
    assert found.cause == "timeout"
    assert found.error == "Error: timeout"


def test_a_call_that_the_emulator_does_not_model_is_no_failure_of_the_change() -> None:
    report = unit(UNIT, status=Status.FAILED, cause="api error NotImplemented", error="Error: NotImplemented")
    found = rehearsed(report, unmodeled="The emulator does not support x Y")
    assert (found.outcome, found.cause, found.error) == (
        Outcome.NOT_REHEARSED,
        "The emulator does not support x Y",
        "",
    )


def test_new_removed_and_left_out_units() -> None:
    new = RehearsalScope((), (UNIT,), frozenset(), {})
    found = rehearsed(unit(UNIT, change(Action.CREATE), status=Status.APPLIED), scope=new)
    assert (found.outcome, found.target) == (Outcome.NEW, False)
    found = rehearsed(None, filled())
    assert (found.outcome, found.resources[0].fate) == (Outcome.REMOVED, Fate.KEPT)
    failed = unit(UNIT, status=Status.FAILED, cause="no such module", error="Error: no such module")
    left = RehearsalScope((UNIT,), (), frozenset({UNIT}), AppliedBase({UNIT: failed}).failed())
    found = rehearsed(None, scope=left, base={UNIT: failed})
    assert (found.outcome, found.cause) == (Outcome.NOT_REHEARSED, "base is failed: no such module")
    assert found.error == "Error: no such module"
    skipped = unit(UNIT, status=Status.SKIPPED, cause="prod/identity did not succeed")
    assert rehearsed(skipped).outcome is Outcome.NOT_REHEARSED


def test_an_account_that_blocks_comes_first() -> None:
    account = unit("account:production", status=Status.BLOCKED, cause="it is not the account that was bootstrapped")
    head = AppliedHead(
        {account.unit: account, UNIT: unit(UNIT, status=Status.UNCHANGED)}, {}, lambda _: 3, lambda _: ""
    )
    units = compare(RehearsalScope((UNIT,), (UNIT,), frozenset(), {}), AppliedBase(), head)
    assert [(each.unit, each.outcome, each.stage) for each in units] == [
        ("account:production", Outcome.BLOCKED, ""),
        (UNIT, Outcome.SURVIVED, "prod"),
    ]
