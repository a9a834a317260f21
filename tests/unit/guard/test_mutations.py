"""No plan with a protected loss passes, whatever else is done to its JSON."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from tests.support.checks import local_checks
from tests.support.mutations import damaged, json_values, still_lost
from tests.support.plans import USERS, a_unit, change, delete, forget, plan, replace, saved, update

ROOT = Path(__file__).parents[3]
GUARD = Judge(local_checks(Policies.load(ROOT)))

LOSSES = [delete(), delete(reason=None), replace(), replace(create_first=True), forget(), delete(deposed="1a2b3c4d")]
BYSTANDERS = [
    change(["create"], after={"name": "q"}, address="module.this.aws_sns_topic.q"),
    change(["delete"], before={"name": "q"}, address='module.this.aws_sns_topic.old["a"]'),
    change(["no-op"], before={"name": "n"}, after={"name": "n"}, address="module.this.aws_dynamodb_table.n"),
    update(mfa_configuration="ON") | {"address": "module.this.aws_cognito_user_pool.second"},
]

ways = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def losing_plans(draw: st.DrawFn) -> dict[str, Any]:
    loss = json.loads(json.dumps(draw(st.sampled_from(LOSSES))))
    return plan(*draw(st.permutations([loss, *draw(st.lists(st.sampled_from(BYSTANDERS), max_size=2))])))


def shuffled(value: Any, order: random.Random) -> Any:
    """The same JSON with the keys of every object in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        order.shuffle(items)
        return {key: shuffled(each, order) for key, each in items}
    return [shuffled(each, order) for each in value] if isinstance(value, list) else value


def stops(folder: Path, document: Any) -> bool:
    return GUARD.judge(a_unit(), saved(folder, document)).blocked


@ways
@given(document=losing_plans(), seed=st.randoms(use_true_random=False))
def test_the_order_of_fields_does_not_matter(tmp_path: Path, document: dict[str, Any], seed: random.Random) -> None:
    assert stops(tmp_path, shuffled(document, seed))


@ways
@given(document=losing_plans(), extra=st.dictionaries(st.text(max_size=12), json_values, max_size=4))
def test_extra_keys_do_not_matter(tmp_path: Path, document: dict[str, Any], extra: dict[str, Any]) -> None:
    changes = [
        {**extra, **each, "change": {**extra, **each["change"], "before": _more(each["change"]["before"], extra)}}
        for each in document["resource_changes"]
    ]
    assert stops(tmp_path, {**extra, **document, "resource_changes": changes})


def _more(before: Any, extra: dict[str, Any]) -> Any:
    return None if before is None else {**extra, **before}


@ways
@given(document=losing_plans(), data=st.data())
def test_a_cut_plan_does_not_pass(tmp_path: Path, document: dict[str, Any], data: st.DataObject) -> None:
    whole = json.dumps(document).encode()
    assert stops(tmp_path, whole[: data.draw(st.integers(0, len(whole)))])


@ways
@given(document=losing_plans(), data=st.data())
def test_a_plan_with_a_broken_byte_does_not_pass(tmp_path: Path, document: dict[str, Any], data: st.DataObject) -> None:
    """Bytes that are invalid in JSON: Terraform escapes control characters, and these bytes are not UTF-8."""
    whole = bytearray(json.dumps(document).encode())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.sampled_from([0, 0x80, 0xFF]))
    assert stops(tmp_path, bytes(whole))


TOP = ["planned_values", "prior_state", "terraform_version", "applyable", "complete", "errored", "format_version"]


@ways
@given(document=losing_plans(), keys=st.sets(st.sampled_from(TOP)), value=json_values, drop=st.booleans())
def test_missing_or_damaged_parts_do_not_matter(
    tmp_path: Path, document: dict[str, Any], keys: set[str], value: Any, *, drop: bool
) -> None:
    for key in keys:
        document[key] = value
        if drop:
            del document[key]
    assert stops(tmp_path, document)


action_words = st.sampled_from(["create", "delete", "forget", "archive", "Delete", "", "destroy", "no-op "])


@ways
@given(actions=st.lists(action_words, max_size=3) | json_values, after=st.sampled_from([None, USERS]))
def test_no_other_list_of_actions_passes(tmp_path: Path, actions: Any, after: Any) -> None:
    """The resource exists before, and the actions are neither an update nor a no-op."""
    entry = change([], before=USERS, after=after)
    entry["change"]["actions"] = actions
    assert stops(tmp_path, plan(entry))


@ways
@given(document=losing_plans(), actions=st.sampled_from([["no-op"], ["update"], ["create"], ["read"]]))
def test_a_loss_under_a_harmless_name_does_not_pass(
    tmp_path: Path, document: dict[str, Any], actions: list[str]
) -> None:
    """A resource that is gone afterwards, or has paths that replace it, is lost, whatever the plan calls it."""
    for each in document["resource_changes"]:
        if each["change"]["actions"] in (["delete"], ["forget"], ["delete", "create"], ["create", "delete"]):
            each["change"]["actions"] = actions
    assert stops(tmp_path, document)


