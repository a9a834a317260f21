"""Resources that access a state bucket: IAM cannot distinguish them from Terraform itself, but the plan can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved

BUCKET = "ams-111111111111-tfstate"
GUARD = Judge(local_checks(Policies.load(Path(__file__).parents[4])), states=frozenset({BUCKET}))
STATE = "prod/identity/eu-west-1/terraform.tfstate"


def rules(folder: Path, *changes: dict[str, Any]) -> set[str]:
    return {finding.rule for finding in GUARD.judge(a_unit(), saved(folder, plan(*changes))).findings}


def made(kind: str, unknown: Any = None, **after: Any) -> dict[str, Any]:
    return change(["create"], address=f"module.this.{kind}.x", after=after, unknown=unknown)


@pytest.mark.parametrize(
    "entry",
    [
        made("aws_s3_object", bucket=BUCKET, key="anything"),
        made("aws_s3_bucket_object", bucket=BUCKET, key=STATE),
        made("aws_s3_object_copy", bucket=BUCKET, key=STATE, source="mine/evil"),
        made("aws_s3_bucket_policy", bucket=BUCKET),
        made("aws_s3_bucket_lifecycle_configuration", bucket=f"arn:aws:s3:::{BUCKET}"),
        made("aws_s3_object", {"bucket": True}, key=STATE),
        made("aws_s3_object", {"bucket": True}, key="ledger/prod/identity/eu-west-1.json"),
        made("aws_s3_object", {"bucket": True, "key": True}),
        change(["delete"], address="module.this.aws_s3_object.x", before={"bucket": BUCKET, "key": STATE}),
        change(["no-op"], address="module.this.aws_s3_object.x", before={"id": STATE}, after={"id": STATE})
        | {"change": {"actions": ["update"], "before": {"bucket": "other"}, "after": {"bucket": BUCKET}}},
    ],
)
def test_access_to_a_state_bucket_is_blocked(tmp_path: Path, entry: dict[str, Any]) -> None:
    assert "ORCH_STATE" in rules(tmp_path, entry)


@pytest.mark.parametrize(
    "entry",
    [
        made("aws_s3_object", bucket="ams-prod-documents", key=STATE),
        made("aws_s3_object", {"bucket": True}, key="index.html"),
        made("aws_s3_object", {"bucket": True}, key="reports/receipts.html"),
        made("aws_sns_topic", bucket=BUCKET),
    ],
)
def test_other_buckets_and_other_resources_pass(tmp_path: Path, entry: dict[str, Any]) -> None:
    assert rules(tmp_path, entry) == set()
