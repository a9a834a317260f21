"""A companion is taken for one of a new resource only if it refers to that resource, and has its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved
from tests.support.safeguards import LOCKED

JUDGE = Judge(local_checks(Policies.load(Path(__file__).parents[4])))
RULE = {"id": "all", "status": "Enabled", "filter": [{"prefix": ""}], "expiration": [{"days": 1}]}
CREATED = change(["create"], address="module.this.aws_s3_bucket.b", after={"bucket": "docs"}, unknown={"id": True})


def made(address: str, after: dict[str, Any], unknown: dict[str, Any] | None = None) -> dict[str, Any]:
    return change(["create"], address=f"module.this.{address}", after=after, unknown=unknown)


def rules(folder: Path, *changes: dict[str, Any], files: dict[str, str] | None = None) -> list[str]:
    for name, text in (files or {}).items():
        (folder / "modules/m" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "modules/m" / name).write_text(text)
    unit = a_unit() if files is None else a_unit(module=folder / "modules/m")
    return [each.rule for each in JUDGE.judge(unit, saved(folder, plan(*changes))).findings]


ARN = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:users-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:111111111111:key/real"


@pytest.mark.parametrize(
    ("decoy", "companion"),
    [
        (
            made("aws_s3_bucket.b", {"bucket_prefix": "users"}),
            made("aws_s3_bucket_lifecycle_configuration.c", {"bucket": "users", "rule": [RULE]}),
        ),
        (
            made("aws_secretsmanager_secret.s", {"name": "decoy", "description": ARN}),
            made("aws_secretsmanager_secret_policy.p", {"secret_arn": ARN, "policy": LOCKED}),
        ),
        (
            made("aws_kms_key.k", {"description": KEY}),
            made("aws_kms_key_policy.p", {"key_id": KEY, "policy": LOCKED}),
        ),
    ],
)
def test_any_other_text_of_a_new_resource_is_not_its_name(
    tmp_path: Path, decoy: dict[str, Any], companion: dict[str, Any]
) -> None:
    assert rules(tmp_path, decoy, companion) == ["ORCH_WEAKENED"]


def test_a_new_resource_of_another_provider_is_found_by_its_name(tmp_path: Path) -> None:
    bucket = made("awscc_s3_bucket.b", {"bucket_name": "docs"})
    policy = made("awscc_s3_bucket_policy.p", {"bucket": "docs", "policy_document": LOCKED})
    assert rules(tmp_path, bucket, policy) == []


def module(expression: str, *, more: str = "") -> dict[str, str]:
    """A module with a bucket, and lifecycle rules for the bucket of this expression."""
    return {"main.tf": f'resource "aws_s3_bucket" "b" {{\n  bucket = "docs"\n}}\n{expiring(expression)}{more}'}


def expiring(expression: str) -> str:
    return f'resource "aws_s3_bucket_lifecycle_configuration" "c" {{\n  bucket = {expression}\n}}\n'


KNOWN = made("aws_s3_bucket_lifecycle_configuration.c", {"bucket": "docs", "rule": [RULE]})
UNKNOWN = made("aws_s3_bucket_lifecycle_configuration.c", {"rule": [RULE]}, {"bucket": True})
CALL = 'module "rules" {\n  source = "%s"\n  bucket = %s\n}\n'


@pytest.mark.parametrize(
    "files",
    [
        module("aws_s3_bucket.b.id"),
        module("aws_s3_bucket.b.bucket"),
        module("aws_s3_bucket.b[each.key].id"),
        module("one(aws_s3_bucket.b[*].id)"),
        module('try(aws_s3_bucket.b[0].id, "")'),
        module("var.create ? aws_s3_bucket.b[0].id : var.name"),
        module("local.bucket", more="locals {\n  bucket = local.all.b\n  all = { b = aws_s3_bucket.b.id }\n}\n"),
        module("each.value.id\n  for_each = aws_s3_bucket.b"),
        module("each.key\n  for_each = local.x", more="locals {\n  x = toset([aws_s3_bucket.b.id])\n}\n"),
        module(
            "aws_s3_bucket_versioning.v.bucket",
            more='resource "aws_s3_bucket_versioning" "v" {\n  bucket = aws_s3_bucket.b.id\n}\n',
        ),
    ],
)
@pytest.mark.parametrize("companion", [KNOWN, UNKNOWN])
def test_a_companion_that_refers_to_a_new_bucket_loses_nothing(
    tmp_path: Path, files: dict[str, str], companion: dict[str, Any]
) -> None:
    assert rules(tmp_path, CREATED, companion, files=files) == []


def test_an_order_counts_for_a_name_that_is_known(tmp_path: Path) -> None:
    files = module('"docs"\n  depends_on = [aws_s3_bucket.b]')
    assert rules(tmp_path, CREATED, KNOWN, files=files) == []
    files = module("terraform_data.x.output\n  depends_on = [aws_s3_bucket.b]")
    assert rules(tmp_path, CREATED, UNKNOWN, files=files) == ["ORCH_WEAKENED"]


@pytest.mark.parametrize(
    "files",
    [
        module('"docs"'),  # The creation of a bucket that exists fails, and the rules are applied to it.
        module("var.bucket"),
        module("terraform_data.x.output"),
        module("data.aws_s3_bucket.b.id"),
        module('"aws_s3_bucket.b.id"'),
        module("(terraform_data.x.output /* aws_s3_bucket.b */)"),
        module('aws_s3_bucket.b.id == "" ? "a" : terraform_data.x.output'),
        module("local.names[aws_s3_bucket.b.id]", more="locals {\n  names = terraform_data.x.output\n}\n"),
        module('format("%s", local.x)', more="locals {\n  x = terraform_data.x.output\n}\n"),
        module("aws_s3_bucket.other.id", more='resource "aws_s3_bucket" "other" {}\n'),
        module("local.a", more="locals {\n  a = local.b\n  b = local.a\n}\n"),
        {**module("aws_s3_bucket.b.id"), "x_override.tf": expiring("terraform_data.x.output")},
        module("aws_s3_bucket.b.id\n  provider = aws.edge"),
        {"main.tf": 'resource "aws_s3_bucket" "b" {}\n'},
    ],
)
@pytest.mark.parametrize("companion", [KNOWN, UNKNOWN])
def test_a_companion_that_does_not_refer_to_the_new_bucket_is_judged(
    tmp_path: Path, files: dict[str, str], companion: dict[str, Any]
) -> None:
    assert rules(tmp_path, CREATED, companion, files=files) == ["ORCH_WEAKENED"]


@pytest.mark.parametrize(
    "files",
    [
        module('replace(aws_s3_bucket.b.id, "decoy", "users")'),
        module('"${aws_s3_bucket.b.id}-users"'),
        module('join("", [aws_s3_bucket.b.id, "users"])'),
        module('one([trimprefix(aws_s3_bucket.b.id, "x")])'),
        module('aws_s3_bucket.b.id != "" ? "users" : aws_s3_bucket.b.id'),
        module('coalesce(aws_s3_bucket.b.id != "" ? "users" : "", aws_s3_bucket.b.id)'),
        module('lookup({ docs = "users" }, aws_s3_bucket.b.id, aws_s3_bucket.b.id)'),
        module('[for each in ["users", aws_s3_bucket.b.id] : each if aws_s3_bucket.b.id != each][0]'),
        module("coalesce(terraform_data.x.output, aws_s3_bucket.b.id)", more='resource "terraform_data" "x" {}\n'),
        module("try(data.aws_s3_bucket.x.id, aws_s3_bucket.b.id)"),
        module("local.b", more='locals {\n  b = replace(aws_s3_bucket.b.id, "decoy", "users")\n}\n'),
        module('replace(local.b, "decoy", "users")', more="locals {\n  b = aws_s3_bucket.b.id\n}\n"),
        module('local.new ? "users" : aws_s3_bucket.b.id', more='locals {\n  new = aws_s3_bucket.b.id != ""\n}\n'),
        module('replace(each.value, "decoy", "users")\n  for_each = { a = aws_s3_bucket.b.id }'),
        module('each.value == "" ? "users" : each.value\n  for_each = { a = aws_s3_bucket.b.id }'),
        module('each.value\n  for_each = { a = format("%ss", aws_s3_bucket.b.id) }'),
    ],
)
def test_what_is_made_of_the_name_of_a_new_bucket_can_be_the_name_of_another(
    tmp_path: Path, files: dict[str, str]
) -> None:
    assert rules(tmp_path, CREATED, UNKNOWN, files=files) == ["ORCH_WEAKENED"]


@pytest.mark.parametrize(
    "expression",
    [
        '"${aws_s3_bucket.b.id}"',
        "coalesce(var.bucket, aws_s3_bucket.b.id)",
        'var.name == "" ? aws_s3_bucket.b.id : "docs"',
        "element(aws_s3_bucket.b[*].id, count.index)",
        "lookup({ b = aws_s3_bucket.b.id }, each.key, null)",
        "[for each in aws_s3_bucket.b : each.id][0]",
        "{ for key, each in aws_s3_bucket.b : key => each.id }[each.key]",
        'each.value.new ? aws_s3_bucket.b.id : "docs"\n  for_each = { a = { new = true } }',
        "merge({ b = aws_s3_bucket.b.id }, { c = aws_s3_bucket.c.id })[var.name]",
    ],
)
def test_a_copy_of_the_name_of_a_new_bucket_is_its_name(tmp_path: Path, expression: str) -> None:
    files = module(expression, more='resource "aws_s3_bucket" "c" {}\n')
    assert rules(tmp_path, CREATED, UNKNOWN, files=files) == []


def nested(address: str, after: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
    path, kind, name = address.rsplit(".", 2)
    own = {"type": kind, "name": name, "module_address": path}
    return change(["create"], address=address, after=after, unknown=unknown) | own


INSIDE = nested("module.this.module.rules.aws_s3_bucket_lifecycle_configuration.c", {"rule": [RULE]}, {"bucket": True})


@pytest.mark.parametrize(
    ("expression", "found"), [("aws_s3_bucket.b.id", []), ("terraform_data.x.output", ["ORCH_WEAKENED"])]
)
def test_an_expression_is_followed_through_modules(tmp_path: Path, expression: str, found: list[str]) -> None:
    files = {**module("x", more=CALL % ("./rules", expression)), "rules/main.tf": expiring("var.bucket")}
    assert rules(tmp_path, CREATED, INSIDE, files=files) == found
    store = 'module "store" {\n  source = "./store"\n}\n'
    outside = {
        "main.tf": store + expiring('module.store.buckets["b"]'),
        "store/main.tf": f'resource "aws_s3_bucket" "b" {{}}\noutput "buckets" {{\n  value = {{ b = {expression} }}\n}}\n',
    }
    bucket = nested("module.this.module.store.aws_s3_bucket.b", {}, {"id": True})
    assert rules(tmp_path, bucket, UNKNOWN, files=outside) == found


def test_a_downloaded_module_has_the_bucket_itself(tmp_path: Path) -> None:
    """Its expressions are not read here; another module's bucket proves nothing about them."""
    files = module("x", more=CALL % ("terraform-aws-modules/s3-bucket/aws", '"docs"'))
    assert rules(tmp_path, CREATED, INSIDE, files=files) == ["ORCH_WEAKENED"]
    bucket = nested("module.this.module.rules.aws_s3_bucket.b", {}, {"id": True})
    assert rules(tmp_path, bucket, INSIDE, files=files) == []
    outside = {"main.tf": CALL % ("terraform-aws-modules/s3-bucket/aws", '"docs"') + expiring("module.rules.id")}
    assert rules(tmp_path, bucket, UNKNOWN, files=outside) == []
    assert rules(tmp_path, CREATED, UNKNOWN, files=outside) == ["ORCH_WEAKENED"]
