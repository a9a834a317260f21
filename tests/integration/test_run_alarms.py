"""Findings that would be wrong: one module with the real provider on the emulator, from its first plan to its last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import Project

pytestmark = pytest.mark.integration

HEAD = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
"""
VARIABLE = """\
variable "rules" {
  type = string
}
"""
BUCKET = """\
data "aws_iam_policy_document" "this" {
  policy_id = var.rules
}
resource "aws_s3_bucket" "this" {
  bucket = "alarms-documents"
  lifecycle {
    prevent_destroy = true
  }
}
resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration {
    status = "Enabled"
  }
}
resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = var.rules != ""
  block_public_policy     = jsondecode(data.aws_iam_policy_document.this.json).Id != ""
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    id     = "all"
    status = "Enabled"
    filter {}
    expiration {
      days = 30
    }
  }
}
resource "aws_s3_object" "this" {
  bucket  = aws_s3_bucket.this.id
  key     = "outputs/report.json"
  content = "{}"
}
"""
LOGS = """\
resource "aws_cloudwatch_log_group" "this" {
  name         = "/alarms"
  skip_destroy = true
}
"""
ATTRIBUTE = """\
  schema {
    name                = "company"
    attribute_data_type = "String"
    mutable             = true
  }
  schema {
    name                = "seats"
    attribute_data_type = "Number"
    mutable             = true
  }
"""
POOL = """\
resource "aws_cognito_user_pool" "this" {
  name                = "alarms"
  deletion_protection = "ACTIVE"
%s  lifecycle {
    prevent_destroy = true
  }
}
resource "aws_cognito_user_pool_domain" "this" {
  domain       = "alarms"
  user_pool_id = aws_cognito_user_pool.this.id
  lifecycle {
    prevent_destroy = true
  }
}
"""
ROLE = """\
resource "aws_iam_role" "this" {
  name               = "alarms"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "this" {
  name   = "reads"
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:Get*", Resource = "*" }] })
}
resource "aws_iam_role_policy_attachment" "this" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}
"""
MODULE = "modules/store/main.tf"


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write(MODULE, HEAD + VARIABLE + BUCKET + LOGS + POOL % ATTRIBUTE + ROLE)
    made.write("live/stages/prod.yaml", "account: main\nstacks: {store: , rules: }\n")
    made.write("live/stacks/store.yaml", "module: store\ninputs: {rules: '${{ rules.id }}'}\n")
    made.write("live/stacks/rules.yaml", "module: box\n")
    made.write("policies/owners.yaml", "anna: [anna@example.com]\n")
    return made.ready()


def looked(project: Project, *arguments: str, code: int = 0) -> dict[str, Any]:
    unit: dict[str, Any] = project.orch(*arguments, "prod", "--json", code=code).units()["prod/store"]
    return unit


def found(unit: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["rule"], each["address"], each["severity"]) for each in unit["findings"]]


def test_a_store_that_nobody_touches_raises_no_alarm(project: Project) -> None:
    # The bucket of the object has no id yet. Another unit decides what the access block says, also through a data source.
    previewed = looked(project, "plan")
    assert found(previewed) == [("ORCH_BUCKET_PUBLIC", "aws_s3_bucket_public_access_block.this", "warn")]
    assert "removed" not in previewed["findings"][0]["cause"]
    assert found(looked(project, "apply", "--yes")) == []

    # What its own resources have set is no drift. (The domain has another account id each time on the emulator.)
    drifted = looked(project, "drift")
    assert found(drifted) == []
    assert {each["address"] for each in drifted["changes"]} == {"aws_cognito_user_pool_domain.this"}

    # Nobody changed the schema, but the apply would fail: the finding says what to write.
    planned = looked(project, "plan", code=3)
    assert found(planned) == [("ORCH_HIDDEN_REPLACE", "aws_cognito_user_pool.this", "block")]
    (finding,) = planned["findings"]
    assert "'company' has string_attribute_constraints in the state" in finding["cause"]
    written = ATTRIBUTE.replace("true\n", "true\n    string_attribute_constraints {}\n")
    project.write(MODULE, HEAD + VARIABLE + BUCKET + LOGS + POOL % written + ROLE)
    assert looked(project, "plan", "--detailed-exitcode")["changes"] == []

    # The bucket may go; what belongs to it goes with it. The log group stays in AWS.
    project.write(MODULE, HEAD + VARIABLE + POOL % written + ROLE)
    project.allow("prod/store", rule="ORCH_PROTECTED", address="aws_s3_bucket.this")
    assert found(looked(project, "plan")) == [
        ("ORCH_PROTECTED", "aws_s3_bucket.this", "waived"),
        ("ORCH_PROTECTED", "aws_cloudwatch_log_group.this", "warn"),
    ]
