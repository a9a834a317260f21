"""A companion goes with the resource that it belongs to: its removal is no finding of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.catalogue import ProviderConfig
from orchestrator.errors import Location
from orchestrator.guard.drift import judge_drift
from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved
from tests.support.safeguards import at, listed_safeguards, pair

POLICIES = Policies.load(Path(__file__).parents[4])
JUDGE = Judge(local_checks(POLICIES))
BUCKET = "aws_s3_bucket.b"
DOCUMENTS = {"id": "b", "bucket": "b", "arn": "arn:aws:s3:::b", "force_destroy": False}
FLAGS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
ACCESS = {"id": "b", "bucket": "b", **dict.fromkeys(FLAGS, True)}
VERSIONING = {"id": "b", "bucket": "b", **at("versioning_configuration.status", "Enabled")}
GONE = ["delete"]
REPLACED = [["delete", "create"], ["create", "delete"]]


def entry(address: str, actions: list[str], before: dict[str, Any], **after: Any) -> dict[str, Any]:
    planned = {**before, **after} if "create" in actions or "update" in actions else None
    return change(actions, address=f"module.this.{address}", before=before, after=planned)


def found(folder: Path, *changes: dict[str, Any]) -> list[tuple[str, str]]:
    findings = JUDGE.judge(a_unit(), saved(folder, plan(*changes))).findings
    return [(each.rule, each.address.removeprefix("module.this.")) for each in findings]


def belongings(actions: list[str], **after: Any) -> list[dict[str, Any]]:
    return [
        entry("aws_s3_bucket_public_access_block.b", actions, ACCESS, **after),
        entry("aws_s3_bucket_versioning.b", actions, VERSIONING, **after),
    ]


def test_the_name_of_a_vault_may_be_that_of_one_in_another_region(tmp_path: Path) -> None:
    """The unit has a second configuration of the provider, and the plan does not say which resource has which."""
    arn = "arn:aws:backup:eu-west-1:111111111111:backup-vault:main"
    vault = entry("aws_backup_vault.edge", GONE, {"id": "main", "name": "main", "arn": arn})
    companion = "aws_backup_vault_lock_configuration.home"
    lock = entry(companion, GONE, {"id": "main", "backup_vault_name": "main", "min_retention_days": 30})
    assert companion not in {address for _, address in found(tmp_path, vault, lock)}
    at = Location("live/stages/prod.yaml", 4, 3)
    edge = ProviderConfig("aws", "edge", "production", "us-east-1", at)
    judged = JUDGE.judge(replace(a_unit(), providers=(edge,)), saved(tmp_path, plan(vault, lock)))
    assert companion in {each.address.removeprefix("module.this.") for each in judged.findings}


def test_what_belongs_to_a_deleted_bucket_goes_with_it(tmp_path: Path) -> None:
    bucket = entry(BUCKET, GONE, DOCUMENTS)
    assert found(tmp_path, bucket, *belongings(GONE)) == [("ORCH_PROTECTED", BUCKET)]
    assert [rule for rule, _ in found(tmp_path, *belongings(GONE))] == ["ORCH_BUCKET_PUBLIC", "ORCH_WEAKENED"]


@pytest.mark.parametrize("actions", REPLACED)
def test_what_belongs_to_a_replaced_bucket_is_replaced_with_it(tmp_path: Path, actions: list[str]) -> None:
    bucket = entry(BUCKET, actions, DOCUMENTS, bucket="new", id=None)
    assert found(tmp_path, bucket, *belongings(actions, bucket="new")) == [("ORCH_PROTECTED", BUCKET)]


@pytest.mark.parametrize(
    "owner",
    [
        entry(BUCKET, ["forget"], DOCUMENTS),
        entry(BUCKET, ["forget", "create"], DOCUMENTS),
        entry(BUCKET, ["create", "forget"], DOCUMENTS),
        entry(BUCKET, ["update"], DOCUMENTS, tags={}),
        entry(
            "aws_s3_bucket.other", GONE, {**DOCUMENTS, "id": "other", "bucket": "other", "arn": "arn:aws:s3:::other"}
        ),
        # A resource of another type with the same name
        entry("aws_ecr_repository.b", GONE, {"id": "b", "name": "b", "bucket": "b"}),
        # Only a name counts, not any text
        entry("aws_s3_bucket.c", GONE, {"id": "c", "bucket": "c", "website_domain": "b", "policy": "b"}),
    ],
)
def test_what_belongs_to_a_bucket_that_stays_is_judged(tmp_path: Path, owner: dict[str, Any]) -> None:
    rules = [rule for rule, address in found(tmp_path, owner, *belongings(GONE)) if address.endswith("_block.b")]
    rules += [rule for rule, address in found(tmp_path, owner, *belongings(GONE)) if "versioning" in address]
    assert rules == ["ORCH_BUCKET_PUBLIC", "ORCH_WEAKENED"]


@pytest.mark.parametrize("actions", REPLACED)
@pytest.mark.parametrize("bucket", ["b", "other"])
def test_the_access_block_of_a_bucket_that_stays_is_not_replaced(
    tmp_path: Path, actions: list[str], bucket: str
) -> None:
    """Its bucket would have none: for a while, or for good."""
    block = entry("aws_s3_bucket_public_access_block.b", actions, ACCESS, bucket=bucket)
    assert found(tmp_path, block) == [("ORCH_BUCKET_PUBLIC", "aws_s3_bucket_public_access_block.b")]


def test_an_access_block_does_not_move_to_another_bucket(tmp_path: Path) -> None:
    block = entry("aws_s3_bucket_public_access_block.b", ["update"], ACCESS, bucket="other")
    assert found(tmp_path, block) == [("ORCH_BUCKET_PUBLIC", "aws_s3_bucket_public_access_block.b")]


def test_a_deposed_bucket_takes_nothing_with_it(tmp_path: Path) -> None:
    deposed = entry(BUCKET, GONE, DOCUMENTS) | {"deposed": "1a2b3c4d"}
    assert len(found(tmp_path, deposed, *belongings(GONE))) == 3


def test_a_companion_that_stays_is_judged_also_if_another_bucket_goes(tmp_path: Path) -> None:
    bucket = entry(BUCKET, GONE, DOCUMENTS)
    other = {**VERSIONING, "bucket": "other"}
    suspended = entry(
        "aws_s3_bucket_versioning.o", ["update"], other, **at("versioning_configuration.status", "Suspended")
    )
    assert ("ORCH_WEAKENED", "aws_s3_bucket_versioning.o") in found(tmp_path, bucket, suspended)


COMPANIONS = {
    (kind, owner): (path, rule, companion)
    for owner, listed in POLICIES.protected.types.items()
    for kind, path, rule, companion in listed_safeguards(type(POLICIES.protected)({owner: listed}))
    if companion is not None
}


@pytest.mark.parametrize(("kind", "owner"), COMPANIONS)
def test_every_companion_goes_with_its_owner(tmp_path: Path, kind: str, owner: str) -> None:
    path, rule, companion = COMPANIONS[kind, owner]
    before = {"id": "c", companion.of: "x", **at(path, pair(rule)[0])}
    for identifier in ("id", "arn", companion.of):
        entries = entry(f"{owner}.x", GONE, {identifier: "x"}), entry(f"{kind}.x", GONE, before)
        assert found(tmp_path, *entries) == [("ORCH_PROTECTED", f"{owner}.x")]


def test_a_bucket_that_somebody_deleted_is_one_finding(tmp_path: Path) -> None:
    drift = [entry(BUCKET, GONE, DOCUMENTS), *belongings(GONE)]
    verdict, _ = judge_drift(JUDGE, a_unit(), saved(tmp_path, plan(resource_drift=drift)))
    assert [(each.rule, each.address) for each in verdict.findings] == [("ORCH_VANISHED", f"module.this.{BUCKET}")]