@ways
@given(document=losing_plans(), data=st.data())
def test_a_loss_that_is_not_listed_does_not_pass(tmp_path: Path, document: dict[str, Any], data: st.DataObject) -> None:
    """The state that the plan starts from still has it."""
    losses = [each for each in document["resource_changes"] if each["type"] == "aws_cognito_user_pool"]
    gone = data.draw(st.sampled_from([each for each in losses if each["address"].endswith(".this")]))
    as_data = data.draw(st.booleans())
    if as_data:
        gone["mode"] = "data"
    else:
        document["resource_changes"].remove(gone)
    assert stops(tmp_path, document)


def test_the_bystanders_alone_pass(tmp_path: Path) -> None:
    """A guard that blocks everything would pass the tests above."""
    assert GUARD.judge(a_unit(), saved(tmp_path, plan(*BYSTANDERS))).findings == ()


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_alone_is_stopped(tmp_path: Path, loss: dict[str, Any]) -> None:
    assert stops(tmp_path, plan(loss))


PROTECTED = GUARD.policies.protected.types
PLACES = ["module.this.", "module.this.module.deep[0].", 'module.this.module.of["a.b[c]"].module.x.', ""]
KEYS = ["", "[0]", '["a"]', '["module.this.aws_sns_topic.q"]', '["\\u00fc ]. \\""]']


@st.composite
def any_loss(draw: st.DrawFn) -> dict[str, Any]:
    """Any protected type, anywhere, lost in any way."""
    kind = draw(st.sampled_from(sorted(PROTECTED)))
    address = f"{draw(st.sampled_from(PLACES))}{kind}.this{draw(st.sampled_from(KEYS))}"
    replaced = [] if PROTECTED[kind].replaceable else ["replace", "create-first"]
    how = draw(st.sampled_from(["delete", "forget", *replaced, "deposed"]))
    losses = {
        "delete": delete(address=address),
        "forget": forget(address=address),
        "replace": replace(address=address),
        "create-first": replace(address=address, create_first=True),
        "deposed": delete(address=address, deposed="1a2b3c4d"),
    }
    return {**losses[how], "type": kind, "name": "this"}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    loss=any_loss(),
    more=st.lists(st.sampled_from(BYSTANDERS), max_size=2, unique_by=lambda b: b["address"]),
    data=st.data(),
)
def test_no_damage_hides_a_loss(
    tmp_path: Path, loss: dict[str, Any], more: list[dict[str, Any]], data: st.DataObject
) -> None:
    """A plan is blocked as long as any part of it still shows a protected loss."""
    document = plan(*data.draw(st.permutations([loss, *more])))
    document = data.draw(damaged(document))
    assume(still_lost(document, PROTECTED))
    assert stops(tmp_path, document)


@ways
@given(loss=any_loss())
def test_any_loss_alone_is_stopped(tmp_path: Path, loss: dict[str, Any]) -> None:
    assert stops(tmp_path, plan(loss))


@pytest.mark.parametrize("where", ["resource_changes", "prior_state"])
def test_two_types_at_one_address_block_without_an_error_of_orch(tmp_path: Path, where: str) -> None:
    pool = change(["no-op"], before=USERS, after=USERS)
    document = plan(pool)
    if where == "resource_changes":
        document["resource_changes"].append({**pool, "type": "a"})
        document["planned_values"] = {"root_module": {}}
    else:
        resources = document["prior_state"]["values"]["root_module"]["child_modules"][0]["resources"]
        resources.append({**resources[0], "type": "a"})
        document["resource_changes"] = []
    assert stops(tmp_path, document)


def _entry(document: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = document["resource_changes"][0]
    return entry


@pytest.mark.parametrize("kind", ["aws_sns_topic", "x", "aws_cognito_user_pool2"])
def test_a_loss_under_another_type_does_not_pass(tmp_path: Path, kind: str) -> None:
    """Its address shows its type, and so does the state that the plan starts from."""
    for without in ((), ("prior_state",)):
        document = plan(delete(), **dict.fromkeys(without, ...))
        _entry(document)["type"] = kind
        assert stops(tmp_path, document)


def test_data_that_would_be_deleted_does_not_pass(tmp_path: Path) -> None:
    """Data sources are only read. A deleted one is a managed resource, whatever its mode."""
    document = plan(delete(), prior_state=...)
    _entry(document)["mode"] = "data"
    assert stops(tmp_path, document)


def test_something_kept_that_will_not_be_there_does_not_pass(tmp_path: Path) -> None:
    """Even if the plan has no prior state."""
    document = plan(delete(), prior_state=...)
    _entry(document)["change"].update(actions=["no-op"], after=USERS)
    del _entry(document)["action_reason"]
    assert stops(tmp_path, document)


def test_actions_that_a_newer_terraform_would_run_do_not_pass(tmp_path: Path) -> None:
    """Terraform 1.14 can call a function during apply without any resource that changes."""
    assert stops(tmp_path, plan(*BYSTANDERS, action_invocations=[{"address": "action.aws_lambda_invoke.go"}]))
    assert stops(tmp_path, plan(*BYSTANDERS, some_future_changes=[{"address": "x"}]))
    assert not stops(tmp_path, plan(*BYSTANDERS, action_invocations=[], some_future_changes=None))
