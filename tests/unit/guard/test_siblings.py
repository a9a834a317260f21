"""What the resources of the same unit have set is no change outside Terraform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.drift import changed_outside, judge_drift
from orchestrator.guard.judge import Judge
from orchestrator.guard.plan.reader import read_document
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.sibling_attributes import ELEMENTS_OF_SIBLINGS, SET_BY_SIBLINGS
from orchestrator.guard.siblings import SIBLING_TYPES, without_siblings_changes
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved

JUDGE = Judge(local_checks(Policies.load(Path(__file__).parents[3])))
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
EXPIRES = {"id": "all", "enabled": True, "prefix": "", "expiration": [{"date": "", "days": 30}], "tags": {}}
BUCKET = {"id": "documents", "bucket": "documents", "arn": "arn:aws:s3:::documents"}
POOL = {"id": "eu-west-1_abc", "name": "users", "deletion_protection": "ACTIVE"}
ROLE = {"id": "reader", "name": "reader", "arn": "arn:aws:iam::111111111111:role/reader"}
GROUP = {"id": "sg-1", "name": "web", "arn": "arn:aws:ec2:eu-west-1:111111111111:security-group/sg-1"}
TABLE = {"id": "rtb-1"}
QUEUE = {"id": "https://sqs/q", "url": "https://sqs/q"}


def refreshed(kind: str, before: dict[str, Any], name: str, *values: Any) -> dict[str, Any]:
    """A refresh that finds another value of one attribute."""
    sides = [{**before, name: each} for each in values]
    return change(["update"], address=f"module.this.{kind}.x", before=sides[0], after=sides[1])


def a_sibling(kind: str, **values: Any) -> dict[str, Any]:
    return {"address": f"module.this.{kind}.s", "mode": "managed", "type": kind, "name": "s", "values": values}


def document_of(drift: dict[str, Any], siblings: list[dict[str, Any]]) -> dict[str, Any]:
    """A refresh-only plan: it lists no changes, and its state has what the refresh found."""
    module = {"address": "module.this", "resources": siblings}
    state = {"format_version": "1.0", "values": {"root_module": {"child_modules": [module]}}}
    return plan(resource_drift=[drift], prior_state=state)


def left(folder: Path, drift: dict[str, Any], *siblings: dict[str, Any]) -> int:
    """How many resources count as changed outside Terraform."""
    record = saved(folder, document_of(drift, list(siblings)))
    assert record.json_file is not None
    document = read_document(record.json_file, current=SIBLING_TYPES)
    return len(changed_outside(without_siblings_changes(document.drift, document)))


RULES = refreshed("aws_s3_bucket", BUCKET, "lifecycle_rule", [], [EXPIRES])
LIFECYCLE = a_sibling("aws_s3_bucket_lifecycle_configuration", id="documents", bucket="documents", rule=[])


@pytest.mark.parametrize(
    ("drift", "sibling"),
    [
        (RULES, LIFECYCLE),
        (
            refreshed("aws_s3_bucket", BUCKET, "versioning", [{"enabled": False}], [{"enabled": True}]),
            a_sibling("aws_s3_bucket_versioning", bucket="documents"),
        ),
        (
            refreshed("aws_cognito_user_pool", POOL, "domain", "", "sign-in"),
            a_sibling("aws_cognito_user_pool_domain", domain="sign-in", user_pool_id="eu-west-1_abc"),
        ),
        (
            refreshed("aws_iam_role", ROLE, "inline_policy", [], [{"name": "a", "policy": "{}"}]),
            a_sibling("aws_iam_role_policy", name="a", role="reader", policy="{}"),
        ),
        (
            refreshed("aws_iam_role", ROLE, "managed_policy_arns", [], [READ_ONLY]),
            a_sibling("aws_iam_role_policy_attachment", role="reader", policy_arn=READ_ONLY),
        ),
        (
            refreshed("aws_route_table", TABLE, "route", [], [{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"}]),
            a_sibling("aws_route", route_table_id="rtb-1", destination_cidr_block="0.0.0.0/0"),
        ),
        (
            refreshed("aws_sqs_queue", QUEUE, "policy", "", "{}"),
            a_sibling("aws_sqs_queue_policy", queue_url=QUEUE["url"]),
        ),
    ],
)
def test_what_a_sibling_sets_is_no_drift(tmp_path: Path, drift: dict[str, Any], sibling: dict[str, Any]) -> None:
    assert left(tmp_path, drift, sibling) == 0
    assert left(tmp_path, drift) == 1, "nobody in the unit sets it"
    elsewhere = {**sibling, "values": {key: f"{each}-2" for key, each in sibling["values"].items()}}
    assert left(tmp_path, drift, elsewhere) == 1, "it belongs to another resource"


def test_the_guard_does_not_object_to_it_either(tmp_path: Path) -> None:
    verdict, drift = judge_drift(JUDGE, a_unit(), saved(tmp_path, document_of(RULES, [LIFECYCLE])))
    assert (verdict.findings, drift) == ((), ())
    verdict, _ = judge_drift(JUDGE, a_unit(), saved(tmp_path, document_of(RULES, [])))
    assert [each.rule for each in verdict.findings] == ["ORCH_WEAKENED"], "somebody has added a rule"


@pytest.mark.parametrize("own", [[], [{"name": "a", "policy": "{}"}]])
def test_what_no_sibling_sets_is_drift(tmp_path: Path, own: list[dict[str, Any]]) -> None:
    drift = refreshed("aws_iam_role", ROLE, "inline_policy", [], [*own, {"name": "by hand", "policy": "{}"}])
    assert left(tmp_path, drift, a_sibling("aws_iam_role_policy", name="a", role="reader")) == 1


PORTS = {"from_port": 443, "to_port": 443}
HTTPS = {"protocol": "tcp", **PORTS, "cidr_blocks": ["10.0.0.0/8"], "self": True}
RULE = "aws_vpc_security_group_ingress_rule"
OWN = {"security_group_id": "sg-1", "ip_protocol": "tcp", **PORTS}
NETWORK = a_sibling(RULE, **OWN, cidr_ipv4="10.0.0.0/8")
ITSELF = a_sibling(RULE, **OWN, referenced_security_group_id="sg-1")


@pytest.mark.parametrize(
    ("siblings", "drifts"),
    [
        ([a_sibling("aws_security_group_rule", type="ingress", security_group_id="sg-1", **HTTPS)], 0),
        ([NETWORK, ITSELF], 0),
        ([NETWORK], 1),
        ([a_sibling("aws_security_group_rule", type="egress", security_group_id="sg-1", **HTTPS)], 1),
        ([NETWORK, a_sibling(RULE, **{**OWN, "to_port": 80}, referenced_security_group_id="sg-1")], 1),
    ],
)
def test_rules_of_a_security_group(tmp_path: Path, siblings: list[dict[str, Any]], drifts: int) -> None:
    assert left(tmp_path, refreshed("aws_security_group", GROUP, "ingress", [], [HTTPS]), *siblings) == drifts


def test_what_aws_counts_is_no_drift(tmp_path: Path) -> None:
    assert left(tmp_path, refreshed("aws_cognito_user_pool", POOL, "estimated_number_of_users", 3, 4)) == 0
    assert left(tmp_path, refreshed("aws_cognito_user_pool", POOL, "mfa_configuration", "OFF", "ON")) == 1


def test_an_attribute_is_set_as_a_whole_or_by_its_elements() -> None:
    for kind in SET_BY_SIBLINGS.keys() & ELEMENTS_OF_SIBLINGS.keys():
        assert not SET_BY_SIBLINGS[kind].keys() & ELEMENTS_OF_SIBLINGS[kind].keys()
