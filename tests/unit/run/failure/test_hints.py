"""What is said to do about resources that exist, as the AWS provider 5.100 words the errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.import_ids import import_id
from orchestrator.config.catalogue import Catalogue
from orchestrator.run.failure.hints import existing_resources, hint_for
from orchestrator.run.migrate.imports import parse_imports
from orchestrator.terraform.failures import TerraformError
from orchestrator.terraform.model import Action, PlanRecord, ResourceChange
from tests.support.catalogue import loaded

LIVE = """\
== stages/prod
account: main
stacks:
  api:
== stacks/api
module: any
"""
ID = "111111111111"
STATUS = "https response error StatusCode: 409, RequestID: x,"
ERRORS = {
    "aws_iam_role": ({"name": "r"}, f"CreateRole, {STATUS} EntityAlreadyExists: Role with name r already exists.", "r"),
    "aws_cloudwatch_log_group": (
        {"name": "/a"},
        f"CreateLogGroup, {STATUS} ResourceAlreadyExistsException: The specified log group already exists",
        "/a",
    ),
    "aws_s3_bucket": ({"bucket": "b"}, f"CreateBucket, {STATUS} BucketAlreadyOwnedByYou: ", "b"),
    "aws_lambda_function": (
        {"function_name": "f"},
        f"CreateFunction, {STATUS} ResourceConflictException: Function already exist: f",
        "f",
    ),
    "aws_dynamodb_table": (
        {"name": "t"},
        f"CreateTable, {STATUS} ResourceInUseException: Table already exists: t",
        "t",
    ),
    "aws_iam_policy": (
        {"name": "p", "path": "/x/"},
        f"CreatePolicy, {STATUS} EntityAlreadyExists: A policy called p already exists.",
        f"arn:aws:iam::{ID}:policy/x/p",
    ),
    "aws_sqs_queue": (
        {"name": "q"},
        "QueueAlreadyExists: A queue already exists with the same name and a different value for attribute",
        f"https://sqs.eu-west-1.amazonaws.com/{ID}/q",
    ),
    "aws_secretsmanager_secret": ({"name": "s"}, "ResourceExistsException: The operation failed because", ""),
    "aws_security_group": ({"name": "g"}, "InvalidGroup.Duplicate: The security group 'g' already exists", ""),
}


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return loaded(tmp_path, LIVE)


def failed(address: str, text: str) -> TerraformError:
    block = (
        f"Error: creating it: operation error X: {text}\n\n  with {address},\n  on any/main.tf line 5, in resource:\n"
    )
    return TerraformError("w", block=block, first_line="f", code=1)


def plan(address: str, kind: str, after: Mapping[str, Any] | None, action: Action = Action.CREATE) -> PlanRecord:
    change = ResourceChange(address, kind, "this", "aws", "managed", action, after=after)
    return PlanRecord(Path("p"), None, changes=(change,))


@pytest.mark.parametrize("kind", ERRORS)
def test_what_exists_is_found_with_its_import_id(catalogue: Catalogue, kind: str) -> None:
    after, text, id_ = ERRORS[kind]
    unit, address = catalogue.units["prod/api"], f"module.this.{kind}.this"
    found = existing_resources(catalogue, unit, failed(address, text), plan(address, kind, after))
    assert found == {f"{kind}.this": id_}


def test_the_hint_has_the_entry_and_the_command(catalogue: Catalogue) -> None:
    unit, address = catalogue.units["prod/api"], 'module.this.aws_iam_role.this["a b"]'
    said = hint_for(
        catalogue,
        unit,
        failed(address, "EntityAlreadyExists: Role r already exists."),
        plan(address, "aws_iam_role", {"name": "r"}),
    )
    assert said == (
        'to take over what exists: `imports: {"aws_iam_role.this[\\"a b\\"]": "r"}` in its entry of '
        "live/stages/prod.yaml:3:3, or `orch adopt prod/api --resource 'aws_iam_role.this[\"a b\"]=r'`"
    )
    assert parse_imports(['aws_iam_role.this["a b"]=r']) == {'aws_iam_role.this["a b"]': "r"}


def test_an_id_that_only_aws_knows_is_a_placeholder(catalogue: Catalogue) -> None:
    unit, address = catalogue.units["prod/api"], "module.this.module.net.aws_security_group.this[0]"
    text = ERRORS["aws_security_group"][1]
    said = hint_for(catalogue, unit, failed(address, text), plan(address, "aws_security_group", {"name": "g"}))
    assert "--resource 'module.net.aws_security_group.this[0]=ID'" in said
    assert said.endswith("the provider's documentation of aws_security_group says what ID is")


def test_other_errors_and_other_resources_get_no_hint(catalogue: Catalogue) -> None:
    unit, address = catalogue.units["prod/api"], "module.this.aws_iam_role.this"
    text = "EntityAlreadyExists: Role with name r already exists."
    created = plan(address, "aws_iam_role", {"name": "r"})
    assert hint_for(catalogue, unit, failed(address, "MalformedPolicyDocument: no"), created) == ""
    assert hint_for(catalogue, unit, failed(address, text), plan(address, "aws_iam_role", {}, Action.UPDATE)) == ""
    assert hint_for(catalogue, unit, failed("module.this.aws_iam_role.other", text), created) == ""
    assert hint_for(catalogue, unit, failed(address, text)) == ""


def test_import_ids_follow_partition_and_region(catalogue: Catalogue) -> None:
    account = catalogue.accounts["main"]
    assert import_id("aws_sqs_queue", {"name": "q"}, account, "cn-north-1") == (
        f"https://sqs.cn-north-1.amazonaws.com.cn/{ID}/q"
    )
    assert (
        import_id("aws_sns_topic", {"name": "t"}, account, "us-gov-west-1")
        == f"arn:aws-us-gov:sns:us-gov-west-1:{ID}:t"
    )
    provider = import_id("aws_iam_openid_connect_provider", {"url": "https://x.example"}, account, "eu-west-1")
    assert provider == f"arn:aws:iam::{ID}:oidc-provider/x.example"
    assert import_id("aws_iam_role", {}, account, "eu-west-1") == "", "the name is known after the apply"
    assert import_id("aws_vpc", {"name": "x"}, account, "eu-west-1") == ""
