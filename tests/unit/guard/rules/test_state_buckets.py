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


REPORT = {"key": "outputs/report.json"}
UNKNOWN = {"bucket": True}
CREATED = change(["create"], address="module.this.aws_s3_bucket.b", after={"bucket": "docs"}, unknown={"id": True})


def placed(text: str, *, more: str = "") -> dict[str, str]:
    """The files of a module with an object whose bucket is this expression."""
    return {"main.tf": f'resource "aws_s3_bucket" "b" {{\n  bucket = "docs"\n}}\n{item(text)}{more}'}


def item(text: str) -> str:
    return f'resource "aws_s3_object" "x" {{\n  bucket = {text}\n  key = "outputs/report.json"\n}}\n'


def found(folder: Path, files: dict[str, str], *changes: dict[str, Any]) -> set[str]:
    for name, text in files.items():
        (folder / "modules/m" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "modules/m" / name).write_text(text)
    unit = a_unit(module=folder / "modules/m")
    return {each.rule for each in GUARD.judge(unit, saved(folder, plan(*changes))).findings}


def nested(address: str, after: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
    module, kind, name = address.rsplit(".", 2)
    own = {"type": kind, "name": name, "module_address": module}
    return change(["create"], address=address, after=after, unknown=unknown) | own


CALL = 'module "objects" {\n  source = "./objects"\n  bucket = %s\n}\n'
INSIDE = "module.this.module.objects.aws_s3_object.x"


@pytest.mark.parametrize(
    "files",
    [
        placed("aws_s3_bucket.b.id"),
        placed("aws_s3_bucket.b.bucket"),
        placed('"${aws_s3_bucket.b.id}"'),
        placed("(aws_s3_bucket.b.id)"),
        placed("aws_s3_bucket.b[each.key].id"),
        placed('aws_s3_bucket.b["docs"].id'),
        placed("local.bucket", more="locals {\n  bucket = aws_s3_bucket.b.id\n}\n"),
        {
            "main.tf": placed("each.value.id")["main.tf"].replace(
                "bucket = each", "for_each = aws_s3_bucket.b\n  bucket = each"
            )
        },
    ],
)
def test_a_bucket_that_the_plan_creates_is_no_state_bucket(tmp_path: Path, files: dict[str, str]) -> None:
    entry = made("aws_s3_object", UNKNOWN, **REPORT)
    assert found(tmp_path, files, CREATED, entry) == set()
    assert found(tmp_path, files, entry) == {"ORCH_STATE"}, "it is not among the changes"


def test_a_new_bucket_is_followed_through_modules(tmp_path: Path) -> None:
    files = {**placed("x", more=CALL % "aws_s3_bucket.b.id"), "objects/main.tf": item("var.bucket")}
    entry = nested(INSIDE, REPORT, UNKNOWN)
    assert found(tmp_path, files, CREATED, entry) == set()
    bucket = nested("module.this.module.store.aws_s3_bucket.b", {}, {"id": True})
    store = 'module "store" {\n  source = "./store"\n}\n'
    outside = {
        "main.tf": store + item("module.store.bucket"),
        "store/main.tf": 'resource "aws_s3_bucket" "b" {}\noutput "bucket" {\n  value = aws_s3_bucket.b.id\n}\n',
    }
    assert found(tmp_path, outside, bucket, made("aws_s3_object", UNKNOWN, **REPORT)) == set()


@pytest.mark.parametrize(
    "files",
    [
        placed('replace(aws_s3_bucket.b.id, "docs", "states")'),
        placed('"${aws_s3_bucket.b.id}-tfstate"'),
        placed("true ? aws_s3_bucket.b.id : var.other"),
        placed("aws_s3_bucket.b.bucket_prefix"),
        placed("aws_s3_bucket.other.id"),
        placed("terraform_data.b.output"),
        placed("data.aws_s3_bucket.b.id"),
        placed("var.bucket"),
        placed("local.bucket", more='locals {\n  bucket = replace(aws_s3_bucket.b.id, "d", "s")\n}\n'),
        placed("local.a", more="locals {\n  a = local.b\n  b = local.a\n}\n"),
        {**placed("aws_s3_bucket.b.id"), "x_override.tf": item("terraform_data.b.output")},
        {},
    ],
)
def test_another_bucket_whose_name_is_unknown_may_be_a_state_bucket(tmp_path: Path, files: dict[str, str]) -> None:
    assert found(tmp_path, files, CREATED, made("aws_s3_object", UNKNOWN, **REPORT)) == {"ORCH_STATE"}


def test_a_bucket_that_exists_is_not_new(tmp_path: Path) -> None:
    files, entry = placed("aws_s3_bucket.b[each.key].id"), made("aws_s3_object", UNKNOWN, **REPORT)
    old = change(["no-op"], address='module.this.aws_s3_bucket.b["old"]', before={"bucket": "x"}, after={"bucket": "x"})
    assert found(tmp_path, files, CREATED, old, entry) == {"ORCH_STATE"}


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
