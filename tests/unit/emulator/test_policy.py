"""Policy evaluation: a case for each of IAM's rules, and properties that hold for all policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.emulator.access.conditions import conditions_hold, substitute
from orchestrator.emulator.access.policy import (
    Effect,
    Grant,
    Principal,
    RequiredAction,
    evaluate,
    evaluate_for,
    matches,
)

POOL = "arn:aws:cognito-idp:eu-west-1:111111111111:userpool/eu-west-1_abc"
ROLE = "arn:aws:iam::111111111111:role/orch-apply"
SESSION = "arn:aws:sts::111111111111:assumed-role/orch-apply/run"
ME = Principal("111111111111", (ROLE, SESSION))


def doc(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def ask(action: str = "cognito-idp:DeleteUserPool", *resources: str, **context: list[str]) -> RequiredAction:
    return RequiredAction(action, resources or (POOL,), {k.replace("_", ":", 1).lower(): v for k, v in context.items()})


@pytest.mark.parametrize(
    ("statements", "effect"),
    [
        ([], Effect.NOTHING),
        ([allow()], Effect.ALLOW),
        ([allow("cognito-idp:Delete*")], Effect.ALLOW),
        ([allow("COGNITO-IDP:deleteuserpool")], Effect.ALLOW),
        ([allow("cognito-idp:Describe*")], Effect.NOTHING),
        ([allow(["s3:*", "cognito-idp:DeleteUserPoo?"])], Effect.ALLOW),
        ([allow(resource=POOL)], Effect.ALLOW),
        ([allow(resource="arn:aws:cognito-idp:*:*:userpool/*")], Effect.ALLOW),
        ([allow(resource=POOL.upper())], Effect.NOTHING),
        ([allow(), deny(resource=POOL)], Effect.DENY),
        ([allow(), deny(resource=POOL + "x")], Effect.ALLOW),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], Effect.ALLOW),
        ([{"Effect": "Allow", "NotAction": "cognito-idp:*", "Resource": "*"}], Effect.NOTHING),
        ([allow(), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::*"}], Effect.DENY),
        ([allow(), {"Effect": "Deny", "Action": "*", "NotResource": POOL}], Effect.ALLOW),
        ([allow(), deny(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})], Effect.ALLOW),
        ([allow(), deny(Condition={"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}})], Effect.DENY),
    ],
)
def test_what_identity_policies_say(statements: list[dict[str, Any]], effect: Effect) -> None:
    question = ask(aws_RequestedRegion=["eu-west-1"])
    assert evaluate([doc(*statements)], question) is effect
    assert evaluate([doc(each) for each in statements], question) is effect, "one policy or several: the same"


STATEMENTS = st.sampled_from(
    [
        allow(),
        deny(),
        allow("s3:*"),
        deny("s3:*"),
        allow("cognito-idp:*", POOL),
        deny("cognito-idp:*", POOL),
        deny(Condition={"Bool": {"aws:SecureTransport": "false"}}),
    ]
)


@given(st.lists(STATEMENTS), st.randoms())
def test_order_means_nothing_a_deny_always_wins_and_an_allow_never_takes_away(
    statements: list[dict[str, Any]], random: Any
) -> None:
    question = ask(aws_SecureTransport=["true"])
    said = evaluate([doc(*statements)], question)
    mixed = list(statements)
    random.shuffle(mixed)
    assert evaluate([doc(*mixed)], question) is said
    assert evaluate([doc(*statements, deny())], question) is Effect.DENY
    more = evaluate([doc(*statements, allow())], question)
    assert more is (Effect.DENY if said is Effect.DENY else Effect.ALLOW)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_pattern_is_only_star_and_question_mark(prefix: str, rest: str) -> None:
    literal = prefix.replace("*", "").replace("?", "")
    assert matches(literal, literal)
    assert matches(literal + "*", literal + rest)
    assert not matches(literal + "?", literal)
    assert matches(literal, rest) is (literal == rest)


@pytest.mark.parametrize(
    ("operator", "wanted", "have", "expected"),
    [
        ("StringEquals", "a", ["a"], True),
        ("StringEquals", ["b", "a"], ["a"], True),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringNotEquals", "a", ["b"], True),
        ("StringNotEquals", ["a", "b"], ["b"], False),
        ("StringNotEquals", "a", None, True),
        ("StringNotEqualsIgnoreCase", "A", ["a"], False),
        ("StringEqualsIgnoreCase", "A", ["a"], True),
        ("StringLike", "or*h", ["orch"], True),
        ("StringLike", "[o]rch", ["orch"], False),
        ("StringNotLike", "or*", ["orch"], False),
        ("ArnLike", "arn:aws:iam::*:role/x-*", ["arn:aws:iam::111111111111:role/x-a"], True),
        ("ArnEquals", "arn:aws:iam::*:role/x", ["arn:aws:iam::1:role/y"], False),
        ("ArnNotLike", "arn:aws:iam::*:role/x", ["arn:aws:iam::1:role/y"], True),
        ("ArnLike", "arn:*", ["arn:aws:iam::1:role/y"], False),
        ("Bool", "true", ["true"], True),
        ("Bool", True, ["false"], False),
        ("Null", "true", None, True),
        ("Null", "true", ["x"], False),
        ("Null", False, ["x"], True),
        ("NumericLessThanEquals", "3600", ["3600"], True),
        ("NumericGreaterThan", 3600, ["3600"], False),
        ("NumericNotEquals", "1", ["2"], True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", ["2026-06-01T00:00:00Z"], True),
        ("DateLessThan", "2026-01-01", ["1700000000"], True),
        ("IpAddress", "127.0.0.0/8", ["127.0.0.1"], True),
        ("NotIpAddress", "10.0.0.0/8", ["127.0.0.1"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a", "b"], None, True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "a"], True),
        ("ForAnyValue:StringEquals", "a", None, False),
        ("ForAnyValue:StringNotEquals", "a", ["a", "b"], True),
    ],
)
def test_condition_operators(operator: str, wanted: Any, have: list[str] | None, expected: bool) -> None:
    context = {} if have is None else {"some:key": have}
    assert conditions_hold({operator: {"Some:Key": wanted}}, context) is expected


def test_all_keys_and_operators_of_a_condition_must_hold() -> None:
    context = {"a:b": ["1"], "c:d": ["2"]}
    assert conditions_hold({"StringEquals": {"a:b": "1", "c:d": "2"}}, context)
    assert not conditions_hold({"StringEquals": {"a:b": "1", "c:d": "3"}}, context)
    assert not conditions_hold({"StringEquals": {"a:b": "1"}, "StringLike": {"c:d": "3*"}}, context)


def test_an_operator_that_does_not_exist_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="unknown condition operator StringIs"):
        conditions_hold({"StringIs": {"a:b": "1"}}, {"a:b": ["1"]})


def test_variables_take_the_callers_values() -> None:
    context = {"aws:username": ["ann"]}
    assert substitute("arn:aws:s3:::b/${aws:UserName}/${*}", context) == "arn:aws:s3:::b/ann/*"
    assert substitute("${aws:PrincipalTag/team, 'none'}", context) == "none"
    home = doc(allow("s3:*", "arn:aws:s3:::b/${aws:username}/*"))
    assert evaluate([home], RequiredAction("s3:GetObject", ("arn:aws:s3:::b/ann/x",), context)) is Effect.ALLOW
    assert evaluate([home], RequiredAction("s3:GetObject", ("arn:aws:s3:::b/bob/x",), context)) is Effect.NOTHING
    assert evaluate([home], RequiredAction("s3:GetObject", ("arn:aws:s3:::b//x",), {})) is Effect.NOTHING


@pytest.mark.parametrize(
    ("principal", "grant"),
    [
        ("*", Grant.DIRECT),
        ({"AWS": "*"}, Grant.DIRECT),
        ({"AWS": ROLE}, Grant.DIRECT),
        ({"AWS": ["arn:aws:iam::2:root", SESSION]}, Grant.DIRECT),
        ({"AWS": "arn:aws:iam::111111111111:root"}, Grant.ACCOUNT),
        ({"AWS": "111111111111"}, Grant.ACCOUNT),
        ({"AWS": "arn:aws:iam::222222222222:root"}, Grant.NONE),
        ({"Service": "lambda.amazonaws.com"}, Grant.NONE),
        ({"Federated": ROLE}, Grant.NONE),
    ],
)
def test_whom_a_trust_policy_names(principal: Any, grant: Grant) -> None:
    trust = doc({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    effect, how = evaluate_for(trust, ask("sts:AssumeRole", ROLE), ME)
    assert how is grant
    assert effect is (Effect.NOTHING if grant is Grant.NONE else Effect.ALLOW)


def test_a_deny_for_all_but_one_spares_that_one() -> None:
    text = doc({"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "*", "Resource": "*"})
    assert evaluate_for(text, ask(), ME)[0] is Effect.NOTHING
    assert evaluate_for(text, ask(), Principal("2" * 12, ("arn:aws:iam::222222222222:user/x",)))[0] is Effect.DENY


@pytest.mark.parametrize("text", ["{}", "[]", '{"Statement": [{"Effect": "allow"}]}'])
def test_what_is_no_policy_is_not_taken_for_an_empty_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"Statement|Effect"):
        evaluate([text], ask())
