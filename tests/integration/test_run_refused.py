"""A destroy says first what AWS itself would refuse, under the roles of a baseline, and then destroys nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.catalogue import BASELINE
from tests.support.emulator import ENTRY_ROLE, Account
from tests.support.project import OWNERS, WAIVER, Project

pytestmark = pytest.mark.integration

WITH_ECR = f"""\
{BASELINE}  plan_actions: ["ecr:Describe*", "ecr:List*", "ecr:Get*"]
  apply_actions: ["ecr:*"]
"""
MODULE = """\
resource "aws_dynamodb_table" "kept" {
  name                        = "NAME-kept"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = true

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_s3_bucket" "full" {
  bucket = "NAME-full"
}

resource "aws_s3_bucket" "empty" {
  bucket = "NAME-empty"
}

resource "aws_sqs_queue" "free" {
  name = "NAME-free"
}
"""
ADDRESSES = (
    ("test/things", "aws_dynamodb_table.kept"),
    ("test/things", "aws_s3_bucket.full"),
    ("test/things", "aws_s3_bucket.empty"),
    ("test/things", "aws_sqs_queue.free"),
    ("test/alone", "aws_sqs_queue.alone"),
)


@pytest.fixture
def project(tmp_path: Path, emulator: Path) -> tuple[Project, Account]:
    account = Account(emulator)
    name = f"r{account.id[-6:]}"
    roles = (ENTRY_ROLE, "orch-plan", "orch-apply")
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account.id}, name=name, roles=roles)
    main = made.root / "live" / "accounts" / "main.yaml"
    main.write_text(main.read_text() + "stacks: {baseline: }\n")
    made.module("account_baseline")
    made.write("live/stacks/baseline.yaml", WITH_ECR)
    made.write("live/stages/test.yaml", "account: main\nstacks: {things: , alone: }\n")
    made.write("live/stacks/things.yaml", "module: things\n")
    made.write("live/stacks/alone.yaml", "module: alone\n")
    made.write("modules/things/main.tf", MODULE.replace("NAME", name))
    made.write("modules/alone/main.tf", f'resource "aws_sqs_queue" "alone" {{\n  name = "{name}-alone"\n}}\n')
    made.ready()
    made.orch("apply", "test", "--yes", "-q")
    return made, account


def test_a_waived_destroy_that_aws_would_refuse_does_not_begin(project: tuple[Project, Account]) -> None:
    """The unit beside it, which could go, stays too. The plan role of a baseline sees what is in the buckets."""
    made, account = project
    account.client("s3").put_object(Bucket=f"r{account.id[-6:]}-full", Key="a", Body=b"1")
    blocked = made.orch("destroy", "test", "--yes", "--json", code=3).units()["test/things"]
    assert "AWS would refuse" in blocked["cause"], "it says both at once"
    expires = datetime.now(UTC).date() + timedelta(days=7)
    entries = "".join(
        WAIVER.format(id=f"w{number}", rule="ORCH_PROTECTED", unit=unit, address=address, expires=expires)
        for number, (unit, address) in enumerate(ADDRESSES)
    )
    made.write("policies/waivers.yaml", entries)
    made.write("policies/owners.yaml", OWNERS)
    made.write(".gitignore", ".orch/\n")
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "Allow it")
    result = made.orch("destroy", "test", "--yes", "--json", code=1)
    unit = result.units()["test/things"]
    assert unit["status"] == "failed"
    assert unit["cause"].startswith("AWS would refuse to delete it: ")
    for words in (
        "aws_dynamodb_table.kept has deletion_protection_enabled = True",
        "aws_s3_bucket.full is not empty and has force_destroy = False",
        "switch it off in the configuration and apply that first",
    ):
        assert words in unit["cause"]
    assert "aws_s3_bucket.empty" not in unit["cause"]
    assert "does not tell" not in result.err
    assert result.units()["test/alone"]["status"] != "applied"
    assert len(account.client("sqs").list_queues()["QueueUrls"]) == 2, "nothing was destroyed, in either unit"

    deny = {"Effect": "Deny", "Action": "s3:ListBucketVersions", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    account.client("iam").put_role_policy(RoleName="orch-plan", PolicyName="blind", PolicyDocument=document)
    unseen = made.orch("destroy", "test", "--yes", code=1)
    assert "cannot tell whether aws_s3_bucket.full is empty" in unseen.err
