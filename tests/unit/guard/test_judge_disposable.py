"""What a disposable stage may lose: its own resources and their safeguards, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.catalogue import ProviderConfig
from orchestrator.errors import Location
from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Severity, Verdict
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.trust.disposable import DisposableStages
from orchestrator.terraform.model import StateResource
from tests.support.checks import local_checks
from tests.support.plans import POOL, USERS, a_unit, change, delete, forget, plan, saved, update
from tests.support.plans import replace as replaced
from tests.unit.guard.rules.test_vanished import BUCKET, THE_BUCKET, THE_POOL, Known, bucket, create

CHECKS = local_checks(Policies.load(Path(__file__).parents[3]))
WHY = "prod is disposable (live/stages/prod.yaml:2:13)"
STAGES = DisposableStages({"prod": WHY})
VERSIONING = "module.this.aws_s3_bucket_versioning.this"
ACCESS = "module.this.aws_s3_bucket_public_access_block.this"
BLOCKING = {"block_public_acls": True, "block_public_policy": True, "ignore_public_acls": True}
DOCUMENTS = {"id": "documents", "bucket": "documents", "force_destroy": False}


def judged(folder: Path, *changes: dict[str, Any], known: Known | None = None, **over: Any) -> Verdict:
    known = known or Known(state=[THE_POOL, THE_BUCKET])
    return Judge(CHECKS, outside=known, disposable=STAGES).judge(a_unit(), saved(folder, plan(*changes, **over)))


def versioning(actions: list[str], before: str | None, after: str | None, status: str = "Suspended") -> dict[str, Any]:
    def side(name: str | None, value: str) -> Mapping[str, Any] | None:
        return None if name is None else {"id": name, "bucket": name, "versioning_configuration": [{"status": value}]}

    return change(actions, address=VERSIONING, before=side(before, "Enabled"), after=side(after, status))


@pytest.mark.parametrize(
    "entry",
    [
        delete(),
        replaced(),
        forget(),
        delete(deposed="1a2b3c4d", reason=None),
        update(deletion_protection="INACTIVE"),
        change(["delete"], address=BUCKET, before=DOCUMENTS),
        versioning(["delete"], "documents", None),
        versioning(["update"], "documents", "documents"),
    ],
)
def test_its_own_may_go_with_a_line_that_says_why(tmp_path: Path, entry: dict[str, Any]) -> None:
    known = Known(state=[THE_POOL, replace(THE_POOL, deposed="1a2b3c4d"), THE_BUCKET])
    verdict = judged(tmp_path, entry, known=known)
    assert not verdict.blocked
    assert {(each.severity, each.waiver) for each in verdict.findings} == {(Severity.WAIVED, WHY)}


@pytest.mark.parametrize(
    ("kind", "before", "known"),
    [
        # What is protected by its values is not among the protected resources of a state.
        (
            "aws_ssm_parameter",
            {"type": "SecureString", "name": "/key"},
            Known(unprotected=["module.this.aws_ssm_parameter.this"]),
        ),
        # Companions name their resources by attributes of their own.
        (
            "aws_sqs_queue_policy",
            {"queue_url": "https://sqs/q", "policy": "{}"},
            Known(state=[StateResource("module.this.aws_sqs_queue.this", "aws_sqs_queue", "https://sqs/q")]),
        ),
        (
            "aws_efs_replication_configuration",
            {"source_file_system_id": "fs-1"},
            Known(state=[StateResource("module.this.aws_efs_file_system.this", "aws_efs_file_system", "fs-1")]),
        ),
    ],
    ids=["values", "policy", "replication"],
)
def test_every_type_of_the_list_may_go(tmp_path: Path, kind: str, before: dict[str, Any], known: Known) -> None:
    gone = change(["delete"], address=f"module.this.{kind}.this", before=before)
    assert not judged(tmp_path, gone, known=known).blocked
    if kind != "aws_sqs_queue_policy":  # The removal of a policy loses nothing.
        assert judged(tmp_path, gone, known=Known(state=[THE_POOL])).blocked


def test_a_safeguard_in_another_region_may_be_that_of_another_resource(tmp_path: Path) -> None:
    """Both regions can have a vault ``main``; the plan does not say in which one the lock is."""
    known = Known(state=[StateResource("module.this.aws_backup_vault.this", "aws_backup_vault", "main", name="main")])
    before = {"id": "main", "backup_vault_name": "main", "min_retention_days": 30}
    lock = change(["delete"], address="module.this.aws_backup_vault_lock_configuration.this", before=before)
    assert not judged(tmp_path, lock, known=known).blocked
    edge = ProviderConfig("aws", "edge", "production", "us-east-1", Location("live/stages/prod.yaml", 4, 3))
    judge = Judge(CHECKS, outside=known, disposable=STAGES)
    assert judge.judge(replace(a_unit(), providers=(edge,)), saved(tmp_path, plan(lock))).blocked


def test_what_was_deleted_by_hand_may_be_made_again(tmp_path: Path) -> None:
    assert not judged(tmp_path, create(), bucket()).blocked
    assert not judged(tmp_path, create(), known=Known(ledger=[THE_POOL])).blocked


def test_a_plan_that_is_limited_to_some_resources_is_read(tmp_path: Path) -> None:
    whole = plan(update(deletion_protection="INACTIVE"), change(["no-op"], address=BUCKET, before=DOCUMENTS))
    prior = whole["prior_state"]
    assert not judged(tmp_path, update(deletion_protection="INACTIVE"), prior_state=prior).blocked
    lasting = Judge(CHECKS, outside=Known(state=[THE_POOL])).judge(
        a_unit(), saved(tmp_path, plan(update(tags={}), prior_state=prior))
    )
    assert "ORCH_UNREADABLE" in {each.rule for each in lasting.findings}


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        # Not in the state of the unit, so not its own.
        (delete(address="module.this.aws_cognito_user_pool.other"), "ORCH_PROTECTED"),
        (change(["create"], address="module.this.aws_s3_bucket.new", after={"bucket": "taken"}), "ORCH_VANISHED"),
        # Safeguards of another one's bucket, before or after.
        (versioning(["delete"], "of-prod", None), "ORCH_WEAKENED"),
        (versioning(["update"], "documents", "of-prod"), "ORCH_WEAKENED"),
        (versioning(["update"], "of-prod", "documents"), "ORCH_WEAKENED"),
        # Its bucket stays, and would be public.
        (change(["delete"], address=ACCESS, before={"id": "documents", "bucket": "documents"}), "ORCH_BUCKET_PUBLIC"),
        # What is no loss.
        (change(["explode"], before=USERS), "ORCH_UNREADABLE"),
    ],
)
def test_anything_else_blocks_as_everywhere(tmp_path: Path, entry: dict[str, Any], rule: str) -> None:
    verdict = judged(tmp_path, entry, known=Known(state=[THE_POOL, THE_BUCKET], buckets=["taken"]))
    assert rule in {each.rule for each in verdict.findings if each.severity is Severity.BLOCK}


def test_a_public_access_block_may_go_with_its_bucket(tmp_path: Path) -> None:
    gone = change(["delete"], address=ACCESS, before={"id": "documents", "bucket": "documents", **BLOCKING})
    assert not judged(tmp_path, gone, change(["delete"], address=BUCKET, before=DOCUMENTS)).blocked


def test_without_knowing_what_is_its_own_nothing_is_allowed(tmp_path: Path) -> None:
    assert Judge(CHECKS, disposable=STAGES).judge(a_unit(), saved(tmp_path, plan(delete()))).blocked


def test_another_stage_keeps_the_full_guard(tmp_path: Path) -> None:
    stages = DisposableStages({"feat": "feat is disposable"})
    judge = Judge(CHECKS, outside=Known(state=[THE_POOL]), disposable=stages)
    assert judge.judge(a_unit(), saved(tmp_path, plan(delete()))).blocked
    account = replace(a_unit(), of_account=True)
    judge = Judge(CHECKS, outside=Known(state=[THE_POOL]), disposable=STAGES)
    assert judge.judge(account, saved(tmp_path, plan(delete()))).blocked


def test_a_resource_that_was_moved_is_its_own(tmp_path: Path) -> None:
    old = StateResource("module.this.aws_cognito_user_pool.old", "aws_cognito_user_pool", "eu-west-1_abc")
    entry = {**replaced(address=POOL), "previous_address": old.address}
    assert not judged(tmp_path, entry, known=Known(state=[old])).blocked
