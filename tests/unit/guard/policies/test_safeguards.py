"""The rules of ``policies/protected.yaml`` obey the laws of an order, whatever the values are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import safeguard_of
from orchestrator.guard.policies.safeguards import Safeguard, newly_bad, weakened, without
from orchestrator.guard.policies.values import Mark, ValueReference, value_at, with_references, with_unknown
from tests.support.safeguards import at, listed_safeguards, pair

LISTED = Protected.read(Path(__file__).parents[4] / "policies/protected.yaml")
RULES = {(kind, path): rule for kind, path, rule, _ in listed_safeguards(LISTED)}
ACTIONS = ["s3:*", "*", "s3:GetObject", "kms:*", "kms:Decrypt", "s3:ListBucket"]

days = st.none() | st.integers(0, 40)
flags = st.none() | st.booleans()
text = st.sampled_from(["", "a", "b", "Enabled", "ENABLED", "COMPLIANCE"])
lifecycle = st.lists(
    st.fixed_dictionaries(
        {"status": st.sampled_from(["Enabled", "Disabled"]), "prefix": st.sampled_from([None, "", "tmp/"])},
        optional={
            "expiration": st.lists(st.fixed_dictionaries({"days": days}), max_size=1),
            "noncurrent_version_expiration": st.lists(st.fixed_dictionaries({"noncurrent_days": days}), max_size=1),
        },
    ),
    max_size=3,
)
selection = st.fixed_dictionaries(
    {
        "tagStatus": st.sampled_from(["any", "untagged", "tagged"]),
        "countType": st.sampled_from(["imageCountMoreThan", "sinceImagePushed"]),
        "countNumber": st.integers(1, 9),
    }
)
images = st.lists(selection, max_size=3).map(lambda all_: json.dumps({"rules": [{"selection": each} for each in all_]}))
statement = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": st.sampled_from(["*", {"AWS": "*"}, {"AWS": "arn:aws:iam::1:root"}]),
        "Action": st.sampled_from(ACTIONS) | st.lists(st.sampled_from(ACTIONS), max_size=2),
    },
    optional={"Condition": st.sampled_from([{}, {"Bool": {"aws:SecureTransport": "false"}}])},
)
policy = st.none() | st.lists(statement, max_size=3).map(lambda all_: json.dumps({"Statement": all_}))
ttls = st.lists(st.fixed_dictionaries({"enabled": flags, "attribute_name": st.sampled_from("ab")}), max_size=1)
SHAPES = {"expiration": lifecycle, "images": images, "ttl": ttls, "lockout": policy, "key_lockout": policy}


def values(rule: Safeguard) -> st.SearchStrategy[Any]:
    """Values that an attribute with this rule can have."""
    if rule.no_new is not None:
        return SHAPES[rule.no_new]
    if rule.no_less is not None:
        return days
    if rule.no_fewer is not None:
        labels = st.lists(st.sampled_from("abcd"), max_size=3, unique=True)
        return labels if rule.no_fewer == "values" else labels.map(lambda all_: [{rule.no_fewer: e} for e in all_])
    named = [*(rule.keep or ()), *(rule.never or ())]
    return st.sampled_from(named) | flags | text


@st.composite
def cases(draw: st.DrawFn, number: int) -> tuple[dict[str, Safeguard], list[dict[str, Any]]]:
    """A rule of the list, and some values of the resource."""
    (_, path), rule = draw(st.sampled_from(sorted(RULES.items(), key=lambda item: item[0])))
    return {path: rule}, [at(path, draw(values(rule))) for _ in range(number)]


@given(cases(1))
def test_what_stays_as_it_is_is_no_finding(case: tuple[dict[str, Safeguard], list[dict[str, Any]]]) -> None:
    rules, (value,) = case
    assert list(weakened(rules, value, value)) == []


@given(cases(3))
def test_a_step_that_loses_nothing_never_makes_a_finding_of_another(
    case: tuple[dict[str, Safeguard], list[dict[str, Any]]],
) -> None:
    """If a change from a to b is none and b is made safer still, the change from a to that is none either."""
    rules, (a, b, c) = case
    assume(not list(weakened(rules, a, b)) and not list(weakened(rules, b, c)))
    assert list(weakened(rules, a, c)) == []


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], deadline=None)
@given(cases(2))
def test_what_nobody_knows_is_as_bad_as_anything(case: tuple[dict[str, Safeguard], list[dict[str, Any]]]) -> None:
    rules, (a, b) = case
    (path,) = rules
    assume(list(weakened(rules, a, b)))
    unknown = with_unknown(b, at(path, True))
    assert list(weakened(rules, a, unknown)) != []


@given(cases(2))
def test_a_new_companion_is_judged_at_least_like_a_change_of_its_sibling(
    case: tuple[dict[str, Safeguard], list[dict[str, Any]]],
) -> None:
    rules, (a, b) = case
    assume(list(weakened(rules, a, b)))
    assert list(newly_bad(rules, b, [a])) != []


@pytest.mark.parametrize("case", RULES, ids=".".join)
def test_every_rule_of_the_list_tells_a_safe_value_from_a_bad_one(case: tuple[str, str]) -> None:
    rule, path = RULES[case], case[1]
    safe, bad = (at(path, each) for each in pair(rule))
    assert len(list(weakened({path: rule}, safe, bad))) == 1
    assert list(weakened({path: rule}, bad, safe)) == []


@pytest.mark.parametrize("case", RULES, ids=".".join)
def test_every_rule_of_the_list_reads_cloudformations_form(case: tuple[str, str]) -> None:
    """Text instead of booleans and numbers, objects instead of JSON text, single objects instead of lists of one."""
    rule, path = RULES[case], case[1]
    plain = path.replace("[", ".").replace("]", "").split(".")[0] if "[" in path else path
    safe, bad = ({plain: {}} if "[" in path else _nested(path, _as_text(each)) for each in pair(rule))
    assert len(list(weakened({path: rule}, safe, bad))) == (0 if "[" in path else 1)


def _as_text(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("{"):
        return _as_text(json.loads(value))
    if isinstance(value, dict):
        return {key: _as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_text(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nested(path: str, value: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first.title().replace("_", ""): _nested(rest, value) if rest else value}


@pytest.mark.parametrize(
    ("rule", "before", "after", "found"),
    [
        ({"keep": ["COMPLIANCE", "GOVERNANCE"]}, "COMPLIANCE", "GOVERNANCE", True),
        ({"keep": ["COMPLIANCE", "GOVERNANCE"]}, "GOVERNANCE", "COMPLIANCE", False),
        ({"keep": ["COMPLIANCE", "GOVERNANCE"]}, None, "GOVERNANCE", False),
        ({"keep": [True]}, True, None, True),
        ({"keep": [False]}, None, False, False),
        ({"never": [0]}, False, None, False),
        ({"no_less": "days", "default": 30}, None, 7, True),
        ({"no_less": "days", "default": 30}, None, 30, False),
        ({"no_less": "days", "default": 30}, 90, None, True),
        ({"no_less": "days"}, None, 7, True),
        ({"no_less": "days"}, 7, None, True),
        ({"no_less": "days"}, 0, None, False),
        ({"no_less": "days"}, "30", "7", True),
        ({"no_less": "days", "zero": "forever"}, 0, 3650, True),
        ({"no_less": "days", "zero": "forever"}, 3650, 0, False),
        ({"no_fewer": "values"}, ["a", "b"], ["b", "c"], True),
        ({"no_fewer": "values"}, ["a"], ["b", "a"], False),
    ],
)
def test_examples(rule: dict[str, Any], before: Any, after: Any, *, found: bool) -> None:
    rules = {"x": safeguard_of(rule)}
    assert bool(list(weakened(rules, {"x": before}, {"x": after}))) is found


def test_elements_are_compared_with_themselves() -> None:
    rules = {"rule[name].days": Safeguard(no_less="days")}
    before = {"rule": [{"name": "daily", "days": 35}, {"name": "monthly", "days": 365}]}
    after = {"rule": [{"name": "monthly", "days": 365}, {"name": "daily", "days": 7}, {"name": "new", "days": 1}]}
    assert list(weakened(rules, before, after)) == [
        "rule.days of daily would change from 35 to 7: what is older than 7 days is deleted"
    ]
    assert list(weakened(rules, before, with_unknown(after, {"rule": True}))) != []


@pytest.mark.parametrize(
    ("kind", "path", "values", "said"),
    [
        ("aws_secretsmanager_secret", "recovery_window_in_days", (30, 7), "a deletion can be undone for 7 days only"),
        ("aws_secretsmanager_secret", "recovery_window_in_days", (None, 0), "a deletion cannot be undone"),
        ("aws_kms_key", "deletion_window_in_days", (None, 7), "a deletion can be undone for 7 days only"),
        ("aws_cloudwatch_log_group", "retention_in_days", (0, 1), "what is older than 1 day is deleted"),
        ("aws_db_instance", "backup_retention_period", (7, 1), "backups that are older than 1 day are deleted"),
        ("aws_db_instance", "backup_retention_period", (7, 0), "no backup is kept"),
        ("aws_sqs_queue", "message_retention_seconds", (345600, 60), "what is older than 60 seconds is deleted"),
    ],
)
def test_a_number_that_falls_says_what_that_does(
    kind: str, path: str, values: tuple[int | None, int], said: str
) -> None:
    before, after = ({path: each} for each in values)
    (phrase,) = weakened(LISTED.types[kind].safeguards, before, after)
    assert phrase.endswith(f": {said}")


@pytest.mark.parametrize(
    ("kind", "path", "said"),
    [
        ("aws_s3_bucket_object_lock_configuration", "rule.default_retention.days", "it can be deleted after 7 days"),
        ("aws_backup_vault_lock_configuration", "min_retention_days", "it can be deleted after 7 days"),
        ("aws_dynamodb_table", "point_in_time_recovery.recovery_period_in_days", "before the last 7 days"),
    ],
)
def test_a_lock_and_a_recovery_are_no_age(kind: str, path: str, said: str) -> None:
    (rule,) = [each for name, where, each, _ in listed_safeguards(LISTED) if (name, where) == (kind, path)]
    (phrase,) = weakened({path: rule}, at(path, 30), at(path, 7))
    assert said in phrase


def test_every_number_with_a_word_about_undoing_means_that() -> None:
    for kind, path, rule, _ in listed_safeguards(LISTED):
        name = path.rpartition(".")[2]
        if re.search(r"window|permanent", name):
            assert rule.means == "undo", (kind, path)
        if re.search(r"backup|snapshot", name) and rule.no_less:
            assert rule.means == "backups", (kind, path)
        assert rule.means is None or rule.no_less, (kind, path)


def test_a_reference_that_stays_is_no_finding_and_another_one_is_unknown() -> None:
    rules = {"Days": Safeguard(no_less="days")}
    same = with_references({"Days": {"Ref": "A"}}, "\0")
    assert value_at(same, "Days") == ValueReference('{"Ref": "A"}')
    assert list(weakened(rules, same, same)) == []
    assert list(weakened(rules, same, with_references({"Days": "5"}, "\0"))) != []
    assert list(weakened(rules, {"Days": "5"}, same)) != []
    assert value_at(with_references({"Days": {"Fn::If": ["\0", "1", "2"]}}, "\0"), "Days") is Mark.UNKNOWN


def test_a_removal_counts_only_if_it_makes_something_worse() -> None:
    versioning = LISTED.types["aws_s3_bucket"].companions["aws_s3_bucket_versioning"].attributes
    lifecycle_ = LISTED.types["aws_s3_bucket"].companions["aws_s3_bucket_lifecycle_configuration"].attributes
    assert without(versioning, at("versioning_configuration.status", "Enabled"))
    assert not without(versioning, at("versioning_configuration.status", "Suspended"))
    assert not without(lifecycle_, {"rule": pair(Safeguard(no_new="expiration"))[1]})


@example({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": {"StringLike": {"aws:PrincipalArn": "*"}}})
@example({"Effect": "Deny", "Principal": {"AWS": ["*"]}, "NotAction": "s3:ListBucket"})
@example(
    {"Effect": "Deny", "Principal": "*", "Action": ["S3:Get*"], "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]}
)
@given(st.just({"Effect": "Deny", "Principal": "*", "Action": "*"}))
def test_a_policy_that_locks_everybody_out(denying: dict[str, Any]) -> None:
    rules = {"policy": Safeguard(no_new="lockout")}
    assert list(weakened(rules, {"policy": ""}, {"policy": json.dumps({"Statement": denying})}))


@example(
    {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
)
@example({"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::1:role/x"}, "Action": "s3:*"})
@example({"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject"})
@example({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/private/*"})
@given(st.just({"Effect": "Allow", "Principal": "*", "Action": "*"}))
def test_a_policy_that_lets_somebody_in(statement_: dict[str, Any]) -> None:
    rules = {"policy": Safeguard(no_new="lockout")}
    assert not list(weakened(rules, {"policy": ""}, {"policy": json.dumps({"Statement": [statement_]})}))
