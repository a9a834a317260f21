"""Count the contents of a pool, a table and a bucket under the plan role. A failure never stops a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.aws.backup.count import NOT_COUNTED, describe_contents
from orchestrator.aws.backup.locate import ResourceLocation, locate_resource
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Catalogue
from tests.support.aws import catalogue
from tests.support.emulator import MANAGEMENT, REGION, Account

pytestmark = pytest.mark.integration

PLAN = ["cognito-idp:DescribeUserPool", "dynamodb:DescribeTable", "s3:ListBucket"]


@pytest.fixture
def given(account: Account, tmp_path: Path) -> Catalogue:
    return catalogue(tmp_path, production=account.id)


@pytest.fixture
def identities(account: Account, given: Catalogue) -> Identities:
    """The plan role with exactly the permissions that `account_baseline` gives it here."""
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, "Action": "sts:AssumeRole"}
    iam = account.client("iam")
    iam.create_role(RoleName="orch-plan", AssumeRolePolicyDocument=policy(trust))
    may = {"Effect": "Allow", "Action": PLAN, "Resource": "*"}
    iam.put_role_policy(RoleName="orch-plan", PolicyName="may", PolicyDocument=policy(may))
    return Identities(given, account.info)


def policy(statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def thing(type_: str, id_: str) -> ResourceLocation:
    return ResourceLocation(type=type_, id=id_, account="production", region=REGION)


def test_users_items_and_objects_are_counted(account: Account, identities: Identities) -> None:
    cognito, dynamodb, s3 = (account.client(service) for service in ("cognito-idp", "dynamodb", "s3"))
    pool = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"]
    dynamodb.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    bucket = f"b-{account.id}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    things = [thing("aws_cognito_user_pool", pool), thing("aws_dynamodb_table", "t"), thing("aws_s3_bucket", bucket)]

    def counted() -> list[str]:
        return [describe_contents(identities, Role.PLAN, each).split(",")[0] for each in things]

    assert counted() == ["0 users", "0 items", "0 objects"]
    for number in range(3):
        cognito.admin_create_user(UserPoolId=pool, Username=f"u{number}", MessageAction="SUPPRESS")
        dynamodb.put_item(TableName="t", Item={"id": {"S": str(number)}})
    s3.put_object(Bucket=bucket, Key="one", Body=b"")
    assert counted() == ["3 users", "3 items", "1 object"]


def test_what_else_is_lost_is_counted(account: Account, identities: Identities) -> None:
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    account.client("iam").put_role_policy(RoleName="orch-plan", PolicyName="all", PolicyDocument=policy(allow))
    counted = [describe_contents(identities, Role.PLAN, each) for each in _filled(account)]
    assert counted == [
        "2 messages, by AWS's estimate",
        "1 member",
        "1 image",
        "not counted",  # moto's vaults have no number of recovery points
        "1 resource",
        "1 access key",
        "3 records",
        "0 bytes of log events",
    ]


def _filled(account: Account) -> list[ResourceLocation]:
    """Resources with something in them."""
    sqs, cognito, ecr = (account.client(each) for each in ("sqs", "cognito-idp", "ecr"))
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    for number in range(2):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    pool = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"]
    cognito.create_group(UserPoolId=pool, GroupName="admins")
    cognito.admin_create_user(UserPoolId=pool, Username="ada", MessageAction="SUPPRESS")
    cognito.admin_add_user_to_group(UserPoolId=pool, Username="ada", GroupName="admins")
    ecr.create_repository(repositoryName="images")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": {"digest": "sha256:0"}})
    ecr.put_image(repositoryName="images", imageManifest=manifest, imageManifestMediaType=kind, imageTag="one")
    account.client("backup").create_backup_vault(BackupVaultName="v")
    template = {"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}
    account.client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(template))
    account.client("iam").create_user(UserName="u")
    account.client("iam").create_access_key(UserName="u")
    zone = account.client("route53").create_hosted_zone(Name="example.com", CallerReference="x")["HostedZone"]["Id"]
    record = {"Name": "a.example.com", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"x"'}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    account.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
    account.client("logs").create_log_group(logGroupName="/g")
    return [
        thing("aws_sqs_queue", queue),
        thing("aws_cognito_user_group", f"{pool}/admins"),
        thing("aws_ecr_repository", "images"),
        thing("aws_backup_vault", "v"),
        thing("aws_cloudformation_stack", "s"),
        thing("aws_iam_user", "u"),
        thing("aws_route53_zone", zone),
        thing("aws_cloudwatch_log_group", "/g"),
    ]


def test_a_large_bucket_is_counted_up_to_a_bound(
    account: Account, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.aws.backup.count.PAGES", 2)
    monkeypatch.setattr("orchestrator.aws.backup.count.PAGE", 3)
    s3, bucket = account.client("s3"), f"large-{account.id}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for number in range(7):
        s3.put_object(Bucket=bucket, Key=str(number), Body=b"")
        if number == 5:
            assert describe_contents(identities, Role.PLAN, thing("aws_s3_bucket", bucket)) == "6 objects"
    assert describe_contents(identities, Role.PLAN, thing("aws_s3_bucket", bucket)) == "more than 6 objects"


def test_what_cannot_be_counted_is_not_counted_and_no_error(account: Account, identities: Identities) -> None:
    bucket = f"closed-{account.id}"
    account.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    deny = {"Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*"}
    account.client("iam").put_role_policy(RoleName="orch-plan", PolicyName="not", PolicyDocument=policy(deny))
    for each in (
        thing("aws_s3_bucket", bucket),
        thing("aws_s3_bucket", f"no-{account.id}"),
        thing("aws_dynamodb_table", "no"),
        thing("aws_cognito_user_pool", f"{REGION}_nothere1"),
        thing("aws_kms_key", "k"),
    ):
        assert describe_contents(identities, Role.PLAN, each) == NOT_COUNTED
    assert describe_contents(identities, Role.APPLY, thing("aws_dynamodb_table", "no")) == NOT_COUNTED, (
        "a role that is not there"
    )


def test_where_something_is_comes_from_its_arn_then_from_its_unit(given: Catalogue) -> None:
    unit = given.units["prod/data"]
    bpm = given.accounts["bpm"].id
    pool = {"id": "us-east-1_x", "arn": f"arn:aws:cognito-idp:us-east-1:{bpm}:userpool/us-east-1_x"}
    assert locate_resource(given, unit, "aws_cognito_user_pool", pool) == ResourceLocation(
        "aws_cognito_user_pool", "us-east-1_x", "bpm", "us-east-1"
    )
    bucket = {"bucket": "b", "arn": "arn:aws:s3:::b", "region": "us-east-1"}
    assert locate_resource(given, unit, "aws_s3_bucket", bucket) == ResourceLocation(
        "aws_s3_bucket", "b", "production", "us-east-1"
    )
    assert locate_resource(given, unit, "aws_dynamodb_table", {"name": "t"}) == ResourceLocation(
        "aws_dynamodb_table", "t", "production", "eu-west-1"
    )
    for attributes in (None, {}, {"name": None}, {"id": "x"}):
        assert locate_resource(given, unit, "aws_dynamodb_table", attributes) is None
    assert locate_resource(given, unit, "aws_kms_key", {"id": "x"}) is None
