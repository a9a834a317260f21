from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.nodes import Node
from orchestrator.errors import Location
from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Finding, Verdict
from orchestrator.guard.policies.load import Policies
from orchestrator.terraform.model import Action, OutputChange, PlanRecord, ResourceChange
from tests.support.checks import local_checks
from tests.support.plans import POOL, SCHEMA, USERS, a_unit, change, delete, forget, plan, replace, saved, update

ROOT = Path(__file__).parents[3]
OTHER = "module.this.aws_cognito_user_pool.other"


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(local_checks(Policies.load(ROOT)))


def rules(verdict: Verdict) -> set[str]:
    return {finding.rule for finding in verdict.findings}


def only(verdict: Verdict) -> Finding:
    assert len(verdict.findings) == 1, [finding.message for finding in verdict.findings]
    return verdict.findings[0]


@pytest.mark.parametrize(
    ("entry", "action", "cause"),
    [
        (delete(), "delete", "its block is no longer in the module"),
        (delete(reason=None), "delete", "the whole unit would be destroyed"),
        (delete(reason="delete_because_each_key"), "delete", "its key is no longer in `for_each`"),
        (delete(reason="delete_because_of_the_moon"), "delete", "delete_because_of_the_moon"),
        (replace(), "replace", "alias_attributes cannot be changed in place"),
        (replace(create_first=True), "replace", "alias_attributes cannot be changed in place"),
        (replace(reason="replace_because_tainted", paths=None), "replace", "tainted"),
        (replace(reason="replace_by_request", paths=None), "replace", "was requested"),
        (forget(), "forget", "its block is no longer in the module"),
        (change(["create", "forget"], before=USERS, after=USERS), "replace", "no reason"),
        (change(["forget", "create"], before=USERS, after=USERS), "replace", "no reason"),
        (delete(deposed="1a2b3c4d", reason=None), "delete", "deposed 1a2b3c4d"),
    ],
)
def test_what_takes_a_pool_away_is_blocked(
    judge: Judge, tmp_path: Path, entry: dict[str, Any], action: str, cause: str
) -> None:
    finding = only(verdict := judge.judge(a_unit(), saved(tmp_path, plan(entry))))
    assert verdict.blocked
    assert (finding.rule, finding.action, finding.unit) == ("ORCH_PROTECTED", action, "prod/identity")
    assert finding.address.startswith(POOL)
    assert cause in finding.cause
    assert "every user" in finding.lost
    assert finding.hint
    assert "ORCH_PROTECTED" in verdict.checks


@pytest.mark.parametrize(
    "entry",
    [
        update(schema=[SCHEMA, {**SCHEMA, "name": "team"}]),
        update(schema=[{**SCHEMA, "required": False}]),
        update(mfa_configuration="ON"),
        change(["no-op"], before=USERS, after=USERS, address=OTHER, previous=POOL),
        change(["create"], after=USERS),
        change(["delete"], before={"id": "x"}, address="module.this.aws_sns_topic.this"),
        change(["read"], after={"id": "x"}, address="module.this.data.aws_cognito_user_pool.this", mode="data"),
    ],
)
def test_what_keeps_the_pool_has_no_finding(judge: Judge, tmp_path: Path, entry: dict[str, Any]) -> None:
    assert judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings == ()


@pytest.mark.parametrize(
    ("entry", "rule", "cause"),
    [
        (update(deletion_protection="INACTIVE"), "ORCH_WEAKENED", "from 'ACTIVE' to 'INACTIVE'"),
        (update(deletion_protection=None), "ORCH_WEAKENED", "from 'ACTIVE' to None"),
        (
            change(["update"], before=USERS, after=USERS, unknown={"deletion_protection": True}),
            "ORCH_WEAKENED",
            "known only after the apply",
        ),
        (update(schema=[]), "ORCH_HIDDEN_REPLACE", "'company' would be changed or removed"),
        (update(schema=[{**SCHEMA, "mutable": False}]), "ORCH_HIDDEN_REPLACE", "'company'"),
        (
            change(["update"], before=USERS, after={**USERS, "schema": None}, unknown={"schema": True}),
            "ORCH_HIDDEN_REPLACE",
            "'company'",
        ),
    ],
)
def test_what_weakens_the_pool_is_blocked(
    judge: Judge, tmp_path: Path, entry: dict[str, Any], rule: str, cause: str
) -> None:
    finding = only(judge.judge(a_unit(), saved(tmp_path, plan(entry))))
    assert finding.rule == rule
    assert cause in finding.cause
    assert "every user" in finding.lost


