"""What IAM denies: read as IAM reads it, in as few documents as possible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.config.catalogue import Roles
from orchestrator.guard.rules.apply_role import not_denied, shared_role, shown
from tests.support.aws import account

POOL, TABLE = "cognito-idp:DeleteUserPool", "dynamodb:DeleteTable"
BOTH = {"Effect": "Deny", "Action": [POOL, TABLE], "Resource": ["*"]}


def document(*statements: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({}, ()),
        ({"Action": POOL, "Resource": "*"}, (TABLE,)),
        ({"Action": ["cognito-idp:Delete*", "DYNAMODB:deletetable"]}, ()),
        ({"Action": ["cognito-idp:DeleteUserPoo?"]}, (TABLE,)),
        ({"Action": "*"}, ()),
        ({"Action": ["cognito-idp:[D]eleteUserPool"]}, (POOL, TABLE)),
        ({"Effect": "Allow"}, (POOL, TABLE)),
        ({"Resource": ["arn:aws:cognito-idp:*:1:userpool/other"]}, (POOL, TABLE)),
        ({"Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}, (POOL, TABLE)),
        ({"Action": None, "NotAction": ["s3:*"]}, ()),
        ({"Action": None, "NotAction": [POOL]}, (POOL,)),
        ({"Resource": None, "NotResource": ["arn:aws:s3:::a"]}, (POOL, TABLE)),
        ({"Action": []}, (POOL, TABLE)),
    ],
)
def test_an_action_is_denied_if_nothing_can_allow_it(change: dict[str, Any], missing: tuple[str, ...]) -> None:
    statement = {key: value for key, value in {**BOTH, **change}.items() if value is not None}
    assert not_denied([document(statement)], [POOL, TABLE]) == missing
    assert not_denied([{"Statement": statement}], [TABLE, POOL]) == missing, "a single statement needs no list"


def test_the_policies_of_a_role_add_up_and_no_more_are_read_than_needed() -> None:
    def documents() -> Iterator[Mapping[str, Any]]:
        yield document({**BOTH, "Action": POOL})
        yield document({"Effect": "Allow", "Action": "*", "Resource": "*"}, {**BOTH, "Action": TABLE})
        pytest.fail("everything is denied already")

    assert not_denied(documents(), [POOL, TABLE]) == ()
    assert not_denied([], [POOL]) == (POOL,)


@pytest.mark.parametrize(
    ("apply", "says"),
    [
        ("orch-apply", ""),
        ("OrganizationAccountAccessRole", "roles.bootstrap"),
        ("orch-break-glass", "roles.break_glass"),
    ],
)
def test_the_apply_role_is_none_that_may_delete(apply: str, says: str) -> None:
    found = shared_role(replace(account("main", "1" * 12), roles=replace(Roles(), apply=apply)))
    assert (found is not None) is bool(says)
    if found is not None:
        assert says in found.cause
        assert (found.rule, found.unit, found.address) == ("ORCH_APPLY_ROLE", "account:main", apply)


def test_a_long_list_is_cut() -> None:
    assert shown(["a:A", "b:B", "c:C"]) == "a:A, b:B, c:C"
    assert shown(["a:A", "b:B", "c:C", "d:D", "e:E"]) == "a:A, b:B, c:C and 2 more"
