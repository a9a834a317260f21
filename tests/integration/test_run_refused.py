"""A destroy says first what AWS itself would refuse, and then destroys nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.emulator import Account
from tests.support.project import OWNERS, WAIVER, Project

pytestmark = pytest.mark.integration

MODULE = """\
resource "aws_dynamodb_table" "kept" {
  name                        = "refused-kept"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = true

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_s3_bucket" "full" {
  bucket = "refused-full-NUMBER"
}

resource "aws_sns_topic" "free" {
  name = "refused-free"
}
"""
ADDRESSES = (
    ("ORCH_PROTECTED", "aws_dynamodb_table.kept"),
    ("ORCH_PROTECTED", "aws_s3_bucket.full"),
)


@pytest.fixture
def project(tmp_path: Path, emulator: Path) -> tuple[Project, Account]:
    account = Account(emulator)
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account.id}, name=f"r{account.id[-6:]}")
    made.write("live/stages/test.yaml", "account: main\nstacks: {things: }\n")
    made.write("live/stacks/things.yaml", "module: things\n")
    made.write("modules/things/main.tf", MODULE.replace("NUMBER", account.id))
    made.ready()
    made.orch("apply", "test", "--yes", "-q")
    return made, account


def test_a_waived_destroy_that_aws_would_refuse_does_not_begin(project: tuple[Project, Account]) -> None:
    made, account = project
    account.client("s3").put_object(Bucket=f"refused-full-{account.id}", Key="a", Body=b"1")
    blocked = made.orch("destroy", "test", "--yes", "--json", code=3).units()["test/things"]
    assert "AWS would refuse" in blocked["cause"], "it says both at once"
    expires = datetime.now(UTC).date() + timedelta(days=7)
    entries = "".join(
        WAIVER.format(id=f"w{number}", rule=rule, unit="test/things", address=address, expires=expires)
        for number, (rule, address) in enumerate(ADDRESSES)
    )
    made.write("policies/waivers.yaml", entries)
    made.write("policies/owners.yaml", OWNERS)
    made.write(".gitignore", ".orch/\n")
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "Allow it")
    unit = made.orch("destroy", "test", "--yes", "--json", code=1).units()["test/things"]
    assert unit["status"] == "failed"
    assert unit["cause"].startswith("AWS would refuse to delete it: ")
    for words in (
        "aws_dynamodb_table.kept has deletion_protection_enabled = True",
        "aws_s3_bucket.full is not empty and has force_destroy = False",
        "switch it off in the configuration and apply that first",
    ):
        assert words in unit["cause"]
    assert account.client("sns").list_topics()["Topics"], "nothing was destroyed"
