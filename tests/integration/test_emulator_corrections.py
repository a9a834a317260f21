"""One test, through the API, for each correction to moto."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulator import ENTRY_ROLE, Account

pytestmark = pytest.mark.integration


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def make_bucket(account: Account, name: str) -> str:
    account.client("s3").create_bucket(
        Bucket=f"{name}-{account.id}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return f"{name}-{account.id}"


# --- pools


def test_an_update_of_a_pool_keeps_what_it_cannot_carry(account: Account) -> None:
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(
        PoolName="p",
        UsernameAttributes=["email"],
        UsernameConfiguration={"CaseSensitive": False},
        UserPoolTags={"a": "b"},
        Schema=[{"Name": "team", "AttributeDataType": "String", "Mutable": True}],
    )["UserPool"]["Id"]
    cognito.update_user_pool(UserPoolId=pool, AutoVerifiedAttributes=["email"])
    now = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]
    assert now["AutoVerifiedAttributes"] == ["email"]
    assert now["UsernameAttributes"] == ["email"]
    assert now["UsernameConfiguration"] == {"CaseSensitive": False}
    assert now["UserPoolTags"] == {"a": "b"}
    assert "custom:team" in {each["Name"] for each in now["SchemaAttributes"]}


def test_a_pool_has_the_standard_attributes_beside_its_own(account: Account) -> None:
    pool = account.client("cognito-idp").create_user_pool(
        PoolName="p", Schema=[{"Name": "email", "Required": True, "AttributeDataType": "String"}]
    )["UserPool"]
    schema = {each["Name"]: each for each in pool["SchemaAttributes"]}
    assert {"sub", "given_name", "phone_number_verified", "updated_at"} <= schema.keys()
    assert schema["email"]["Required"] is True
    assert pool["DeletionProtection"] == "INACTIVE"


def test_deletion_protection_and_a_domain_stop_the_deletion_of_a_pool(account: Account) -> None:
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p", DeletionProtection="ACTIVE")["UserPool"]["Id"]
    with pytest.raises(ClientError, match="deletion protection is activated"):
        cognito.delete_user_pool(UserPoolId=pool)
    cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
    domain = f"d-{account.id}"
    cognito.create_user_pool_domain(UserPoolId=pool, Domain=domain)
    assert cognito.describe_user_pool_domain(Domain=domain)["DomainDescription"]["ManagedLoginVersion"] == 1
    with pytest.raises(ClientError, match="has a domain configured") as caught:
        cognito.delete_user_pool(UserPoolId=pool)
    assert code(caught) == ("InvalidParameterException", 400)
    cognito.delete_user_pool_domain(UserPoolId=pool, Domain=domain)
    cognito.delete_user_pool(UserPoolId=pool)
    with pytest.raises(ClientError, match="does not exist"):
        cognito.describe_user_pool(UserPoolId=pool)


def test_pools_can_be_tagged(account: Account) -> None:
    cognito = account.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p")["UserPool"]
    arn = pool["Arn"]
    assert cognito.list_tags_for_resource(ResourceArn=arn)["Tags"] == {}
    cognito.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    cognito.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert cognito.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"b": "2"}
    assert cognito.describe_user_pool(UserPoolId=pool["Id"])["UserPool"]["UserPoolTags"] == {"b": "2"}


def test_a_stack_makes_updates_and_deletes_a_user_pool(account: Account) -> None:
    cloudformation, cognito = account.client("cloudformation"), account.client("cognito-idp")

    def template(**properties: Any) -> str:
        queue = {"Type": "AWS::SQS::Queue"}
        pool = {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": "p", **properties}}
        outputs = {"Pool": {"Value": {"Ref": "Pool"}}, "Arn": {"Value": {"Fn::GetAtt": ["Pool", "Arn"]}}}
        return json.dumps({"Resources": {"Pool": pool, "Queue": queue}, "Outputs": outputs})

    cloudformation.create_stack(StackName="s", TemplateBody=template(UsernameAttributes=["email"]))
    outputs = cloudformation.describe_stacks(StackName="s")["Stacks"][0]["Outputs"]
    found = {each["OutputKey"]: each["OutputValue"] for each in outputs}
    pool = cognito.describe_user_pool(UserPoolId=found["Pool"])["UserPool"]
    assert pool["Arn"] == found["Arn"]
    changed = template(UsernameAttributes=["email"], MfaConfiguration="ON")
    cloudformation.update_stack(StackName="s", TemplateBody=changed)
    assert cognito.describe_user_pool(UserPoolId=found["Pool"])["UserPool"]["MfaConfiguration"] == "ON"
    dropped = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    cloudformation.update_stack(StackName="s", TemplateBody=dropped)
    with pytest.raises(ClientError, match="does not exist"):
        cognito.describe_user_pool(UserPoolId=found["Pool"])


# --- queues


def test_a_queue_gives_its_redrive_policies_as_aws_writes_them(account: Account) -> None:
    sqs = account.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5}, separators=(",", ":"))
    allowed = '{"redrivePermission":"denyAll"}'
    queue = sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": allowed})
    assert sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]["RedrivePolicy"] == policy
    assert (
        sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]["RedriveAllowPolicy"] == allowed
    )


def test_a_queue_keeps_its_policy_until_it_is_given_another(account: Account) -> None:
    sqs = account.client("sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}],
    }

    def now() -> dict[str, str]:
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return found

    assert "Policy" not in now()
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "60"})
    assert json.loads(now()["Policy"]) == policy
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    assert "Policy" not in now()


# --- the role of a new account


def test_the_role_of_a_created_account_may_do_everything_there(account: Account) -> None:
    organisations = account.client("organizations")
    organisations.create_organization(FeatureSet="ALL")
    member = organisations.create_account(AccountName="m", Email="m@example.com")["CreateAccountStatus"]["AccountId"]
    answer = account.client("sts").assume_role(RoleArn=f"arn:aws:iam::{member}:role/{ENTRY_ROLE}", RoleSessionName="in")
    s3 = account.client("s3", account.enter(answer))
    s3.create_bucket(Bucket=f"b-{member}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert account.client("s3").list_buckets()["Buckets"] == []


# --- policies managed by AWS


def test_the_policies_of_aws_are_there_when_somebody_names_them(account: Account) -> None:
    iam = account.client("iam")
    admin, lambda_ = (
        f"arn:aws:iam::aws:policy/{n}" for n in ("AdministratorAccess", "service-role/AWSLambdaBasicExecutionRole")
    )
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    for arn in (admin, lambda_):
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    version = iam.get_policy(PolicyArn=admin)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=admin, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == "*"
    assert len(iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]) == 2
    with pytest.raises(ClientError, match="does not exist or is not attachable"):
        iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/MadeUp")


# --- what the emulator adds to moto: one request at a time, and a clear error for unsupported requests


def test_of_many_that_lock_at_once_one_wins(account: Account) -> None:
    bucket = make_bucket(account, "locks")

    def lock(number: int) -> bool:
        try:
            account.client("s3").put_object(Bucket=bucket, Key="state.tflock", Body=str(number), IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, got in enumerate(pool.map(lock, range(16))) if got]
    assert len(won) == 1
    assert account.client("s3").get_object(Bucket=bucket, Key="state.tflock")["Body"].read() == str(won[0]).encode()


def test_a_table_that_is_protected_is_not_deleted(account: Account) -> None:
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    with pytest.raises(ClientError, match="Disable deletion protection first"):
        dynamodb.delete_table(TableName="t")


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "named"),
    [
        (
            "cognito-idp",
            "list_user_import_jobs",
            {"UserPoolId": "eu-west-1_a", "MaxResults": 1},
            "cognito-idp ListUserImportJobs",
        ),
        ("dynamodb", "list_global_tables", {}, "dynamodb ListGlobalTables"),
        ("cloudtrail", "lookup_events", {}, "cloudtrail LookupEvents"),
        ("lambda", "list_function_url_configs", {"FunctionName": "f"}, "lambda ListFunctionUrlConfigs"),
        (
            "iam",
            "simulate_principal_policy",
            {"PolicySourceArn": "arn:aws:iam::1:role/x-y-z-a-b", "ActionNames": ["s3:GetObject"]},
            "iam SimulatePrincipalPolicy",
        ),
        ("accessanalyzer", "list_analyzers", {}, "access-analyzer GET /analyzer"),
        ("codestar-connections", "list_connections", {}, "ListConnections"),
    ],
)
def test_what_moto_lacks_is_said_by_name_and_not_tried_again(
    account: Account, service: str, operation: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(account.client(service), operation)(**arguments)
    assert named in caught.value.response["Error"]["Message"], "boto3 adds the operation itself: the server must say it"
    assert code(caught)[0] in {"NotImplementedException", "NotImplemented"}
    assert code(caught)[1] == 400
