"""Several runs become one plan for each stage."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UsageError
from orchestrator.report.comment.stage import stage_plans
from orchestrator.report.json import run_form
from orchestrator.report.model import ChangeLine, Status
from orchestrator.report.saved import parse_report
from orchestrator.terraform.model import Action
from tests.support.comments import attribute, pool_finding, pool_replacement, receipt, record, run, unit, update

MEMORY = update("aws_lambda_function.this", attribute("memory_size", "256", "512"))
DRIFT = update("aws_s3_bucket.this", attribute("tags.Owner", '"somebody"', '"platform"'))


def test_runs_of_one_stage_are_one_plan_and_the_newest_run_counts() -> None:
    older = record(
        unit("prod/a", MEMORY),
        unit("prod/b", MEMORY),
        run_id="20261124-100000-0000",
        receipts={"prod/a": receipt("prod/a")},
    )
    newer = record(
        unit("prod/a", status=Status.FAILED), unit("dev/a", MEMORY), run_id="20261124-100001-0000", error="x"
    )
    for runs in ([older, newer], [newer, older]):
        prod, dev = stage_plans(runs)
        assert [each.unit for each in prod.report.units] == ["prod/a", "prod/b"]
        assert prod.report.units[0].status is Status.FAILED
        assert prod.receipts == {}  # the receipt is about the older plan
        assert prod.report.error == "x"
        assert (dev.stage, len(dev.report.units)) == ("dev", 1)


def test_plans_change_their_digest() -> None:
    (one,), (same,), (other,) = (
        stage_plans([record(unit("prod/a", change), run_id=run_id)])
        for change, run_id in (
            (MEMORY, "20261124-100000-0000"),
            (MEMORY, "20261124-100001-0000"),
            (DRIFT, "20261124-100000-0000"),
        )
    )
    assert one.plans == same.plans != other.plans


def test_a_run_without_units_belongs_to_the_stages_that_it_names() -> None:
    found = stage_plans([record(targets=("prod", "test/+data", "account:x", "*"), error="no credentials")])
    assert [plan.stage for plan in found] == ["prod", "test"]
    assert stage_plans([record(targets=("account:production",))]) == ()


def test_an_account_that_blocks_is_in_the_comment_of_its_stages() -> None:
    account = unit("account:production", status=Status.BLOCKED, cause="the apply role may delete user pools")
    (plan,) = stage_plans([record(account, unit("prod/a", status=Status.SKIPPED))])
    assert [each.unit for each in plan.report.units] == ["account:production", "prod/a"]


def test_what_base_plans_too_is_set_apart_but_never_a_loss_or_a_block() -> None:
    gone = ChangeLine("aws_sqs_queue.old", Action.DELETE)
    blocked = unit("prod/c", pool_replacement(), status=Status.BLOCKED, findings=(pool_finding("prod/c"),))
    head = [unit("prod/a", DRIFT, MEMORY), unit("prod/b", gone, DRIFT), blocked, unit("prod/d", DRIFT)]
    (plan,) = stage_plans([record(*head)], base=[run(*head[1:], unit("prod/a", DRIFT))])
    a, b, c, d = plan.report.units
    assert (a.changes, b.changes, c) == ((MEMORY,), (gone,), blocked)
    assert (d.changes, d.status) == ((), Status.UNCHANGED)
    assert {each.unit: each.changes for each in plan.before} == dict.fromkeys(("prod/a", "prod/b", "prod/d"), (DRIFT,))


@pytest.mark.parametrize(
    "change",
    [
        update("aws_ssm_parameter.this", attribute("value", "(sensitive)", "(sensitive)")),
        update("aws_lambda_function.this", attribute("environment.URL", '"https://a"', '"https://u:pw-0123456789@b"')),
        update("aws_s3_bucket.this", attribute("policy", "(the same JSON)", "(formatted differently)")),
        update("aws_s3_bucket.this", attribute("tags.Text", f'"…{"a" * 80}" (900 characters)', '"b"')),
        update("aws_s3_bucket.this", attribute("rules", '["a", … 7 more]', '["b", … 7 more]')),
        ChangeLine("aws_s3_bucket.this", Action.UPDATE, reason="only sensitive values or metadata change"),
    ],
)
def test_a_change_that_does_not_show_everything_may_be_another_one_than_that_of_base(change: ChangeLine) -> None:
    (plan,) = stage_plans([record(unit("prod/a", change, DRIFT))], base=[run(unit("prod/a", change, DRIFT))])
    assert [each.changes for each in plan.before] == [(DRIFT,)]
    assert [each.address for each in plan.report.units[0].changes] == [change.address]


def saved(**more: Any) -> dict[str, Any]:
    units = [
        unit("prod/a", pool_replacement(), status=Status.BLOCKED, findings=(pool_finding("prod/a"),), preview=True)
    ]
    form: dict[str, Any] = json.loads(json.dumps(run_form(run(*units))))
    return form | more


def test_a_saved_report_is_read_as_it_was() -> None:
    wanted = run(
        unit("prod/a", pool_replacement(), status=Status.BLOCKED, findings=(pool_finding("prod/a"),), preview=True)
    )
    assert asdict(parse_report(saved(added_later=1), source="report.json")) == asdict(wanted)


@pytest.mark.parametrize("damage", [{"units": None}, {"units": [{}]}, {"run": 7}, {"units": [1]}, {"seconds": "long"}])
def test_anything_else_is_a_usage_error(damage: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"report\.json is not the report of a run"):
        parse_report(saved(**damage), source="report.json")


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3), max_leaves=6
    )
)
def test_no_document_ends_in_a_traceback(value: Any) -> None:
    for form in (saved(units=value), saved(units=[value]), saved(units=[saved()["units"][0] | {"changes": value}])):
        try:
            parse_report(form, source="report.json")
        except UsageError:
            continue
