"""Each module, applied for real under the roles that orch uses, changed in place, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.terraform.failures import TerraformError
from orchestrator.terraform.model import Action
from tests.support.emulator import MANAGEMENT, Account, entry_client
from tests.support.platform import BASELINE, STAGE, Placed, place

pytestmark = pytest.mark.integration

ATTRIBUTES: dict[str, dict[str, Any]] = {
    "company": {"max": 64},
    "age": {"type": "number", "min": 0},
    "since": {"type": "datetime"},
    "active": {"type": "boolean"},
}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


def refused(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether AWS denies a call; any other answer, an error too, is not a denial."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return False


def baseline(account: Account, folder: Path, more: str = "") -> Placed:
    """An account as `orch bootstrap` leaves it. ``more``: further inputs."""
    bucket = state_bucket(account)
    account.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    placed = place(account, folder, BASELINE.replace("password_policy", f"{more}\n  password_policy"))
    placed.plan()
    placed.apply()
    return placed


def state_bucket(account: Account) -> str:
    return f"ams-{account.id}-tfstate"


def users(account: Account, pool: str) -> list[str]:
    found = account.client("cognito-idp").list_users(UserPoolId=pool)["Users"]
    return [a["Value"] for user in found for a in user["Attributes"] if a["Name"] == "email"]


@pytest.mark.full
def test_a_stage_is_applied_changed_in_place_and_not_destroyed(account: Account, tmp_path: Path) -> None:
    baseline(account, tmp_path / "baseline")
    stage = place(account, tmp_path / "stage", STAGE)
    looking, changing = stage.acting_as("orch-plan"), stage.acting_as("orch-apply")

    stage.set(attributes=ATTRIBUTES, memory=256)
    assert {change.action for change in looking.plan().changes} == {Action.CREATE}
    changing.apply()
    assert not looking.plan().changes
    outputs = stage.outputs()
    pool = outputs["user_pool_id"]
    assert list(outputs["secrets"]) == ["job"]
    account.client("cognito-idp").admin_create_user(
        UserPoolId=pool, Username="ann@example.com", UserAttributes=[{"Name": "email", "Value": "ann@example.com"}]
    )

    stage.set(attributes=ATTRIBUTES | {"beta": {"type": "number", "max": 7}, "team": {}}, memory=512)
    changed = looking.plan().changes
    assert {change.address: change.action for change in changed} == {
        "module.identity.aws_cognito_user_pool.this": Action.UPDATE,
        "module.api.aws_lambda_function.this": Action.UPDATE,
    }
    (update,) = (change for change in changed if change.type == "aws_cognito_user_pool")
    before, after = ({json.dumps(a) for a in (side or {})["schema"]} for side in (update.before, update.after))
    assert before <= after, "the attributes that were there are not touched"
    changing.apply()
    assert not looking.plan().changes
    assert users(account, pool) == ["ann@example.com"]
    schema = account.client("cognito-idp").describe_user_pool(UserPoolId=pool)["UserPool"]["SchemaAttributes"]
    assert {a["Name"] for a in schema} >= {"custom:beta", "custom:team", "custom:company"}

    with pytest.raises(TerraformError, match="cannot be destroyed"):
        looking.plan(destroy=True)
    # Past Terraform, too, with every right that there is: the pool and the tables protect themselves.
    for service, call, arguments in (
        ("cognito-idp", "delete_user_pool", {"UserPoolId": pool}),
        ("dynamodb", "delete_table", {"TableName": "ams-test-data-users"}),
    ):
        with pytest.raises(ClientError, match=r"(?i)deletion ?protection"):
            getattr(account.client(service), call)(**arguments)
    assert users(account, pool) == ["ann@example.com"]


def test_the_roles_do_what_they_are_for_and_no_more(account: Account, tmp_path: Path) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["KeyId"]
    placed = baseline(account, tmp_path, f'state_kms_key = "{key}"\n  stored_plans = true')
    assert not placed.plan().changes
    _plan_role(account)
    _stored_plans(account, key)
    _apply_role(account)
    _guardrails(account, account.assume("orch-apply"))
    _guardrails(account, account.assume("orch-break-glass", Tags=WHO_AND_WHY))
    _break_glass(account)
    _copies(account)
    _boundary(account)

    assert {change.action for change in placed.plan(destroy=True).changes} == {Action.DELETE}
    placed.apply()
    with pytest.raises(ClientError):
        account.assume("orch-plan")


def _plan_role(account: Account) -> None:
    keys = account.assume("orch-plan")
    bucket, key = state_bucket(account), "prod/api/eu-west-1/terraform.tfstate"
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=b"state")
    s3, ssm = account.client("s3", keys), account.client("ssm", keys)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"state"
    s3.head_bucket(Bucket=bucket)
    for name in ("/ams/prod/key", "/other/key"):
        account.client("ssm").put_parameter(Name=name, Value="secret", Type="SecureString")
    assert ssm.get_parameter(Name="/ams/prod/key", WithDecryption=True)["Parameter"]["Value"] == "secret"
    assert refused(ssm.get_parameter, Name="/other/key", WithDecryption=True)
    account.client("s3").put_object(Bucket=bucket, Key="copies/prod/identity/users.json.gz", Body=b"users")
    assert refused(s3.get_object, Bucket=bucket, Key="copies/prod/identity/users.json.gz")
    pool = account.client("cognito-idp").create_user_pool(PoolName="ams-prod-users")["UserPool"]["Id"]
    assert refused(account.client("cognito-idp", keys).list_users, UserPoolId=pool)
    assert account.client("cognito-idp", account.assume("orch-apply")).list_users(UserPoolId=pool)["Users"] == []
    assert refused(s3.put_object, Bucket=bucket, Key=f"{key}.tflock", Body=b"lock")
    assert refused(s3.delete_object, Bucket=bucket, Key=key)
    assert refused(account.client("sqs", keys).create_queue, QueueName="ams-prod-tasks")
    assert refused(account.client("cognito-idp", keys).create_user_pool, PoolName="ams-prod-identity")
    assert refused(account.client("iam", keys).delete_role, RoleName="orch-apply")


def _stored_plans(account: Account, key: str) -> None:
    """The plan role keeps plans, and with the key encrypts nothing else; the apply role reads them."""
    planning, applying = account.assume("orch-plan"), account.assume("orch-apply")
    bucket, name = state_bucket(account), "plans/prod/api/eu-west-1/1.json"
    s3, kms = account.client("s3", planning), account.client("kms", planning)
    s3.put_object(Bucket=bucket, Key=name, Body=b"plan")
    assert refused(s3.delete_object, Bucket=bucket, Key=name)
    assert account.client("s3", applying).get_object(Bucket=bucket, Key=name)["Body"].read() == b"plan"
    bound = {"EncryptionContext": {"orch": "plan", "unit": "prod/api"}}
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", **bound)
    for other in ({}, {"EncryptionContext": {"orch": "other"}}):
        assert refused(kms.generate_data_key, KeyId=key, KeySpec="AES_256", **other)
        assert refused(kms.decrypt, KeyId=key, CiphertextBlob=made["CiphertextBlob"], **other)
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x", **bound)
    opened = account.client("kms", applying).decrypt(KeyId=key, CiphertextBlob=made["CiphertextBlob"], **bound)
    assert opened["Plaintext"] == made["Plaintext"]


def _apply_role(account: Account) -> None:
    keys = account.assume("orch-apply")
    bucket, key = state_bucket(account), "prod/data/eu-west-1/terraform.tfstate"
    s3, sqs, iam = (account.client(service, keys) for service in ("s3", "sqs", "iam"))
    for name in (key, f"{key}.tflock"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    s3.delete_object(Bucket=bucket, Key=f"{key}.tflock")
    assert refused(s3.delete_object, Bucket=bucket, Key=key), "states stay"
    sqs.create_queue(QueueName="ams-prod-tasks")
    assert refused(sqs.create_queue, QueueName="other")
    trust = json.dumps(_statement(Principal={"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, Action="sts:AssumeRole"))
    bound = f"arn:aws:iam::{account.id}:policy/orch-boundary"
    role = {"RoleName": "ams-prod-api", "AssumeRolePolicyDocument": trust}
    assert refused(iam.create_role, **role), "no role without the boundary"
    assert refused(iam.create_role, **role | {"RoleName": "other"}, PermissionsBoundary=bound)
    iam.create_role(**role, PermissionsBoundary=bound)
    everything = json.dumps(_statement(Action="*", Resource="*"))
    iam.put_role_policy(RoleName="ams-prod-api", PolicyName="all", PolicyDocument=everything)


WHO_AND_WHY = [{"Key": "orch:owner", "Value": "ann"}, {"Key": "orch:reason", "Value": "the pool is a copy"}]


def _break_glass(account: Account) -> None:
    """What the apply role makes and changes, only the break-glass role deletes; and that is not taken without a reason."""
    for tags in ([], WHO_AND_WHY[:1], WHO_AND_WHY[1:]):
        with pytest.raises(ClientError, match="not authorized"):
            account.assume("orch-break-glass", Tags=tags)
    applying, breaking = account.assume("orch-apply"), account.assume("orch-break-glass", Tags=WHO_AND_WHY)
    with pytest.raises(ClientError, match="not authorized"):
        account.client("sts", applying).assume_role(
            RoleArn=account.arn("orch-break-glass"), RoleSessionName="test", Tags=WHO_AND_WHY
        )
    idp = account.client("cognito-idp", applying)
    pool = idp.create_user_pool(PoolName="ams-prod-old")["UserPool"]["Id"]
    client = idp.create_user_pool_client(UserPoolId=pool, ClientName="web")["UserPoolClient"]["ClientId"]
    account.client("dynamodb", applying).create_table(
        TableName="ams-prod-old",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    account.client("s3", applying).create_bucket(
        Bucket=f"ams-{account.id}-old", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    account.client("logs", applying).create_log_group(logGroupName="/aws/lambda/ams-prod-old")
    deletes: list[tuple[str, str, dict[str, str]]] = [
        ("cognito-idp", "delete_user_pool_client", {"UserPoolId": pool, "ClientId": client}),
        ("cognito-idp", "delete_user_pool", {"UserPoolId": pool}),
        ("dynamodb", "delete_table", {"TableName": "ams-prod-old"}),
        ("s3", "delete_bucket", {"Bucket": f"ams-{account.id}-old"}),
        ("logs", "delete_log_group", {"logGroupName": "/aws/lambda/ams-prod-old"}),
    ]
    for service, call, arguments in deletes:
        assert refused(getattr(account.client(service, applying), call), **arguments), call
    for service, call, arguments in deletes:
        getattr(account.client(service, breaking), call)(**arguments)


def _copies(account: Account) -> None:
    """The apply role saves what it is about to change, of what is named so; it cannot read what it saved of users."""
    keys = account.assume("orch-apply")
    dynamodb, rds = account.client("dynamodb", keys), account.client("rds", keys)
    login = {"MasterUsername": "root", "MasterUserPassword": "not-a-secret"}
    for name in ("ams-prod-orders", "other"):
        account.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        account.client("rds").create_db_instance(
            DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="postgres", **login
        )
    backup = dynamodb.create_backup(TableName="ams-prod-orders", BackupName="run")["BackupDetails"]["BackupArn"]
    assert dynamodb.describe_backup(BackupArn=backup)
    assert refused(dynamodb.create_backup, TableName="other", BackupName="run")
    assert refused(dynamodb.delete_backup, BackupArn=backup), "what was saved stays"
    rds.create_db_snapshot(DBInstanceIdentifier="ams-prod-orders", DBSnapshotIdentifier="orch-ams-prod-orders-run")
    assert rds.describe_db_snapshots(DBSnapshotIdentifier="orch-ams-prod-orders-run")["DBSnapshots"]
    assert refused(rds.create_db_snapshot, DBInstanceIdentifier="other", DBSnapshotIdentifier="orch-other-run")
    assert refused(rds.create_db_snapshot, DBInstanceIdentifier="ams-prod-orders", DBSnapshotIdentifier="mine")
    copy = {"Bucket": state_bucket(account), "Key": "copies/prod/identity/eu-west-1/run/pool.json.gz"}
    s3 = account.client("s3", keys)
    s3.put_object(**copy, Body=b"users")
    assert refused(s3.get_object, **copy)


def _guardrails(account: Account, keys: dict[str, str]) -> None:
    bucket = state_bucket(account)
    s3, iam, sts = (account.client(service, keys) for service in ("s3", "iam", "sts"))
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    for role in ("orch-plan", "orch-apply", "orch-break-glass", "OrganizationAccountAccessRole"):
        assert refused(iam.attach_role_policy, RoleName=role, PolicyArn=admin)
        assert refused(iam.update_assume_role_policy, RoleName=role, PolicyDocument="{}")
    assert refused(iam.delete_role_permissions_boundary, RoleName="ams-prod-api")
    boundary = f"arn:aws:iam::{account.id}:policy/orch-boundary"
    assert refused(iam.create_policy_version, PolicyArn=boundary, PolicyDocument="{}", SetAsDefault=True)
    assert refused(iam.create_user, UserName="ams-me")
    assert refused(iam.create_access_key, UserName="ams-me")
    assert refused(account.client("organizations", keys).leave_organization)
    enabled = {"Status": "Suspended"}
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=enabled)
    assert refused(s3.delete_bucket, Bucket=bucket)
    arn = account.arn("OrganizationAccountAccessRole")
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="test")


def _boundary(account: Account) -> None:
    """A role of a stack with every right uses data; what holds it, states and identities are out of its reach."""
    answer = entry_client(account.info, "sts").assume_role(RoleArn=account.arn("ams-prod-api"), RoleSessionName="test")
    keys = account.enter(answer)
    queue = account.client("sqs").get_queue_url(QueueName="ams-prod-tasks")["QueueUrl"]
    sqs = account.client("sqs", keys)
    sqs.send_message(QueueUrl=queue, MessageBody="task")
    assert refused(sqs.delete_queue, QueueUrl=queue)
    assert refused(sqs.purge_queue, QueueUrl=queue)
    cognito = account.client("cognito-idp", keys)
    assert refused(cognito.admin_delete_user, UserPoolId="eu-west-1_abc", Username="ada")
    assert refused(cognito.delete_group, UserPoolId="eu-west-1_abc", GroupName="admins")
    assert refused(account.client("s3", keys).delete_bucket, Bucket="ams-prod-files")
    assert refused(account.client("iam", keys).create_user, UserName="me")
    assert refused(account.client("s3", keys).get_object, Bucket=state_bucket(account), Key="prod/data/x")
    assert refused(account.client("dynamodb", keys).delete_table, TableName="ams-test-data-users")
    iam = account.client("iam")
    iam.delete_role_policy(RoleName="ams-prod-api", PolicyName="all")
    iam.delete_role(RoleName="ams-prod-api")


def _statement(**parts: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **parts}]}