def test_a_pool_whose_protection_is_off_already_may_change(judge: Judge, tmp_path: Path) -> None:
    entry = update({**USERS, "deletion_protection": "INACTIVE"}, mfa_configuration="ON")
    assert judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings == ()


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\x00\xff\x80binary",
        b"null",
        b"[]",
        b"{}",
        b'{"format_version": "1.2", "resource_changes": NaN}',
        b'{"format_version": "1.2", "errored": false, "errored": true}',
        b"[" * 200_000,
        json.dumps(plan(delete())).encode()[:-20],
        plan(format_version="2.0"),
        plan(format_version=1.2),
        plan(format_version=...),
        plan(errored="no"),
        plan(resource_changes={"a": 1}),
        plan({**delete(), "address": ""}),
        plan({**delete(), "type": None}),
        plan(resource_changes=[{**delete(), "change": None}]),
        plan(delete(), deferred_changes=[{}]),
    ],
    ids=lambda document: repr(document)[:40],
)
def test_a_file_that_is_not_a_plan_is_blocked(judge: Judge, tmp_path: Path, document: Any) -> None:
    verdict = judge.judge(a_unit(), saved(tmp_path, document))
    assert verdict.blocked
    assert rules(verdict) == {"ORCH_UNREADABLE"}
    assert verdict.checks == ()


def test_a_missing_file_is_blocked(judge: Judge, tmp_path: Path) -> None:
    record = saved(tmp_path, plan())
    (tmp_path / "plan.json").unlink()
    assert "cannot be read" in only(judge.judge(a_unit(), record)).cause


@pytest.mark.parametrize(
    ("entry", "cause"),
    [
        (
            change(["vaporise"], before={"id": "x"}, after={"id": "x"}, address="module.this.aws_sns_topic.q"),
            "vaporise",
        ),
        (change([], before={"id": "x"}, after={"id": "x"}, address="module.this.aws_sns_topic.q"), "[]"),
        (change(["create"], before=USERS, after=USERS), "it already exists"),
        (change(["update"], before=None, after=USERS), "one side"),
        (change(["no-op"], before=None, after=USERS), "appears or disappears"),
        (change(["update"], before=USERS, after=USERS, paths=[["name"]]), "replace it"),
        (change(["no-op"], before=USERS, after=USERS, reason="replace_because_tainted"), "tainted"),
    ],
)
def test_an_entry_that_contradicts_itself_is_blocked(
    judge: Judge, tmp_path: Path, entry: dict[str, Any], cause: str
) -> None:
    verdict = judge.judge(a_unit(), saved(tmp_path, plan(entry)))
    faults = [finding for finding in verdict.findings if finding.rule == "ORCH_UNREADABLE"]
    assert verdict.blocked
    assert cause in faults[0].cause
    assert faults[0].address == entry["address"]


def test_an_unknown_action_on_a_pool_counts_as_its_loss(judge: Judge, tmp_path: Path) -> None:
    verdict = judge.judge(a_unit(), saved(tmp_path, plan(change(["archive"], before=USERS, after=USERS))))
    assert rules(verdict) == {"ORCH_UNREADABLE", "ORCH_PROTECTED"}


def test_the_same_object_twice_is_blocked(judge: Judge, tmp_path: Path) -> None:
    keep = change(["no-op"], before=USERS, after=USERS)
    verdict = judge.judge(a_unit(), saved(tmp_path, plan(delete(), keep)))
    assert rules(verdict) == {"ORCH_UNREADABLE", "ORCH_PROTECTED"}


def test_a_pool_of_the_state_that_no_change_names_is_blocked(judge: Judge, tmp_path: Path) -> None:
    document = plan(change(["no-op"], before=USERS, after=USERS), resource_changes=[])
    finding = only(judge.judge(a_unit(), saved(tmp_path, document)))
    assert "the plan does not list it" in finding.cause
    assert "every user" in finding.lost


def test_a_pool_that_stays_and_yet_is_not_planned_is_blocked(judge: Judge, tmp_path: Path) -> None:
    document = plan(update(mfa_configuration="ON"), planned_values={})
    assert "its planned values are missing" in only(judge.judge(a_unit(), saved(tmp_path, document))).cause


def test_a_deferred_pool_is_accounted_for(judge: Judge, tmp_path: Path) -> None:
    entry = change(["no-op"], before=USERS, after=USERS)
    document = plan(entry, resource_changes=[], deferred_changes=[{"reason": "x", "resource_change": entry}])
    assert judge.judge(a_unit(), saved(tmp_path, document)).findings == ()


