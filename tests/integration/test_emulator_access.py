"""What a role can do in the emulator, tested through the API against AWS's documentation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.calls import read_calls
from tests.support.emulator import ENTRY_ROLE, Account
from tests.support.iam import Role, allow, deny, document, refused, roles_of, trust

pytestmark = pytest.mark.integration


@pytest.fixture
def role(account: Account) -> Role:
    """A function that creates a role with statements and assumes it."""
    return roles_of(account)


@pytest.fixture
def pool(account: Account) -> Any:
    made = account.client("cognito-idp").create_user_pool(PoolName="users", UserPoolTags={"protected": "yes"})
    return made["UserPool"]


def bucket(account: Account, name: str = "b") -> str:
    full = f"{name}-{account.id}"
    account.client("s3").create_bucket(Bucket=full, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return full


# --- policies


@pytest.mark.parametrize("on", ["*", "pool"])
def test_a_deny_on_a_pools_arn_bites(account: Account, role: Role, pool: Any, on: str) -> None:
    keys = role(allow(), deny("cognito-idp:DeleteUserPool", pool["Arn"] if on == "pool" else "*"))
    cognito = account.client("cognito-idp", keys)
    assert cognito.describe_user_pool(UserPoolId=pool["Id"])
    with refused(match=rf"DeleteUserPool on resource: {pool['Arn']} with an explicit deny in an identity-based policy"):
        cognito.delete_user_pool(UserPoolId=pool["Id"])


def test_an_allow_on_one_arn_allows_that_one(account: Account, role: Role, pool: Any) -> None:
    other = account.client("cognito-idp").create_user_pool(PoolName="others")["UserPool"]
    cognito = account.client("cognito-idp", role(allow("cognito-idp:*", pool["Arn"])))
    assert cognito.describe_user_pool(UserPoolId=pool["Id"])
    with refused():
        cognito.describe_user_pool(UserPoolId=other["Id"])


def test_a_deny_with_a_condition_denies_where_it_holds(account: Account, role: Role, pool: Any) -> None:
    tagged = {"StringEquals": {"aws:ResourceTag/protected": "yes"}}
    keys = role(allow(), deny("cognito-idp:Delete*", Condition=tagged))
    plain = account.client("cognito-idp").create_user_pool(PoolName="plain")["UserPool"]
    cognito = account.client("cognito-idp", keys)
    with refused():
        cognito.delete_user_pool(UserPoolId=pool["Id"])
    cognito.delete_user_pool(UserPoolId=plain["Id"])


def test_a_region_can_be_closed(account: Account, role: Role) -> None:
    keys = role(allow(), deny(Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}))
    assert "QueueUrls" not in account.client("sqs", keys).list_queues()
    with refused("AccessDenied"):
        account.client("sqs", keys, "us-east-1").list_queues()


def test_a_permissions_boundary_and_a_session_policy_narrow(account: Account, pool: Any) -> None:
    iam = account.client("iam")
    narrow = document(allow(["cognito-idp:Describe*", "s3:*"]))
    arn = iam.create_policy(PolicyName="narrow", PolicyDocument=narrow)["Policy"]["Arn"]
    for name, more in (("wide", {}), ("bounded", {"PermissionsBoundary": arn})):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(), **more)
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document(allow()))
    for keys, layer in (
        (account.assume("bounded"), "permissions boundary"),
        (account.assume("wide", Policy=narrow), "session policy"),
        (account.assume("wide", PolicyArns=[{"arn": arn}]), "session policy"),
    ):
        cognito = account.client("cognito-idp", keys)
        assert cognito.describe_user_pool(UserPoolId=pool["Id"])
        with refused(match=f"no {layer} allows the cognito-idp:DeleteUserPool action"):
            cognito.delete_user_pool(UserPoolId=pool["Id"])
    iam.delete_role_permissions_boundary(RoleName="bounded")
    account.client("cognito-idp", account.assume("bounded")).delete_user_pool(UserPoolId=pool["Id"])


def test_attached_policies_count_with_their_default_version(account: Account, role: Role) -> None:
    iam, keys = account.client("iam"), role(allow("sts:GetCallerIdentity"))
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="tried", PolicyArn=arn)
    account.client("sqs", keys).list_queues()
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("sns:*")), SetAsDefault=True)
    with refused("AccessDenied"):
        account.client("sqs", keys).list_queues()


def test_the_policies_that_aws_itself_manages_are_there(account: Account, role: Role, pool: Any) -> None:
    keys = role(allow("sts:GetCallerIdentity"))
    account.client("iam").attach_role_policy(RoleName="tried", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    account.client("cognito-idp", keys).describe_user_pool(UserPoolId=pool["Id"])
    with refused():
        account.client("cognito-idp", keys).delete_user_pool(UserPoolId=pool["Id"])


def test_roles_can_only_be_made_with_a_boundary_and_passed_to_one_service(account: Account, role: Role) -> None:
    bound = f"arn:aws:iam::{account.id}:policy/bound"
    keys = role(
        allow("iam:CreateRole", account.arn("x-*"), Condition={"StringEquals": {"iam:PermissionsBoundary": bound}}),
        allow(
            "iam:PassRole",
            account.arn("x-*"),
            Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        ),
        allow(["lambda:*", "states:*"]),
    )
    account.client("iam").create_policy(PolicyName="bound", PolicyDocument=document(allow()))
    iam = account.client("iam", keys)
    made = {"AssumeRolePolicyDocument": trust({"Service": "lambda.amazonaws.com"})}
    iam.create_role(RoleName="x-a", PermissionsBoundary=bound, **made)
    with refused("AccessDenied"):
        iam.create_role(RoleName="x-b", **made)
    with refused("AccessDenied"):
        iam.create_role(RoleName="y-a", PermissionsBoundary=bound, **made)
    account.client("iam").create_role(RoleName="y-a", **made)
    function = {
        "FunctionName": "f",
        "Runtime": "python3.12",
        "Handler": "x.y",
        "Code": {"ZipFile": b"PK\x05\x06" + bytes(18)},
    }
    with refused(match="iam:PassRole on resource"):
        account.client("lambda", keys).create_function(Role=account.arn("y-a"), **function)
    assert account.client("lambda", keys).create_function(Role=account.arn("x-a"), **function)
    with refused(match="iam:PassRole"):
        account.client("stepfunctions", keys).create_state_machine(
            name="s", definition="{}", roleArn=account.arn("x-a")
        )


def test_making_with_tags_asks_for_tagging_too(account: Account, role: Role) -> None:
    logs = account.client("logs", role(allow("logs:CreateLogGroup")))
    logs.create_log_group(logGroupName="plain")
    with refused(match="logs:TagResource"):
        logs.create_log_group(logGroupName="tagged", tags={"a": "b"})


# --- S3


def test_s3_operations_have_the_names_that_iam_gives_them(account: Account, role: Role) -> None:
    name = bucket(account)
    arn = f"arn:aws:s3:::{name}"
    s3 = account.client("s3", role(allow("s3:ListBucket", arn), allow(["s3:GetObject", "s3:PutObject"], f"{arn}/in/*")))
    s3.head_bucket(Bucket=name)
    s3.list_objects_v2(Bucket=name)
    s3.put_object(Bucket=name, Key="in/x", Body=b"1")
    s3.head_object(Bucket=name, Key="in/x")
    for call in (
        lambda: s3.put_object(Bucket=name, Key="out/x", Body=b"1"),
        lambda: s3.delete_object(Bucket=name, Key="in/x"),
        lambda: s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "in/x"}]}),
        lambda: s3.get_bucket_encryption(Bucket=name),
        s3.list_buckets,
    ):
        with refused("AccessDenied"):
            call()
    with refused("403"):
        s3.head_object(Bucket=name, Key="out/x")
    assert account.client("s3").list_objects_v2(Bucket=name)["KeyCount"] == 1


def test_a_listing_can_be_bound_to_a_prefix(account: Account, role: Role) -> None:
    name = bucket(account)
    keys = role(allow("s3:ListBucket", Condition={"StringLike": {"s3:prefix": "units/*"}}))
    s3 = account.client("s3", keys)
    s3.list_objects_v2(Bucket=name, Prefix="units/prod")
    with refused("AccessDenied"):
        s3.list_objects_v2(Bucket=name)


def test_a_bucket_policy_denies_and_lets_another_account_in(account: Account, emulator: Any) -> None:
    name, other = bucket(account), Account(emulator)
    arn = f"arn:aws:s3:::{name}/*"
    account.client("s3").put_object(Bucket=name, Key="k", Body=b"1")
    with refused("AccessDenied", "no resource-based policy allows"):
        other.client("s3").get_object(Bucket=name, Key="k")
    policy: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{other.id}:root"},
            "Action": "s3:GetObject",
            "Resource": arn,
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": arn},
    ]
    account.client("s3").put_bucket_policy(Bucket=name, Policy=document(*policy))
    assert other.client("s3").get_object(Bucket=name, Key="k")["Body"].read() == b"1"
    with refused("AccessDenied", "with an explicit deny in a resource-based policy"):
        account.client("s3").delete_object(Bucket=name, Key="k")


# --- organizations


def test_a_service_control_policy_binds_the_member_not_the_management_account(account: Account) -> None:
    organisations = account.client("organizations")
    organisations.create_organization(FeatureSet="ALL")
    root = organisations.list_roots()["Roots"][0]["Id"]
    organisations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    status = organisations.create_account(AccountName="member", Email="m@example.com")["CreateAccountStatus"]
    unit = organisations.create_organizational_unit(ParentId=root, Name="guarded")["OrganizationalUnit"]["Id"]
    organisations.move_account(AccountId=status["AccountId"], SourceParentId=root, DestinationParentId=unit)
    policy = organisations.create_policy(
        Name="guard", Description="", Type="SERVICE_CONTROL_POLICY", Content=document(deny("sqs:CreateQueue"))
    )["Policy"]["PolicySummary"]["Id"]
    organisations.attach_policy(PolicyId=policy, TargetId=unit)
    member = account.enter(
        account.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{status['AccountId']}:role/{ENTRY_ROLE}", RoleSessionName="in"
        )
    )
    account.client("sns", member).create_topic(Name="fine")
    with refused("AccessDenied", "with an explicit deny in a service control policy"):
        account.client("sqs", member).create_queue(QueueName="q")
    account.client("sqs").create_queue(QueueName="q")
    organisations.detach_policy(PolicyId=policy, TargetId=unit)
    account.client("sqs", member).create_queue(QueueName="q")


# --- the log


def test_every_call_is_written_down_also_refused_ones(account: Account, role: Role, emulator: Any) -> None:
    keys = role(allow("sqs:CreateQueue"))
    account.client("sqs", keys).create_queue(QueueName="q")
    with refused("AccessDenied"):
        account.client("sqs", keys).list_queues()
    made, listed = [each for each in read_calls(emulator) if each.account == account.id and each.role == "tried"]
    assert (made.service, made.action, made.region, made.status, made.reads) == (
        "sqs",
        "CreateQueue",
        "eu-west-1",
        200,
        False,
    )
    assert made.caller == f"arn:aws:sts::{account.id}:assumed-role/tried/test"
    assert (listed.action, listed.status, listed.reads) == ("ListQueues", 403, True)
    assert "sqs:ListQueues" in listed.refused
