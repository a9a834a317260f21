"""What an update of a CloudFormation stack loses, determined from its two templates."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Finding
from orchestrator.guard.policies.load import Policies
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved

ROOT = Path(__file__).parents[5]
STACK = "module.this.aws_cloudformation_stack.this"
POOL = {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": "users", "DeletionProtection": "ACTIVE"}}
TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {"TableName": "t", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]},
}
QUEUE = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "q"}}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(local_checks(Policies.load(ROOT)))


class Update:
    """One update of a stack, judged."""

    def __init__(self, judge: Judge, folder: Path) -> None:
        self.judge = judge
        self.folder = folder

    def __call__(
        self,
        before: Any,
        after: Any,
        *,
        was: dict[str, str] | None = None,
        given: dict[str, str] | None = None,
        unknown: Any = None,
        kind: str = "aws_cloudformation_stack",
        **more: Any,
    ) -> tuple[Finding, ...]:
        old = {"name": "s", "template_body": text(before), "parameters": was}
        new = {"name": "s", "template_body": text(after), "parameters": given, **more}
        entry = change(["update"], before=old, after=new, unknown=unknown, address=f"module.this.{kind}.this")
        return self.judge.judge(a_unit(), saved(self.folder, plan(entry))).findings


def text(template: Any) -> Any:
    return json.dumps(template) if isinstance(template, dict) else template


def of(*, top: dict[str, Any] | None = None, **resources: Any) -> dict[str, Any]:
    return {"AWSTemplateFormatVersion": "2010-09-09", **(top or {}), "Resources": resources}


def with_(resource: dict[str, Any], more: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {**resource, **(more or {}), "Properties": {**resource["Properties"], **properties}}


@pytest.fixture
def update(judge: Judge, tmp_path: Path) -> Update:
    return Update(judge, tmp_path)


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str, str, str]]:
    return [(each.rule, each.address.removeprefix(STACK), each.action, each.severity.value) for each in findings]


def test_a_pool_that_is_dropped_is_lost(update: Update) -> None:
    (finding,) = update(of(Pool=POOL, Queue=QUEUE), of(Queue=QUEUE))
    assert told((finding,)) == [("ORCH_TEMPLATE", "/Pool", "delete", "block")]
    assert "every user" in finding.lost
    assert "no longer in the template" in finding.cause


@pytest.mark.parametrize(
    "after",
    [
        of(Pool=POOL, Queue=QUEUE),
        of(Pool=with_(POOL, MfaConfiguration="ON"), Queue=QUEUE),
        of(Pool=with_(POOL, UserPoolName="other"), Queue=QUEUE),
        of(Pool=POOL),
        of(Pool=POOL, Queue=with_(QUEUE, TopicName="other")),
        of(Pool=POOL, Queue=QUEUE, Table=TABLE),
        of(Pool=with_(POOL, {"Metadata": {"a": 1}, "DeletionPolicy": "Retain"}), Queue=QUEUE),
    ],
    ids=["same", "in place", "pool's name is in place", "queue dropped", "queue replaced", "table added", "retained"],
)
def test_what_loses_nothing_that_is_protected_passes(update: Update, after: dict[str, Any]) -> None:
    assert update(of(Pool=POOL, Queue=QUEUE), after) == ()


def test_tags_alone_pass(update: Update) -> None:
    assert update(of(Pool=POOL), of(Pool=POOL), tags={"a": "b"}) == ()


def test_a_renamed_logical_id_is_a_new_pool_and_the_hint_says_what_to_do(update: Update) -> None:
    (finding,) = update(of(Pool=POOL), of(Users=POOL))
    assert told((finding,)) == [("ORCH_TEMPLATE", "/Pool", "delete", "block")]
    assert "rename to Users" in finding.hint


def test_dropped_with_retain_is_forgotten(update: Update) -> None:
    kept = with_(POOL, {"DeletionPolicy": "Retain"})
    assert told(update(of(Pool=kept), of(Queue=QUEUE))) == [("ORCH_TEMPLATE", "/Pool", "forget", "block")]
    snapshot = with_(TABLE, {"DeletionPolicy": "Snapshot"})
    assert told(update(of(T=snapshot), of(Queue=QUEUE))) == [("ORCH_TEMPLATE", "/T", "delete", "block")]


@pytest.mark.parametrize(
    ("policies", "severity"),
    [
        ({}, "block"),
        ({"DeletionPolicy": "Retain"}, "block"),
        ({"UpdateReplacePolicy": "Retain"}, "warn"),
        ({"UpdateReplacePolicy": "Snapshot"}, "warn"),
        ({"UpdateReplacePolicy": "Delete"}, "block"),
    ],
)
def test_what_is_replaced_is_kept_by_its_update_replace_policy_alone(
    update: Update, policies: dict[str, str], severity: str
) -> None:
    (finding,) = update(of(T=with_(TABLE, policies)), of(T=with_(TABLE, policies, TableName="other")))
    assert told((finding,)) == [("ORCH_TEMPLATE", "/T", "replace", severity)]
    assert "TableName" in finding.cause


def test_a_policy_that_comes_with_the_replacement_does_not_count(update: Update) -> None:
    after = of(T=with_(TABLE, {"UpdateReplacePolicy": "Retain"}, TableName="other"))
    assert told(update(of(T=TABLE), after)) == [("ORCH_TEMPLATE", "/T", "replace", "block")]


def test_conditional_create_only_properties_count(update: Update) -> None:
    keys = [{"AttributeName": "other", "KeyType": "HASH"}]
    (finding,) = update(of(T=TABLE), of(T=with_(TABLE, KeySchema=keys)))
    assert (finding.action, finding.severity.value) == ("replace", "block")
    assert "KeySchema" in finding.cause


def test_yaml_with_cloudformations_tags_is_read(update: Update) -> None:
    before = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Name: {Type: String}
Resources:
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub "${Name}-table"
      Tags: [{Key: arn, Value: !GetAtt Q.Arn}]
  Q:
    Type: AWS::SNS::Topic
"""
    same: Any = {"was": {"Name": "a"}, "given": {"Name": "a"}}
    assert update(before, before, **same) == ()
    assert update(before, before.replace("Key: arn", "Key: other"), **same) == ()
    assert told(update(before, before, was={"Name": "a"}, given={"Name": "b"})) == [
        ("ORCH_TEMPLATE", "/T", "replace", "block")
    ]
    assert told(update(before, before.replace("-table", "-tables"), **same)) == [
        ("ORCH_TEMPLATE", "/T", "replace", "block")
    ]
    # written in another way, and the same
    joined = before.replace('!Sub "${Name}-table"', '!Join ["-", [!Ref Name, table]]')
    assert update(before, joined, **same) == ()


