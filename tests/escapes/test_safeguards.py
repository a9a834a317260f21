"""Item 2: data lost, or its protection, without a deletion of what holds it.

All ways are one change of one module, so that Terraform plans once: each is a resource of its own. The emulator has no
replicas of tables: there is only the template of one, so that way ends at the plan, as all ways here do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.catalogue import BASELINE
from tests.support.escapes import World
from tests.support.project import Result

pytestmark = pytest.mark.integration
AGAINST = "sly author"

LOCKED = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]})
HEAD = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
variable "name" {
  description = "Prefix of all names."
  type        = string
}
resource "aws_s3_bucket" "this" {
  for_each = toset(["replaced", "pointed", "other", "second", "objects", "versions", "policy", "grant"])
  bucket   = "${var.name}-${each.key}"
  lifecycle {
    prevent_destroy = true
  }
}
resource "aws_s3_bucket" "locked" {
  for_each            = toset(["days", "mode", "rule"])
  bucket              = "${var.name}-${each.key}"
  object_lock_enabled = true
  lifecycle {
    prevent_destroy = true
  }
}
"""


@dataclass(frozen=True)
class Way:
    """One way: the part of the module before the change and after it, the finding about it, and what would be lost."""

    address: str
    before: str
    after: str
    rule: str = "ORCH_WEAKENED"
    inside: str = ""


def versioning(name: str, bucket: str, *, status: str = "Enabled", more: str = "") -> str:
    return (
        f'resource "aws_s3_bucket_versioning" "{name}" {{\n  bucket = aws_s3_bucket.this["{bucket}"].id\n{more}'
        f'  versioning_configuration {{\n    status = "{status}"\n  }}\n}}\n'
    )


def inline(*, enabled: str) -> str:
    return (
        'resource "aws_s3_bucket" "inline" {\n  bucket = "${var.name}-inline"\n'
        f"  versioning {{\n    enabled = {enabled}\n  }}\n  lifecycle {{\n    prevent_destroy = true\n  }}\n}}\n"
    )


def lock(name: str, mode: str, days: int) -> str:
    rule = (
        f'  rule {{\n    default_retention {{\n      mode = "{mode}"\n      days = {days}\n    }}\n  }}\n'
        if days
        else ""
    )
    bucket = f'  bucket = aws_s3_bucket.locked["{name}"].id\n'
    return f'resource "aws_s3_bucket_object_lock_configuration" "{name}" {{\n{bucket}{rule}}}\n'


def expires(name: str, what: str) -> str:
    return (
        f'resource "aws_s3_bucket_lifecycle_configuration" "{name}" {{\n  bucket = aws_s3_bucket.this["{name}"].id\n'
        f'  rule {{\n    id     = "all"\n    status = "Enabled"\n    filter {{}}\n    {what}\n  }}\n}}\n'
    )


def resource(kind: str, name: str, body: str) -> str:
    lines = "".join(f"  {line}\n" for line in body.strip().splitlines())
    return f'resource "{kind}" "{name}" {{\n{lines}}}\n'


def recovery(days: int) -> str:
    """A table of which every second of the last days can be restored."""
    whole = TABLE.replace("items", "recovery").replace(
        "enabled = true\n}", f"enabled = true\n  recovery_period_in_days = {days}\n}}"
    )
    return resource("aws_dynamodb_table", "recovery", whole + KEPT)


def vault_lock(days: int) -> str:
    """What keeps recovery points from being deleted before their time."""
    body = f"backup_vault_name = aws_backup_vault.this.name\nmin_retention_days = {days}"
    return resource("aws_backup_vault_lock_configuration", "this", body)


def secret_in(*regions: str) -> str:
    """A secret with copies in other regions."""
    copies = "".join(f'replica {{\n  region = "{region}"\n}}\n' for region in regions)
    return resource("aws_secretsmanager_secret", "copied", f'name = "${{var.name}}-copied"\n{copies}{KEPT}')


KEPT = "lifecycle {\n  prevent_destroy = true\n}\n"
TABLE = """\
name = "${var.name}-items"
billing_mode = "PAY_PER_REQUEST"
hash_key = "id"
deletion_protection_enabled = true
attribute {
  name = "id"
  type = "S"
}
point_in_time_recovery {
  enabled = true
}
"""
IMAGES = """\
repository = aws_ecr_repository.this.name
policy = jsonencode({rules = [{rulePriority = 1, action = {type = "expire"}, selection = {
  tagStatus = "any", countType = "imageCountMoreThan", countNumber = 1}}]})
"""

