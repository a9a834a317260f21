"""Where warm providers do not serve: the same answer as without them, and a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import botocore
import pytest

from orchestrator.terraform.failures import TerraformError
from tests.support.emulator import Account
from tests.support.warm import PROVIDER, Pair, actions, aws_root, state_of

pytestmark = pytest.mark.integration

HEAD = PROVIDER + 'provider "aws" {\n  region = "eu-west-1"\n}\n'
PARAMETER = 'resource "aws_ssm_parameter" "this" {\n  name  = "/this"\n  type  = "String"\n  value = "1"\n}\n'
TOPIC = 'resource "aws_sns_topic" "this" {\n  name = "this"\n}\n'


@pytest.mark.parametrize(
    ("text", "error", "answered"),
    [
        ('resource "aws_s3_buckett" "this" {}\n', 'aws_s3_bucket"?', "cold"),
        pytest.param('data "aws_caller_identit" "this" {}\n', "aws_caller_identity", "cold", marks=pytest.mark.full),
        ('resource "aws_sns_topic" "this" {\n  nam = "this"\n}\n', 'Did you mean "name"?', "warm"),
    ],
    ids=["resource", "data", "argument"],
)
def test_a_name_that_does_not_exist(account: Account, tmp_path: Path, text: str, error: str, answered: str) -> None:
    """The cut schema does not have the type that Terraform suggests."""
    pair = Pair.make(tmp_path)
    root = aws_root(tmp_path / "root", {"main.tf": HEAD + text}, account)
    pair.warm.init(root, timeout=120)
    assert error in pair.same_error(root).block
    assert pair.warm.providers_of(root.unit).partition(":")[0] == answered


def test_a_version_that_the_lock_file_does_not_have(account: Account, tmp_path: Path) -> None:
    pair = Pair.make(tmp_path)
    root = aws_root(tmp_path / "root", {"main.tf": HEAD.replace('"5.100.0"', '"< 5.100.0"') + TOPIC}, account)
    errors = []
    for tool in (pair.warm, pair.cold):
        with pytest.raises(TerraformError) as caught:
            tool.init(root, timeout=120)
        errors.append(caught.value)
    assert errors[0].block == errors[1].block
    assert "Failed to query available provider packages" in errors[0].block


def test_a_type_that_is_only_in_the_state(account: Account, tmp_path: Path) -> None:
    """Also when nobody said which types the state has: plan and apply end as they do without warm providers."""
    pair = Pair.make(tmp_path)
    root = aws_root(tmp_path / "root", {"main.tf": HEAD + PARAMETER + TOPIC}, account)
    pair.warm.init(root, timeout=120)
    pair.plan(pair.warm, root, "warm")
    pair.apply(root)
    assert pair.warm.providers_of(root.unit) == "warm"
    (root.folder / "main.tf").write_text(HEAD + PARAMETER)
    assert actions(json.loads(pair.plan(pair.warm, root, "warm"))) == {"aws_sns_topic.this": "delete"}
    assert pair.warm.providers_of(root.unit).startswith("cold: Terraform's error ")
    pair.apply(root)
    assert [each["type"] for each in state_of(root)["resources"]] == ["aws_ssm_parameter"]
    assert account.client("sns").list_topics()["Topics"] == []


def test_certificates_of_ones_own(account: Account, tmp_path: Path) -> None:
    pair = Pair.make(tmp_path)
    root = aws_root(tmp_path / "root", {"main.tf": HEAD + TOPIC}, account)
    root = replace(root, env={**root.env, "AWS_CA_BUNDLE": str(Path(botocore.__file__).with_name("cacert.pem"))})
    pair.warm.init(root, timeout=120)
    assert actions(json.loads(pair.plan(pair.warm, root, "warm"))) == {"aws_sns_topic.this": "create"}
    assert pair.warm.providers_of(root.unit) == "cold: AWS_CA_BUNDLE is set"
    assert pair.told == [(root.unit, "AWS_CA_BUNDLE is set")]


def test_a_state_in_s3_with_its_lock(account: Account, tmp_path: Path) -> None:
    pair = Pair.make(tmp_path)
    s3, bucket, key = account.client("s3"), f"state-{account.id}", "unit/terraform.tfstate"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    backend = f"""
terraform {{
  backend "s3" {{
    bucket       = "{bucket}"
    key          = "{key}"
    region       = "eu-west-1"
    use_lockfile = true
  }}
}}
"""
    root = aws_root(tmp_path / "root", {"main.tf": HEAD + PARAMETER + backend}, account)
    pair.warm.init(root, timeout=120)
    pair.same_plan(root)
    held = '{"ID":"1","Operation":"OperationTypeApply","Info":"","Who":"ann@host","Version":"1.11.4",'
    held += '"Created":"2026-11-29T00:00:00Z","Path":""}'
    s3.put_object(Bucket=bucket, Key=f"{key}.tflock", Body=held.encode())
    errors = []
    for name, tool in (("warm", pair.warm), ("cold", pair.cold)):
        with pytest.raises(TerraformError) as caught:
            pair.apply(root, name, tool=tool)
        errors.append(caught.value)
    assert errors[0].first_line == errors[1].first_line
    assert errors[0].first_line.startswith("the state is locked by ann@host since 2026-11-29 00:00:00 UTC")
    s3.delete_object(Bucket=bucket, Key=f"{key}.tflock")
    pair.apply(root)
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [each["Key"] for each in listed] == [key]
    assert not actions(json.loads(pair.plan(pair.warm, root, "warm")))