NAMED = of(
    top={
        "Parameters": {"Name": {"Type": "String", "Default": "a"}, "Stage": {"Type": "String", "Default": "dev"}},
        "Mappings": {"Names": {"dev": {"table": "a"}, "prod": {"table": "b"}}},
        "Conditions": {
            "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
            "HasTable": {"Fn::Or": [{"Condition": "IsProd"}, {"Fn::Equals": [{"Ref": "Name"}, "a"]}]},
            "Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
        },
    },
    T=TABLE,
)


def changed(more: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {**NAMED, "Resources": {"T": with_(TABLE, more, **properties)}}


@pytest.mark.parametrize(
    ("template", "was", "given", "lost"),
    [
        (changed(TableName={"Ref": "Name"}), {}, {}, False),
        (changed(TableName={"Ref": "Name"}), {}, {"Name": "a"}, False),
        (changed(TableName={"Ref": "Name"}), {}, {"Name": "b"}, True),
        (changed(TableName={"Fn::FindInMap": ["Names", {"Ref": "Stage"}, "table"]}), {}, {"Name": "b"}, False),
        (changed(TableName={"Fn::FindInMap": ["Names", {"Ref": "Stage"}, "table"]}), {}, {"Stage": "prod"}, True),
        (changed(TableName={"Fn::If": ["IsProd", "p", "t"]}), {}, {"Stage": "test"}, False),
        (changed(TableName={"Fn::If": ["IsProd", "p", "t"]}), {}, {"Stage": "prod"}, True),
        (changed(TableName={"Fn::If": ["Here", "p", "t"]}), {}, {"Stage": "prod"}, False),
        (changed({"Condition": "HasTable"}), {}, {"Stage": "prod"}, False),
        (changed({"Condition": "HasTable"}), {}, {"Name": "b"}, True),
        (changed({"Condition": "HasTable"}), {"Name": "b"}, {"Name": "b"}, False),
        (changed({"Condition": "HasTable"}), {"Name": "b"}, {"Name": "a"}, False),
        (changed({"Condition": "Here"}), {}, {"Name": "b"}, False),
        (changed({"Condition": "Nowhere"}), {}, {"Name": "b"}, True),
    ],
)
def test_parameters_mappings_and_conditions_are_worked_out(
    update: Update, template: dict[str, Any], was: dict[str, str], given: dict[str, str], *, lost: bool
) -> None:
    assert bool(update(template, template, was=was, given=given)) is lost


def test_a_new_condition_that_cannot_be_resolved_counts_as_a_loss(update: Update) -> None:
    assert told(update(NAMED, changed({"Condition": "Here"}))) == [("ORCH_TEMPLATE", "/T", "delete", "block")]
    assert update(NAMED, changed({"Condition": "HasTable"})) == ()


def test_a_parameter_that_is_not_known_yet_counts_as_another_value(update: Update) -> None:
    template = changed(TableName={"Ref": "Name"})
    for unknown in ({"parameters": {"Name": True}}, {"parameters": True}):
        assert told(update(template, template, was={"Name": "a"}, given={}, unknown=unknown)) == [
            ("ORCH_TEMPLATE", "/T", "replace", "block")
        ]
    assert update(NAMED, NAMED, unknown={"parameters": {"Name": True}}) == (), "nothing that replaces depends on it"


def test_a_parameter_that_aws_looks_up_counts_as_another_value(update: Update) -> None:
    template = of(
        top={"Parameters": {"Name": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"}}},
        T=with_(TABLE, TableName={"Ref": "Name"}),
    )
    assert told(update(template, template)) == [("ORCH_TEMPLATE", "/T", "replace", "block")]


def test_what_refers_to_something_that_is_replaced_is_replaced_too(update: Update) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Fn::Sub": "/x/${Queue.TopicName}"}}}
    before = of(Queue=QUEUE, Group=group)
    assert told(update(before, of(Queue=with_(QUEUE, TopicName="other"), Group=group))) == [
        ("ORCH_TEMPLATE", "/Group", "replace", "block")
    ]
    assert update(before, of(Queue=with_(QUEUE, DisplayName="3"), Group=group)) == ()
    custom = {"Type": "Custom::Name", "Properties": {"ServiceToken": "x", "Of": "a"}}
    named = with_(group, LogGroupName={"Fn::GetAtt": "Name.Value"})
    assert update(of(Name=custom, G=named), of(Name=custom, G=named)) == ()
    assert told(update(of(Name=custom, G=named), of(Name=with_(custom, Of="b"), G=named))) == [
        ("ORCH_TEMPLATE", "/G", "replace", "block")
    ]


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (with_(POOL, DeletionProtection="INACTIVE"), "DeletionProtection"),
        ({"Type": POOL["Type"], "Properties": {"UserPoolName": "users"}}, "DeletionProtection"),
        (with_(POOL, UsernameAttributes=["email"]), "UsernameAttributes"),
        (with_(POOL, AliasAttributes=["email"]), "AliasAttributes"),
    ],
)
def test_a_pools_protection_and_what_cognito_refuses_to_change(
    update: Update, after: dict[str, Any], what: str
) -> None:
    (finding,) = update(of(Pool=POOL), of(Pool=after))
    assert told((finding,)) == [("ORCH_TEMPLATE", "/Pool", "update", "block")]
    assert what in finding.cause


def test_a_pools_schema_grows_and_does_not_change(update: Update) -> None:
    company, tenant = {"Name": "company", "AttributeDataType": "String"}, {"Name": "tenant"}
    before = of(Pool=with_(POOL, Schema=[company]))
    assert update(before, of(Pool=with_(POOL, Schema=[company, tenant]))) == ()
    for schema in ([tenant], [], [{**company, "AttributeDataType": "Number"}]):
        assert told(update(before, of(Pool=with_(POOL, Schema=schema)))) == [
            ("ORCH_TEMPLATE", "/Pool", "update", "block")
        ]


def test_a_policy_that_keeps_is_not_taken_away(update: Update) -> None:
    kept = with_(POOL, {"DeletionPolicy": "Retain"})
    assert told(update(of(Pool=kept), of(Pool=POOL))) == [("ORCH_TEMPLATE", "/Pool", "update", "block")]
    assert update(of(Pool=kept), of(Pool=kept)) == ()


def test_another_type_under_the_same_name_is_a_loss(update: Update) -> None:
    assert told(update(of(X=POOL), of(X=QUEUE))) == [("ORCH_TEMPLATE", "/X", "delete", "block")]


def test_a_nested_stack_that_changes_cannot_be_seen(update: Update) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://s3/a.yaml"}}
    assert update(of(N=nested, Q=QUEUE), of(N=nested, Q=with_(QUEUE, DisplayName="3"))) == ()
    assert told(update(of(N=nested), of(N=with_(nested, TemplateURL="https://s3/b.yaml")))) == [
        ("ORCH_TEMPLATE", "/N", "update", "block")
    ]
    assert told(update(of(N=nested), of(Q=QUEUE))) == [("ORCH_TEMPLATE", "/N", "delete", "block")]


@pytest.mark.parametrize(
    ("after", "more", "unknown", "why"),
    [
        ("{", {}, None, "cannot be read"),
        ("Resources: [", {}, None, "cannot be read"),
        ('{"Resources": {"A": 1}}', {}, None, "cannot be read"),
        ('{"Resources": {}, "Resources": {}}', {}, None, "cannot be read"),
        ("", {}, None, "cannot be read"),
        (None, {}, {"template_body": True}, "only after the apply"),
        (of(Pool=POOL), {"template_url": "https://s3/x.json"}, None, "behind template_url"),
        (of(Pool=POOL), {}, {"template_url": True}, "behind template_url"),
    ],
)
def test_a_template_that_cannot_be_judged_loses_all_that_is_protected(
    update: Update, after: Any, more: dict[str, Any], unknown: Any, why: str
) -> None:
    (finding,) = update(of(Pool=POOL, Queue=QUEUE), after, unknown=unknown, **more)
    assert told((finding,)) == [("ORCH_TEMPLATE", "/Pool", "delete", "block")]
    assert why in finding.cause
    assert update(of(Queue=QUEUE), after, unknown=unknown, **more) == (), "nothing in it is protected"


def test_a_deployed_template_that_cannot_be_read_counts_as_holding_something(update: Update) -> None:
    (finding,) = update("", of(Queue=QUEUE))
    assert told((finding,)) == [("ORCH_TEMPLATE", "", "delete", "block")]


def test_macros_hide_what_is_made(update: Update) -> None:
    made = {"Type": "AWS::Serverless::SimpleTable", "Properties": {}}
    before = of(top={"Transform": "AWS::Serverless-2016-10-31"}, T=made, Pool=POOL)
    assert update(before, before) == ()
    after = of(top={"Transform": "AWS::Serverless-2016-10-31"}, Pool=POOL)
    assert ("ORCH_TEMPLATE", "/macro", "delete", "block") in told(update(before, after))
    loop = of(Queue=QUEUE)
    loop["Resources"]["Fn::ForEach::Tables"] = ["Name", ["a", "b"], {"T${Name}": TABLE}]
    assert told(update(loop, of(Queue=QUEUE))) == [("ORCH_TEMPLATE", "/macro", "delete", "block")]


def test_stack_sets_are_looked_at_too(update: Update) -> None:
    findings = update(of(Pool=POOL), of(Queue=QUEUE), kind="aws_cloudformation_stack_set")
    assert [(each.rule, each.action) for each in findings] == [("ORCH_TEMPLATE", "delete")]


def test_findings_show_no_values(update: Update) -> None:
    secret = "hunter2-hunter2"
    before = of(T=with_(TABLE, TableName="a"))
    (finding,) = update(before, of(T=with_(TABLE, TableName=secret)))
    assert secret not in repr(finding)


WITHOUT_CFN_LINT = """
import json, sys
from importlib.abc import MetaPathFinder
from pathlib import Path


class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "cfnlint":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


sys.meta_path.insert(0, Refuse())
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from tests.support.plans import a_unit, change, plan, saved

judge = Judge(Checks(Policies.load(Path(sys.argv[1]))))
for before, after in json.load(sys.stdin):
    old, new = {"template_body": before}, {"template_body": after}
    entry = change(["update"], before=old, after=new, address="module.this.aws_cloudformation_stack.this")
    (Path(sys.argv[2]) / "plan").write_text("")
    found = judge.judge(a_unit(), saved(Path(sys.argv[2]), plan(entry))).findings
    print(json.dumps([[each.rule, each.severity, each.cause, each.hint, each.lost] for each in found]))
assert not [name for name in sys.modules if name.startswith("cfnlint")]
"""


def test_without_cfn_lint_a_stack_that_needs_it_is_blocked_with_what_to_install(tmp_path: Path) -> None:
    """In another process, in which the module cannot be imported. cfn-lint is an extra of the package."""
    pool, queue = of(Pool=POOL, Queue=QUEUE), of(Queue=QUEUE)
    yaml = "Resources:\n  Queue:\n    Type: AWS::SNS::Topic\n"
    cases = [(text(pool), text(of(Pool=with_(POOL, MfaConfiguration="ON")))), (yaml, yaml + "  B: {Type: X}\n")]
    harmless = [(text(queue), text(of(Queue=with_(QUEUE, TopicName="other"))))]
    command = [sys.executable, "-c", WITHOUT_CFN_LINT, str(ROOT), str(tmp_path)]
    ran = subprocess.run(
        command, input=json.dumps(cases + harmless), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    *blocked, passed = map(json.loads, ran.stdout.splitlines())
    for findings in blocked:
        ((rule, severity, cause, hint, lost),) = findings
        assert (rule, severity) == ("ORCH_TEMPLATE", "block")
        assert "cfn-lint is not installed" in cause
        assert hint == "pip install 'orch[cloudformation]'"
        assert "every resource of the stack" in lost
    assert passed == [], "nothing protected is in it, and JSON needs no cfn-lint"
