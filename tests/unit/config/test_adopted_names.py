"""Names that the apply role cannot change: found in ARNs, and said as the input of the baseline that allows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.adopted_names import missing_names, outside_prefix
from orchestrator.terraform.failures import denied_resources
from tests.support.catalogue import loaded

ID = "111111111111"
ARNS = {
    f"arn:aws:dynamodb:eu-west-1:{ID}:table/legacy": ("table", "legacy"),
    f"arn:aws:dynamodb:eu-west-1:{ID}:table/legacy/index/by-mail": ("table", "legacy"),
    "arn:aws-cn:s3:::acme-uploads": ("bucket", "acme-uploads"),
    "arn:aws:s3:::acme-uploads/key/x": ("bucket", "acme-uploads"),
    f"arn:aws:sqs:eu-west-1:{ID}:jobs.fifo": ("queue", "jobs.fifo"),
    f"arn:aws:lambda:eu-west-1:{ID}:function:api:live": ("function", "api"),
    f"arn:aws:logs:eu-west-1:{ID}:log-group:/aws/lambda/api:*": ("log_group", "/aws/lambda/api"),
    f"arn:aws:iam::{ID}:role/service/api": ("role", "service/api"),
    f"arn:aws:iam::{ID}:policy/api": ("policy", "api"),
}


@pytest.mark.parametrize(("arn", "found"), ARNS.items())
def test_a_name_outside_the_prefix_is_found_in_its_arn(arn: str, found: tuple[str, str]) -> None:
    kind, name = found
    assert outside_prefix([arn], "ams-", ID) == {kind: [name]}


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:dynamodb:eu-west-1:{ID}:table/ams-prod-data",
        "arn:aws:s3:::ams-prod-documents",
        f"arn:aws:logs:eu-west-1:{ID}:log-group:/aws/lambda/ams-prod-api:*",
        f"arn:aws:iam::{ID}:role/ams-prod-api",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:dynamodb:eu-west-1:222222222222:table/legacy",
        f"arn:aws:cognito-idp:eu-west-1:{ID}:userpool/eu-west-1_Abc",
        "",
        "legacy",
    ],
)
def test_what_the_role_can_change_or_has_no_such_name_is_left_out(arn: str) -> None:
    assert outside_prefix([arn], "ams-", ID) == {}


CATALOGUE = """\
== accounts/main
id: "111111111111"
stacks:
  baseline:
== stages/prod
account: main
stacks: {{data: }}
== stacks/data
module: any
== stacks/baseline
module: base
{inputs}
== modules/base
variable "adopted_names" {{
  default = {{}}
}}
"""


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ("", 'adopted_names: {bucket: ["acme"], table: ["a", "b"]}'),
        ("inputs: {adopted_names: {table: [a], queue: [x]}}", 'adopted_names: {bucket: ["acme"], table: ["b"]}'),
        ("inputs: {adopted_names: {table: [a, b], bucket: [acme]}}", ""),
    ],
)
def test_only_what_the_baseline_does_not_allow_yet_is_said(tmp_path: Path, inputs: str, said: str) -> None:
    catalogue = loaded(tmp_path, CATALOGUE.format(inputs=inputs))
    arns = [f"arn:aws:dynamodb:eu-west-1:{ID}:table/{name}" for name in ("b", "a", "ams-x")] + ["arn:aws:s3:::acme"]
    assert missing_names(catalogue, catalogue.units["prod/data"], arns) == said
    assert missing_names(catalogue, catalogue.units["main/baseline"], arns) == "", "it runs under another role"


def test_a_baseline_of_ones_own_is_not_told_about_an_input_that_it_does_not_have(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, CATALOGUE.format(inputs="").replace("adopted_names", "other"))
    assert missing_names(catalogue, catalogue.units["prod/data"], ["arn:aws:s3:::acme"]) == ""


def test_the_resources_in_messages_of_aws() -> None:
    block = f"""\
Error: updating DynamoDB Table (legacy): operation error DynamoDB: UpdateTable, AccessDeniedException: User:
arn:aws:sts::{ID}:assumed-role/orch-apply/x is not authorized to perform: dynamodb:UpdateTable on
resource: arn:aws:dynamodb:eu-west-1:{ID}:table/legacy because no identity-based policy allows the dynamodb:UpdateTable
action

Error: api error AccessDenied: User: x is not authorized to perform: s3:PutBucketPolicy on resource:
"arn:aws:s3:::acme" because no identity-based policy allows it"""
    assert denied_resources(block) == (f"arn:aws:dynamodb:eu-west-1:{ID}:table/legacy", "arn:aws:s3:::acme")
    assert denied_resources("Error: AccessDenied: Access Denied") == ()