GRANT = """\
bucket = aws_s3_bucket.this["grant"].id
access_control_policy {
  owner {
    id = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
  }
  grant {
    permission = "READ"
    grantee {
      type = "Group"
      uri  = "http://acs.amazonaws.com/groups/global/AllUsers"
    }
  }
}
"""
VAULT = resource("aws_backup_vault", "this", 'name = "${var.name}-vault"\n' + KEPT)
STACK_SET = """\
name          = "${var.name}-everywhere"
template_body = jsonencode({ Resources = { Topic = { Type = "AWS::SNS::Topic" } } })
"""
REPLICAS = """\
name          = "${var.name}-tables"
template_body = jsonencode({ Resources = { Table = { Type = "AWS::DynamoDB::GlobalTable", Properties = {
  KeySchema = [{ AttributeName = "id", KeyType = "HASH" }]
  AttributeDefinitions = [{ AttributeName = "id", AttributeType = "S" }]
  BillingMode = "PAY_PER_REQUEST"
  Replicas = [{ Region = "eu-west-1" }, { Region = "us-east-1" }]
} } } })
"""
REPOSITORY = resource("aws_ecr_repository", "this", 'name = "${var.name}-images"\n' + KEPT)
QUEUE = resource("aws_sqs_queue", "this", 'name = "${var.name}-jobs"')
GROUP = resource(
    "aws_cognito_user_pool", "this", f'name = "${{var.name}}-users"\ndeletion_protection = "ACTIVE"\n{KEPT}'
)
MEMBERS = resource("aws_cognito_user_group", "admins", 'name = "admins"\nuser_pool_id = aws_cognito_user_pool.this.id')
SECRET = 'name = "${var.name}-secret"\n'
KEY = "deletion_window_in_days = 30\n"
POLICY = f'bucket = aws_s3_bucket.this["policy"].id\npolicy = {json.dumps(LOCKED)}\n'

