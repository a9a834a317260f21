"""Macros whose results AWS documents: a template that makes nothing protected with them may change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved

LANGUAGE = "AWS::LanguageExtensions"
SERVERLESS = "AWS::Serverless-2016-10-31"
JUDGE = Judge(local_checks(Policies.load(Path(__file__).parents[5])))
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "t"}}
TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "t", "BillingMode": "PAY_PER_REQUEST"}}
FUNCTION: dict[str, Any] = {
    "Type": "AWS::Serverless::Function",
    "Properties": {"Runtime": "python3.12", "Handler": "a.b"},
}


def template(transform: Any, top: Any = None, **resources: Any) -> dict[str, Any]:
    return {**({"Transform": transform} if transform else {}), **(top or {}), "Resources": resources}


def found(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    sides = [{"name": "s", "template_body": json.dumps(each), "parameters": None} for each in (before, after)]
    entry = change(["update"], before=sides[0], after=sides[1], address="module.this.aws_cloudformation_stack.s")
    findings = JUDGE.judge(a_unit(), saved(folder, plan(entry))).findings
    assert {each.rule for each in findings} <= {"ORCH_TEMPLATE"}
    return [each.address.removeprefix("module.this.aws_cloudformation_stack.s") for each in findings]


def loop(resource: Any, *, over: Any = ("a", "b")) -> list[Any]:
    return ["Name", list(over), {"R${Name}": resource}]


HARMLESS = [
    template(LANGUAGE, Topic=TOPIC),
    template([LANGUAGE], Topic=TOPIC),
    template([LANGUAGE, SERVERLESS], Topic=TOPIC, F=FUNCTION),
    template(SERVERLESS, F=FUNCTION, Api={"Type": "AWS::Serverless::Api", "Properties": {"StageName": "x"}}),
    template(LANGUAGE, **{"Fn::ForEach::Topics": loop(TOPIC)}),
    template(LANGUAGE, **{"Fn::ForEach::A": ["X", ["a"], {"Fn::ForEach::B": loop(TOPIC)}]}),
    template([LANGUAGE, SERVERLESS], **{"Fn::ForEach::F": loop(FUNCTION)}),
    template(
        SERVERLESS,
        Api={"Type": "AWS::Serverless::Api", "Properties": {"DefinitionBody": {"paths": {"/users/{id}": {}}}}},
    ),
    template(LANGUAGE, Topic={**TOPIC, "Properties": {"TopicName": {"Fn::Length": ["a", "b"]}}}),
]


@pytest.mark.parametrize("before", HARMLESS)
def test_a_template_that_makes_nothing_protected_may_change(tmp_path: Path, before: dict[str, Any]) -> None:
    assert found(tmp_path, before, {**before, "Description": "new"}) == []
    assert found(tmp_path, before, template(None, Topic=TOPIC)) == []
    assert found(tmp_path, template(None, Topic=TOPIC), before) == []


QUEUES = {"OnFailure": {"Type": "SQS"}}
COMPUTED = {"Fn::ForEach::Key": ["Key", ["DeadLetter"], {"${Key}Config": {"Type": "SQS"}}]}
HIDING = [
    template([LANGUAGE, SERVERLESS], F={**FUNCTION, "Properties": {**FUNCTION["Properties"], **COMPUTED}}),
    template([LANGUAGE, SERVERLESS], {"Globals": {"Function": COMPUTED}}, F=FUNCTION),
    template(
        [LANGUAGE, SERVERLESS],
        **{"Fn::ForEach::F": ["N", ["a"], {"F${N}": {**FUNCTION, "Properties": {"${N}Config": {"Type": "SQS"}}}}]},
    ),
    template(SERVERLESS, T={"Type": "AWS::Serverless::SimpleTable"}),
    template(SERVERLESS, A={"Type": "AWS::Serverless::Application", "Properties": {"Location": "x"}}),
    template(SERVERLESS, New={"Type": "AWS::Serverless::NobodyKnows"}),
    template(SERVERLESS, F={**FUNCTION, "Properties": {"EventInvokeConfig": {"DestinationConfig": QUEUES}}}),
    template(SERVERLESS, {"Globals": {"Function": {"EventInvokeConfig": {"DestinationConfig": QUEUES}}}}, F=FUNCTION),
    template(SERVERLESS, F={**FUNCTION, "Properties": {"Events": {"E": {"Properties": {"SqsSubscription": True}}}}}),
    template(SERVERLESS, Api={"Type": "AWS::Serverless::Api", "Properties": {"Auth": {"UsagePlan": {}}}}),
    template(None, T={"Type": "AWS::Serverless::Function"}, **{"Fn::Transform": {"Name": "AWS::Include"}}),
    template(LANGUAGE, **{"Fn::ForEach::Tables": loop(TABLE)}),
    template(LANGUAGE, **{"Fn::ForEach::A": ["X", ["a"], {"Fn::ForEach::B": loop(TABLE)}]}),
    template(LANGUAGE, **{"Fn::ForEach::Any": loop({**TABLE, "Type": "AWS::${Name}"}, over=["DynamoDB::Table"])}),
    template(LANGUAGE, **{"Fn::ForEach::Broken": ["Name", ["a"]]}),
    template(LANGUAGE, Topic={**TOPIC, "Type": {"Ref": "Kind"}}),
    template([LANGUAGE, "Company::Macro"], Topic=TOPIC),
    template("AWS::Include", Topic=TOPIC),
    template({"Name": "AWS::Include", "Parameters": {"Location": "s3://x/y"}}, Topic=TOPIC),
    template(LANGUAGE, Topic={**TOPIC, "Properties": {"Fn::Transform": {"Name": "Company::Macro"}}}),
]


@pytest.mark.parametrize("before", HIDING)
def test_a_template_that_may_make_something_protected_may_not(tmp_path: Path, before: dict[str, Any]) -> None:
    assert found(tmp_path, before, template(None, Topic=TOPIC)) == ["/macro"]


def test_with_language_extensions_alone_what_is_named_is_compared(tmp_path: Path) -> None:
    pytest.importorskip("cfnlint")
    before = template(LANGUAGE, Table=TABLE, Topic=TOPIC)
    renamed = {**TOPIC, "Properties": {"TopicName": "other"}}
    assert found(tmp_path, before, template(LANGUAGE, Table=TABLE, Topic=renamed)) == []
    assert found(tmp_path, before, template(LANGUAGE, Topic=TOPIC)) == ["/Table"]
    new_name = {**TABLE, "Properties": {**TABLE["Properties"], "TableName": "other"}}  # type: ignore[dict-item]
    assert found(tmp_path, before, template(LANGUAGE, Table=new_name, Topic=TOPIC)) == ["/Table"]


@pytest.mark.parametrize(
    "more",
    [
        {"Other": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": {"Fn::Sub": "T${X}"}}}}},
        {"Other": {"Type": "AWS::SNS::Topic", "Properties": {"N": {"Fn::GetAtt": [{"Ref": "X"}, "Arn"]}}}},
        {"Other": {**TOPIC, "DeletionPolicy": {"Ref": "X"}}},
        {"Fn::ForEach::Topics": loop(TOPIC)},
    ],
)
def test_what_computes_names_hides_how_a_named_resource_changes(tmp_path: Path, more: dict[str, Any]) -> None:
    before = template(LANGUAGE, Table=TABLE, **more)
    assert found(tmp_path, before, before) == []
    assert found(tmp_path, before, template(LANGUAGE, Table=TABLE)) == ["/Table"]


def test_the_companion_of_a_bucket_is_judged_beside_a_function(tmp_path: Path) -> None:
    def policy(effect: str) -> dict[str, Any]:
        statement = {"Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": "*"}
        document = {"PolicyDocument": {"Statement": [statement]}, "Bucket": "old"}
        return {"Type": "AWS::S3::BucketPolicy", "Properties": document}

    before = template(SERVERLESS, F=FUNCTION, P=policy("Allow"))
    assert found(tmp_path, before, template(SERVERLESS, F=FUNCTION, P=policy("Deny"))) == ["/P"]
