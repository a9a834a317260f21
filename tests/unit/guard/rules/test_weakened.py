"""What changes lose without a deletion, for every provider that makes them: aws, awscc, Cloud Control, CloudFormation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved
from tests.support.safeguards import LOCKED, at

ROOT = Path(__file__).parents[4]
VERSIONING = "module.this.aws_s3_bucket_versioning.v"
CONTROL = "module.this.aws_cloudcontrolapi_resource.r"
LOCK = "module.this.aws_s3_bucket_object_lock_configuration.l"
STATUS = "versioning_configuration.status"
EXPIRES = {"Rules": [{"Status": "Enabled", "ExpirationInDays": 1}]}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(local_checks(Policies.load(ROOT)))


class Judged:
    """Judges a plan of the given changes; (rule, address, cause) of each finding."""

    def __init__(self, judge: Judge, folder: Path) -> None:
        self._judge, self._folder = judge, folder

    def __call__(self, *changes: dict[str, Any]) -> list[tuple[str, str, str]]:
        found = self._judge.judge(a_unit(), saved(self._folder, plan(*changes))).findings
        return [(each.rule, each.address.removeprefix("module.this."), each.cause) for each in found]

    def rules(self, *changes: dict[str, Any]) -> list[str]:
        return [rule for rule, _, _ in self(*changes)]


@pytest.fixture
def judged(judge: Judge, tmp_path: Path) -> Judged:
    return Judged(judge, tmp_path)


def versioning(bucket: str | None, status: str | None) -> dict[str, Any]:
    return {"bucket": bucket, **at(STATUS, status)}


@pytest.mark.parametrize(
    ("actions", "before", "after", "found"),
    [
        (["update"], versioning("b", "Enabled"), versioning("b", "Suspended"), True),
        (["delete", "create"], versioning("b", "Enabled"), versioning("b", "Enabled"), True),
        (["create", "delete"], versioning("b", "Enabled"), versioning("b", "Enabled"), True),
        (["create", "delete"], versioning("b", "Enabled"), versioning("other", "Enabled"), True),
        (["update"], versioning("b", "Enabled"), versioning("other", "Enabled"), True),
        (["delete"], versioning("b", "Enabled"), None, True),
        (["forget"], versioning("b", "Enabled"), None, True),
        (["create"], None, versioning("b", "Suspended"), True),
        (["create"], None, versioning("b", "Enabled"), False),
        (["delete"], versioning("b", "Suspended"), None, False),
        (["delete", "create"], versioning("b", "Suspended"), versioning("b", "Enabled"), False),
        (["update"], versioning("b", "Suspended"), versioning("b", "Enabled"), False),
    ],
)
def test_the_versioning_of_a_bucket(
    judged: Judged, actions: list[str], before: dict[str, Any] | None, after: dict[str, Any] | None, *, found: bool
) -> None:
    entry = change(actions, before=before, after=after, address=VERSIONING)
    assert judged.rules(entry) == ["ORCH_WEAKENED"] * found


def test_a_deposed_companion_still_switches_off_what_it_switched_on(judged: Judged) -> None:
    entry = change(["delete"], before=versioning("b", "Enabled"), address=VERSIONING, deposed="abcd1234")
    assert judged.rules(entry) == ["ORCH_WEAKENED"]


def test_a_second_companion_must_not_contradict_the_first(judged: Judged) -> None:
    """The first one does not change: the plan lists it as a no-op."""
    first = {"bucket": "b", "object_lock_enabled": "Enabled", **at("rule.default_retention.days", 30)}
    second = {"bucket": "b", "object_lock_enabled": "Enabled", **at("rule.default_retention.days", 1)}
    kept = change(["no-op"], before=first, after=first, address=LOCK)
    again = change(["create"], after=second, address=LOCK.replace(".l", ".again"))
    ((rule, address, cause),) = judged(kept, again)
    assert (rule, address) == ("ORCH_WEAKENED", "aws_s3_bucket_object_lock_configuration.again")
    assert "from 30 to 1" in cause
    elsewhere = change(["create"], after={**second, "bucket": "c"}, address=LOCK.replace(".l", ".again"))
    assert judged(kept, elsewhere) == []
    assert judged(again) == [], "without the first one it is more than there was"


def expiring(bucket: str | None) -> dict[str, Any]:
    rule = {"id": "all", "status": "Enabled", "filter": [{"prefix": ""}], "expiration": [{"days": 1}]}
    return {"bucket": bucket, "rule": [rule]}


def test_a_companion_of_a_new_bucket_loses_nothing(judged: Judged) -> None:
    address = "module.this.aws_s3_bucket_lifecycle_configuration.c"
    bucket = change(["create"], after={"bucket": "b"}, address="module.this.aws_s3_bucket.b", unknown={"id": True})
    known = change(["create"], after=expiring("b"), address=address)
    unknown = change(["create"], after=expiring(None), unknown={"bucket": True}, address=address)
    assert judged(bucket, known) == judged(bucket, unknown) == []
    assert judged.rules(known) == judged.rules(unknown) == ["ORCH_WEAKENED"], "a bucket that is there"
    elsewhere = change(["create"], after=expiring("old"), address=address)
    assert judged.rules(bucket, elsewhere) == ["ORCH_WEAKENED"]


@pytest.mark.parametrize(
    ("days", "prefix", "found"),
    [(90, "", False), (30, "", False), (29, "", True), (1, "tmp/", False), (None, "", False)],
)
def test_a_lifecycle_rule_is_compared_with_the_one_before(
    judged: Judged, days: int | None, prefix: str, *, found: bool
) -> None:
    def rule(days_: int | None, prefix_: str) -> dict[str, Any]:
        made = {"id": "x", "status": "Enabled", "filter": [{"prefix": prefix_}], "expiration": [{"days": days_}]}
        return {"bucket": "b", "rule": [made]}

    entry = change(
        ["update"],
        before=rule(30, ""),
        after=rule(days, prefix),
        address="module.this.aws_s3_bucket_lifecycle_configuration.c",
    )
    assert judged.rules(entry) == ["ORCH_WEAKENED"] * found


def desired(type_name: str, **values: Any) -> dict[str, Any]:
    return {"type_name": type_name, "desired_state": json.dumps(values)}


@pytest.mark.parametrize(
    ("type_name", "before", "after", "what"),
    [
        ("AWS::Cognito::UserPool", {"DeletionProtection": "ACTIVE"}, {}, "DeletionProtection"),
        (
            "AWS::DynamoDB::Table",
            {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35}},
            {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 1}},
            "from 35 to 1",
        ),
        ("AWS::DynamoDB::Table", {}, {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "t"}}, "expire"),
        ("AWS::S3::Bucket", {"VersioningConfiguration": {"Status": "Enabled"}}, {}, "VersioningConfiguration"),
        ("AWS::S3::Bucket", {}, {"LifecycleConfiguration": EXPIRES}, "every object"),
        ("AWS::S3::Bucket", {}, {"AccessControl": "PublicRead"}, "AccessControl"),
        ("AWS::Logs::LogGroup", {}, {"RetentionInDays": 1}, "RetentionInDays"),
        ("AWS::KMS::Key", {}, {"PendingWindowInDays": 7}, "PendingWindowInDays"),
        ("AWS::ECR::Repository", {}, {"RepositoryPolicyText": json.loads(LOCKED)}, "nobody"),
    ],
)
def test_a_desired_state_of_cloud_control_is_judged_by_its_type(
    judged: Judged, type_name: str, before: dict[str, Any], after: dict[str, Any], what: str
) -> None:
    old, new = desired(type_name, **before), desired(type_name, **after)
    ((rule, _, cause),) = judged(change(["update"], before=old, after=new, address=CONTROL))
    assert rule == "ORCH_WEAKENED"
    assert what in cause
    assert judged(change(["update"], before=old, after=old, address=CONTROL)) == []
    unknown = change(
        ["update"],
        before=old,
        after={"type_name": type_name},
        unknown={"desired_state": True},
        address=CONTROL,
    )
    assert "ORCH_WEAKENED" in judged.rules(unknown)


def test_a_companion_that_cloud_control_makes(judged: Judged) -> None:
    policy = desired("AWS::S3::BucketPolicy", Bucket="b", PolicyDocument=json.loads(LOCKED))
    assert judged.rules(change(["create"], after=policy, address=CONTROL)) == ["ORCH_WEAKENED"]


def test_what_cloud_control_deletes_is_named(judge: Judge, tmp_path: Path) -> None:
    entry = change(["delete"], before=desired("AWS::Cognito::UserPool"), address=CONTROL)
    (finding,) = judge.judge(a_unit(), saved(tmp_path, plan(entry))).findings
    assert (finding.rule, finding.lost.startswith("every user")) == ("ORCH_PROTECTED", True)


def test_the_provider_awscc_is_judged_by_the_types_of_cloudformation(judged: Judged) -> None:
    pool, instance = "module.this.awscc_cognito_user_pool.p", "module.this.awscc_rds_db_instance.d"
    on, off = {"deletion_protection": "ACTIVE"}, {"deletion_protection": "INACTIVE"}
    assert judged.rules(change(["delete"], before=on, address=pool)) == ["ORCH_PROTECTED"]
    assert judged.rules(change(["create", "delete"], before=on, after=on, address=pool)) == ["ORCH_PROTECTED"]
    assert judged.rules(change(["update"], before=on, after=off, address=pool)) == ["ORCH_WEAKENED"]
    assert judged.rules(change(["update"], before=off, after=on, address=pool)) == []
    days = [{"backup_retention_period": each} for each in (35, 1)]
    assert judged.rules(change(["update"], before=days[0], after=days[1], address=instance)) == ["ORCH_WEAKENED"]
    assert judged.rules(change(["delete"], before={}, address="module.this.awscc_ec2_subnet.s")) == []
    policy = {"bucket": "b", "policy_document": LOCKED}
    made = change(["create"], after=policy, address="module.this.awscc_s3_bucket_policy.p")
    assert judged.rules(made) == ["ORCH_WEAKENED"]


def test_a_parameter_is_protected_only_if_it_is_a_secret(judged: Judged) -> None:
    address = "module.this.aws_ssm_parameter.p"
    for kind, found in (("SecureString", ["ORCH_PROTECTED"]), ("String", []), (None, ["ORCH_PROTECTED"])):
        assert judged.rules(change(["delete"], before={"type": kind}, address=address)) == found
        both = change(["delete", "create"], before={"type": kind}, after={"type": "String"}, address=address)
        assert judged.rules(both) == found


def test_what_is_made_again_with_all_that_it_had_is_an_update(judged: Judged) -> None:
    secret, selection = "module.this.aws_secretsmanager_secret_version.v", "module.this.aws_backup_selection.s"
    for actions in (["delete", "create"], ["create", "delete"]):
        assert judged(change(actions, before={"id": "a"}, after={"id": "b"}, address=secret)) == []
        both, one = {"resources": ["a", "b"]}, {"resources": ["b"]}
        assert judged(change(actions, before=one, after=both, address=selection)) == []
        assert judged.rules(change(actions, before=both, after=one, address=selection)) == ["ORCH_WEAKENED"]
    assert judged.rules(change(["delete"], before={"id": "a"}, address=secret)) == ["ORCH_PROTECTED"]


@pytest.mark.parametrize(
    ("address", "before", "after", "what"),
    [
        (
            "aws_dynamodb_table.t",
            at("point_in_time_recovery.recovery_period_in_days", 35),
            at("point_in_time_recovery.recovery_period_in_days", 1),
            "from 35 to 1",
        ),
        (
            "aws_dynamodb_table.t",
            {"replica": [{"region_name": "eu-west-1"}, {"region_name": "us-east-1"}]},
            {"replica": [{"region_name": "eu-west-1"}]},
            "us-east-1 would be removed",
        ),
        (
            "aws_backup_vault_lock_configuration.l",
            {"backup_vault_name": "v", "min_retention_days": 35},
            {"backup_vault_name": "v", "min_retention_days": 7},
            "from 35 to 7",
        ),
        (
            "aws_backup_plan.p",
            {"rule": [{"rule_name": "daily", "lifecycle": []}]},
            {"rule": [{"rule_name": "daily", "lifecycle": [{"delete_after": 1}]}]},
            "delete_after of daily",
        ),
        ("aws_secretsmanager_secret.s", {"id": "s"}, {"recovery_window_in_days": 7}, "recovery_window_in_days"),
        ("aws_kms_key.k", {"deletion_window_in_days": None}, {"deletion_window_in_days": 7}, "deletion_window"),
        ("aws_kms_key.k", {"policy": ""}, {"policy": LOCKED}, "nobody can call"),
    ],
)
def test_a_number_or_a_set_that_falls(
    judged: Judged, address: str, before: dict[str, Any], after: dict[str, Any], what: str
) -> None:
    ((rule, _, cause),) = judged(change(["update"], before=before, after=after, address=f"module.this.{address}"))
    assert rule == "ORCH_WEAKENED"
    assert what in cause
    assert judged(change(["update"], before=after, after=before, address=f"module.this.{address}")) == []


@pytest.mark.parametrize(
    "kind",
    [
        "sqs_queue",
        "cognito_user_group",
        "cloudformation_stack_set",
        "dynamodb_table_replica",
        "ebs_snapshot",
        "kinesis_stream",
    ],
)
def test_what_was_not_on_the_list_is_kept(judged: Judged, kind: str) -> None:
    entry = change(["delete"], before={"id": "x"}, address=f"module.this.aws_{kind}.this")
    assert judged.rules(entry) == ["ORCH_PROTECTED"]


def stack(action: str, before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    """The change of a CloudFormation stack; a template is given by its resources."""
    old, new = ({"name": "s", "template_body": json.dumps({"Resources": each})} for each in (before or {}, after))
    return change([action], before=old if action == "update" else None, after=new, address=STACK)


STACK = "module.this.aws_cloudformation_stack.s"


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


@pytest.mark.parametrize(
    ("kind", "before", "after", "what"),
    [
        ("AWS::S3::Bucket", {"VersioningConfiguration": {"Status": "Enabled"}}, {}, "VersioningConfiguration.Status"),
        ("AWS::S3::Bucket", {}, {"LifecycleConfiguration": EXPIRES}, "every object expires"),
        ("AWS::S3::Bucket", {}, {"AccessControl": "PublicRead"}, "AccessControl"),
        ("AWS::RDS::DBCluster", {"BackupRetentionPeriod": 35}, {"BackupRetentionPeriod": {"Ref": "X"}}, "only after"),
        ("AWS::RDS::DBCluster", {"BackupRetentionPeriod": "35"}, {"BackupRetentionPeriod": 7}, "'35' to '7'"),
        ("AWS::Logs::LogGroup", {}, {"RetentionInDays": 1}, "RetentionInDays"),
        ("AWS::EFS::FileSystem", {"BackupPolicy": {"Status": "ENABLED"}}, {}, "BackupPolicy"),
        (
            "AWS::DynamoDB::GlobalTable",
            {"Replicas": [{"Region": "eu-west-1"}, {"Region": "us-east-1"}]},
            {"Replicas": [{"Region": "eu-west-1"}]},
            "us-east-1",
        ),
    ],
)
def test_a_template_is_judged_by_the_same_list(
    judged: Judged, kind: str, before: dict[str, Any], after: dict[str, Any], what: str
) -> None:
    old, new = {"R": resource(kind, **before)}, {"R": resource(kind, **after)}
    ((rule, address, cause),) = judged(stack("update", old, new))
    assert (rule, address) == ("ORCH_TEMPLATE", "aws_cloudformation_stack.s/R")
    assert what in cause
    assert judged(stack("update", old, old)) == []


def test_a_bucket_policy_in_a_template_locks_nobody_out(judged: Judged) -> None:
    policy = resource("AWS::S3::BucketPolicy", Bucket="b", PolicyDocument=json.loads(LOCKED))
    open_ = resource("AWS::S3::BucketPolicy", Bucket="b", PolicyDocument={"Statement": []})
    topic = {"T": resource("AWS::SNS::Topic")}
    assert judged.rules(stack("update", topic, {**topic, "P": policy})) == ["ORCH_TEMPLATE"]
    assert judged.rules(stack("update", {"P": open_}, {"P": policy})) == ["ORCH_TEMPLATE"]
    assert judged.rules(stack("create", None, {"P": policy})) == ["ORCH_TEMPLATE"]
    assert judged(stack("update", {"P": policy}, topic)) == []
    assert judged(stack("create", None, {"P": open_})) == []


@pytest.mark.parametrize(
    ("kind", "owner", "words"),
    [
        ("AWS::SQS::QueuePolicy", "AWS::SQS::Queue", ("Queues", "PolicyDocument", "sqs:*")),
        ("AWS::Kinesis::ResourcePolicy", "AWS::Kinesis::Stream", ("ResourceArn", "ResourcePolicy", "kinesis:*")),
        ("AWS::S3Outposts::BucketPolicy", "AWS::S3Outposts::Bucket", ("Bucket", "PolicyDocument", "s3-outposts:*")),
    ],
)
def test_a_policy_that_is_a_type_of_its_own_locks_nobody_out(
    judged: Judged, kind: str, owner: str, words: tuple[str, str, str]
) -> None:
    """In a template and through Cloud Control, for what exists; for what is made with it, it may say what it likes."""
    of, policy, action = words

    def made(*names: Any) -> dict[str, Any]:
        statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}
        return {of: list(names) if of == "Queues" else names[0], policy: {"Statement": [statement]}}

    old, new = {"O": resource(owner)}, {"Ref": "N"}
    assert judged.rules(stack("update", old, {**old, "P": resource(kind, **made("x"))})) == ["ORCH_TEMPLATE"]
    assert judged.rules(stack("update", old, {**old, "P": resource(kind, **made({"Ref": "O"}))})) == ["ORCH_TEMPLATE"]
    both = {**old, "N": resource(owner)}
    assert judged(stack("update", old, {**both, "P": resource(kind, **made(new))})) == []
    if of == "Queues":
        assert judged.rules(stack("update", old, {**both, "P": resource(kind, **made(new, {"Ref": "O"}))}))
    through = change(["create"], after=desired(kind, **made("x")), address=CONTROL)
    assert judged.rules(through) == ["ORCH_WEAKENED"]


def test_the_access_policies_of_a_domain_lock_nobody_out(judged: Judged) -> None:
    statement = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "es:*", "Resource": "*"}
    locked = json.dumps({"Statement": [statement]})
    address = "module.this.aws_opensearch_domain.d"
    plain, closed = {"domain_name": "d", "access_policies": ""}, {"domain_name": "d", "access_policies": locked}
    assert judged.rules(change(["update"], before=plain, after=closed, address=address)) == ["ORCH_WEAKENED"]
    assert judged(change(["update"], before=closed, after=plain, address=address)) == []
    kind = "AWS::OpenSearchService::Domain"
    old, new = resource(kind), resource(kind, AccessPolicies={"Statement": [statement]})
    assert judged.rules(stack("update", {"D": old}, {"D": new})) == ["ORCH_TEMPLATE"]


def test_a_bucket_policy_of_a_bucket_in_the_same_new_stack_locks_nobody_out(judged: Judged) -> None:
    policy = resource("AWS::S3::BucketPolicy", Bucket={"Ref": "B"}, PolicyDocument=json.loads(LOCKED))
    assert judged(stack("create", None, {"B": resource("AWS::S3::Bucket"), "P": policy})) == []