def test_a_loss_that_only_the_report_shows_is_blocked(judge: Judge, tmp_path: Path) -> None:
    shown = ResourceChange(
        address=POOL, type="aws_cognito_user_pool", name="this", provider="aws", mode="managed", action=Action.DELETE
    )
    record = saved(tmp_path, plan(change(["no-op"], before=USERS, after=USERS)), changes=(shown,))
    assert only(judge.judge(a_unit(), record)).rule == "ORCH_PROTECTED"


def test_an_errored_plan_is_blocked_and_says_what_would_be_lost(judge: Judge, tmp_path: Path) -> None:
    assert only(judge.judge(a_unit(), saved(tmp_path, plan(delete(), errored=True)))).lost
    plain = only(judge.judge(a_unit(), saved(tmp_path, plan(errored=True, prior_state=plan(delete())["prior_state"]))))
    assert (plain.rule, plain.lost) == ("ORCH_ERRORED", "")


def test_an_empty_plan_needs_no_json(judge: Judge, tmp_path: Path) -> None:
    empty = PlanRecord(tmp_path / "plan", None)
    assert judge.judge(a_unit(), empty) == Verdict("prod/identity", (), ())


def test_a_plan_that_is_not_empty_needs_json(judge: Judge, tmp_path: Path) -> None:
    outputs = {"arn": OutputChange("arn", Action.UPDATE, "x", after_unknown=False, sensitive=False)}
    assert judge.judge(a_unit(), PlanRecord(tmp_path / "plan", None, outputs=outputs)).blocked


def test_ids_are_the_same_in_the_next_run_and_differ_by_what_they_are_about(judge: Judge, tmp_path: Path) -> None:
    first = only(judge.judge(a_unit(), saved(tmp_path, plan(delete()))))
    again = only(Judge(local_checks(Policies.load(ROOT))).judge(a_unit(), saved(tmp_path, plan(delete(reason=None)))))
    other = only(judge.judge(a_unit(), saved(tmp_path, plan(forget()))))
    assert first.id == again.id != other.id
    assert len(first.id) == 10


def test_a_rename_gets_its_moved_entry(judge: Judge, tmp_path: Path) -> None:
    decoy = change(["create"], after={"name": "another"}, address="module.this.aws_cognito_user_pool.decoy")
    duplicate = change(["create"], after=USERS, address='module.this.aws_cognito_user_pool.by_key["a"]')
    finding = only(judge.judge(a_unit(), saved(tmp_path, plan(delete(), decoy, duplicate))))
    entry = '`moved: {"aws_cognito_user_pool.this": "aws_cognito_user_pool.by_key[\\"a\\"]"}`'
    assert entry in finding.hint


def test_two_equal_candidates_are_no_clear_rename(judge: Judge, tmp_path: Path) -> None:
    duplicates = [change(["create"], after=USERS, address=f"module.this.aws_cognito_user_pool.t{n}") for n in range(2)]
    assert "moved" not in only(judge.judge(a_unit(), saved(tmp_path, plan(delete(), *duplicates)))).hint


def test_the_location_is_the_input_then_the_module_then_the_entry(judge: Judge, tmp_path: Path) -> None:
    record = saved(tmp_path, plan(replace()))
    at = Location("live/stacks/identity.yaml", 7, 5)
    node = Node(value="x", at=at)
    assert only(judge.judge(a_unit({"alias_attributes": node}), record)).where == at
    module = tmp_path / "user_pool"
    module.mkdir()
    text = (
        'variable "a" {}\nresource "aws_cognito_user_pool" "this" {\n  name = "x"\n  alias_attributes = ["email"]\n}\n'
    )
    (module / "main.tf").write_text(text)
    assert only(judge.judge(a_unit(module=module), record)).where == Location((module / "main.tf").as_posix(), 4, 3)
    assert only(judge.judge(a_unit(), record)).where == a_unit().at


def test_every_loss_in_one_plan_is_reported(judge: Judge, tmp_path: Path) -> None:
    deposed = delete(deposed="1a2b3c4d", reason=None)
    table = change(["delete"], before={"name": "t"}, address="module.this.aws_dynamodb_table.this")
    verdict = judge.judge(a_unit(), saved(tmp_path, plan(replace(), deposed, table)))
    assert [finding.address for finding in verdict.findings] == [
        POOL,
        f"{POOL} (deposed 1a2b3c4d)",
        "module.this.aws_dynamodb_table.this",
    ]