WAYS = {
    "bucket versioning suspended in its inline block": Way(
        "aws_s3_bucket.inline", inline(enabled="true"), inline(enabled="false")
    ),
    "bucket versioning replaced": Way(
        "aws_s3_bucket_versioning.replaced",
        versioning("replaced", "replaced"),
        versioning("replaced", "replaced", more="  expected_bucket_owner = data.aws_caller_identity.this.account_id\n")
        + 'data "aws_caller_identity" "this" {}\n',
    ),
    "bucket versioning pointed at another bucket": Way(
        "aws_s3_bucket_versioning.pointed", versioning("pointed", "pointed"), versioning("pointed", "other")
    ),
    "second, suspended versioning of a bucket": Way(
        "aws_s3_bucket_versioning.again",
        versioning("second", "second"),
        versioning("second", "second") + versioning("again", "second", status="Suspended"),
    ),
    "object lock for fewer days": Way(
        "aws_s3_bucket_object_lock_configuration.days", lock("days", "COMPLIANCE", 30), lock("days", "COMPLIANCE", 1)
    ),
    "object lock in a weaker mode": Way(
        "aws_s3_bucket_object_lock_configuration.mode", lock("mode", "COMPLIANCE", 30), lock("mode", "GOVERNANCE", 30)
    ),
    "object lock without its rule": Way(
        "aws_s3_bucket_object_lock_configuration.rule", lock("rule", "COMPLIANCE", 30), lock("rule", "", 0)
    ),
    "lifecycle rule that expires every object": Way(
        "aws_s3_bucket_lifecycle_configuration.objects", "", expires("objects", "expiration {\n      days = 1\n    }")
    ),
    "lifecycle rule that expires every old version": Way(
        "aws_s3_bucket_lifecycle_configuration.versions",
        "",
        expires("versions", "noncurrent_version_expiration {\n      noncurrent_days = 1\n    }"),
    ),
    "bucket policy that locks everybody out": Way(
        "aws_s3_bucket_policy.this", "", resource("aws_s3_bucket_policy", "this", POLICY)
    ),
    "public grant instead of a public ACL": Way(
        "aws_s3_bucket_acl.this", "", resource("aws_s3_bucket_acl", "this", GRANT), rule="ORCH_BUCKET_PUBLIC"
    ),
    "time to live switched on for an attribute that exists": Way(
        "aws_dynamodb_table.this",
        resource("aws_dynamodb_table", "this", TABLE + KEPT),
        resource("aws_dynamodb_table", "this", TABLE + KEPT + 'ttl {\n  attribute_name = "born"\n  enabled = true\n}'),
    ),
    "point-in-time recovery for fewer days": Way(
        "aws_dynamodb_table.recovery",
        recovery(35),
        recovery(1),
    ),
    "lock of a backup vault lowered": Way(
        "aws_backup_vault_lock_configuration.this", VAULT + vault_lock(30), VAULT + vault_lock(1)
    ),
    "replica of a secret deleted": Way(
        "aws_secretsmanager_secret.copied",
        secret_in("us-east-1", "us-west-2"),
        secret_in("us-east-1"),
    ),
    "replica of a table deleted in a CloudFormation template": Way(
        "aws_cloudformation_stack.tables/Table",
        resource("aws_cloudformation_stack", "tables", REPLICAS + KEPT),
        resource("aws_cloudformation_stack", "tables", REPLICAS.replace(', { Region = "us-east-1" }', "") + KEPT),
        rule="ORCH_TEMPLATE",
    ),
    "stack set deleted": Way(
        "aws_cloudformation_stack_set.this",
        resource("aws_cloudformation_stack_set", "this", STACK_SET),
        "",
        rule="ORCH_PROTECTED",
    ),
    "image rule that keeps one image": Way(
        "aws_ecr_lifecycle_policy.this", REPOSITORY, REPOSITORY + resource("aws_ecr_lifecycle_policy", "this", IMAGES)
    ),
    "recovery window of a secret shortened from its default": Way(
        "aws_secretsmanager_secret.this",
        resource("aws_secretsmanager_secret", "this", SECRET + KEPT),
        resource("aws_secretsmanager_secret", "this", SECRET + "recovery_window_in_days = 7\n" + KEPT),
    ),
    "deletion window of a key shortened": Way(
        "aws_kms_key.window",
        resource("aws_kms_key", "window", KEY + KEPT),
        resource("aws_kms_key", "window", KEY.replace("30", "7") + KEPT),
    ),
    "deletion window of a key shortened from its default": Way(
        "aws_kms_key.default",
        resource("aws_kms_key", "default", KEPT),
        resource("aws_kms_key", "default", KEY.replace("30", "7") + KEPT),
    ),
    "key policy that locks everybody out": Way(
        "aws_kms_key.policy",
        resource("aws_kms_key", "policy", KEPT),
        resource("aws_kms_key", "policy", f"policy = {json.dumps(LOCKED)}\n{KEPT}"),
    ),
    "queue deleted with its messages": Way("aws_sqs_queue.this", QUEUE, "", rule="ORCH_PROTECTED", inside="2 messages"),
    "group of a pool deleted": Way("aws_cognito_user_group.admins", GROUP + MEMBERS, GROUP, rule="ORCH_PROTECTED"),
}
ACTIONS = """\
  plan_actions: ["ecr:Describe*", "ecr:GetLifecyclePolicy", "ecr:List*", "kms:Describe*", "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus", "kms:List*", "backup:Describe*", "backup:List*", "cloudformation:Describe*",
    "cloudformation:Get*", "cloudformation:List*"]
  apply_actions: ["backup:*", "backup-storage:*", "cloudformation:*", "ecr:*", "kms:*", "secretsmanager:*", "sqs:*", "s3:*",
    "dynamodb:*", "cognito-idp:*"]
"""
FILES = {
    "modules/store/main.tf": HEAD + "".join(way.before for way in WAYS.values()),
    "live/stacks/store.yaml": "module: store\nnames: true\n",
    "live/stacks/baseline.yaml": BASELINE + ACTIONS,
    "live/stages/prod.yaml": "account: main\nstacks:\n  identity:\n  store:\n",
}


@pytest.fixture(scope="module")
def attempts() -> dict[str, Result]:
    """The one attempt that all ways of this module share, by the bucket of its world's states."""
    return {}


@pytest.fixture
def tried(make_world: Callable[..., World], attempts: dict[str, Result]) -> tuple[World, Result]:
    """The world, and what orch said about all ways at once."""
    world = make_world(files=FILES)
    if world.bucket not in attempts:
        sqs = world.account.client("sqs")
        for text in ("one", "two"):
            sqs.send_message(QueueUrl=sqs.list_queues()["QueueUrls"][0], MessageBody=text)
        world.write("modules/store/main.tf", HEAD + "".join(way.after for way in WAYS.values()))
        attempts[world.bucket] = world.attempt()
    return world, attempts[world.bucket]


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=pytest.mark.way(name, item="2"), id=name) for name, way in WAYS.items()]
)
def test_what_a_resource_holds_is_lost_without_its_deletion(way: Way, tried: tuple[World, Result]) -> None:
    world, result = tried
    finding = world.assert_blocked(result, rule=way.rule, address=way.address, unit="prod/store")
    assert way.inside in finding["inside"]
    world.assert_alive()
