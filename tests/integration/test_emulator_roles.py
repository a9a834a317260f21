"""Who can assume which role in the emulator, through the API: roles, trust, session tags, credentials."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.calls import read_calls
from tests.support.emulator import ENTRY_ROLE, MANAGEMENT, Account, client, entry_client
from tests.support.iam import Role, allow, document, refused, roles_of, trust

pytestmark = pytest.mark.integration


@pytest.fixture
def role(account: Account) -> Role:
    """A function that creates a role with statements and assumes it."""
    return roles_of(account)


# --- assuming roles


def test_a_role_that_does_not_exist_cannot_be_assumed(account: Account) -> None:
    with refused(
        "AccessDenied", f"orch-entry is not authorized to perform: sts:AssumeRole on resource: {account.arn('no')}"
    ):
        account.assume("no")


@pytest.mark.parametrize(
    "policy",
    [
        trust({"AWS": "arn:aws:iam::888888888888:root"}),
        trust({"AWS": f"arn:aws:iam::{MANAGEMENT}:user/somebody"}),
        trust({"Service": "lambda.amazonaws.com"}),
        trust(Condition={"StringEquals": {"sts:ExternalId": "secret"}}),
        document({"Effect": "Allow", "Principal": "*", "Action": "sts:TagSession"}),
    ],
)
def test_a_trust_policy_that_does_not_name_the_caller_is_obeyed(account: Account, policy: str) -> None:
    account.client("iam").create_role(RoleName="closed", AssumeRolePolicyDocument=policy)
    with refused("AccessDenied"):
        account.assume("closed")


def test_an_external_id_opens_what_asks_for_it(account: Account) -> None:
    asks = trust(Condition={"StringEquals": {"sts:ExternalId": "secret"}})
    account.client("iam").create_role(RoleName="closed", AssumeRolePolicyDocument=asks)
    assert account.assume("closed", ExternalId="secret")


WHO_AND_WHY = [{"Key": "orch:owner", "Value": "ann"}, {"Key": "orch:reason", "Value": "ticket 7"}]
WANTS_TAGS = {"StringLike": {"aws:RequestTag/orch:owner": "?*", "aws:RequestTag/orch:reason": "?*"}}


def test_session_tags_open_what_asks_for_them(account: Account, emulator: Any) -> None:
    asks = trust(Action=["sts:AssumeRole", "sts:TagSession"], Condition=WANTS_TAGS)
    account.client("iam").create_role(RoleName="glass", AssumeRolePolicyDocument=asks)
    empty = [WHO_AND_WHY[0], {"Key": "orch:reason", "Value": ""}]
    for tags in ([], WHO_AND_WHY[:1], empty):
        with refused("AccessDenied"):
            account.assume("glass", Tags=tags)
    keys = account.assume("glass", Tags=WHO_AND_WHY)
    who = account.client("sts", keys).get_caller_identity()["Arn"]
    (call,) = [each for each in read_calls(emulator) if each.caller == who and each.action == "GetCallerIdentity"]
    assert call.tags == {"orch:owner": "ann", "orch:reason": "ticket 7"}


def test_tagging_a_session_is_a_right_of_its_own_on_both_sides(account: Account, role: Role) -> None:
    iam = account.client("iam")
    iam.create_role(RoleName="plain", AssumeRolePolicyDocument=trust())
    assert account.assume("plain")
    with refused("AccessDenied", "sts:TagSession"):
        account.assume("plain", Tags=WHO_AND_WHY)
    first = role(allow("sts:AssumeRole"), name="first")
    whole = trust({"AWS": f"arn:aws:iam::{account.id}:root"}, Action=["sts:AssumeRole", "sts:TagSession"])
    iam.create_role(RoleName="second", AssumeRolePolicyDocument=whole)
    sts = account.client("sts", first)
    assert sts.assume_role(RoleArn=account.arn("second"), RoleSessionName="xx")
    with refused("AccessDenied", "no identity-based policy allows the sts:TagSession action"):
        sts.assume_role(RoleArn=account.arn("second"), RoleSessionName="xx", Tags=WHO_AND_WHY)


def test_a_session_tag_is_a_principal_tag_and_what_is_no_tag_is_refused(account: Account, role: Role) -> None:
    asks = trust(Action=["sts:AssumeRole", "sts:TagSession"])
    ann = {"StringEquals": {"aws:PrincipalTag/orch:owner": "ann"}}
    keys = role(
        allow("sqs:ListQueues", Condition=ann),
        name="ann",
        session={"Tags": WHO_AND_WHY},
        AssumeRolePolicyDocument=asks,
        Tags=[{"Key": "orch:owner", "Value": "bob"}],
    )
    assert account.client("sqs", keys).list_queues()
    with refused("AccessDenied"):
        account.client("sqs", account.assume("ann")).list_queues()
    for value in ("x" * 257, "what; else"):
        with pytest.raises(ClientError, match="tag") as caught:
            account.assume("ann", Tags=[{"Key": "orch:owner", "Value": value}])
        assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_in_another_account_both_sides_must_allow_in_ones_own_the_trust_alone_is_enough(
    account: Account, emulator: Any
) -> None:
    other = Account(emulator)
    iam = account.client("iam")
    iam.create_role(RoleName="poor", AssumeRolePolicyDocument=trust())
    poor = account.assume("poor")
    mine = trust({"AWS": account.arn("poor")})
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=mine)
    other.client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument=mine)
    sts = account.client("sts", poor)
    assert sts.assume_role(RoleArn=account.arn("mine"), RoleSessionName="chained")
    with refused("AccessDenied", "no identity-based policy allows the sts:AssumeRole action"):
        sts.assume_role(RoleArn=other.arn("theirs"), RoleSessionName="chained")
    iam.put_role_policy(RoleName="poor", PolicyName="go", PolicyDocument=document(allow("sts:AssumeRole")))
    assert sts.assume_role(RoleArn=other.arn("theirs"), RoleSessionName="chained")


def test_a_session_lasts_no_longer_than_its_role_allows(account: Account) -> None:
    iam = account.client("iam")
    iam.create_role(RoleName="short", AssumeRolePolicyDocument=trust(), MaxSessionDuration=3600)
    own = trust({"AWS": f"arn:aws:iam::{account.id}:root"})
    iam.create_role(RoleName="long", AssumeRolePolicyDocument=own, MaxSessionDuration=43200)
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration"):
        account.assume("short", DurationSeconds=7200)
    with pytest.raises(ClientError, match="role chaining"):
        account.client("sts").assume_role(RoleArn=account.arn("long"), RoleSessionName="chained", DurationSeconds=7200)


def test_a_token_of_an_identity_provider_opens_what_trusts_it(account: Account) -> None:
    issuer = "token.actions.githubusercontent.com"
    policy = document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{account.id}:oidc-provider/{issuer}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringLike": {f"{issuer}:sub": "repo:ours/*"},
                "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com"},
            },
        }
    )
    account.client("iam").create_role(RoleName="ci", AssumeRolePolicyDocument=policy)

    def enter(repository: str) -> dict[str, str]:
        claims = {"iss": f"https://{issuer}", "sub": f"repo:{repository}:ref:main", "aud": "sts.amazonaws.com"}
        part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        sts = client(account.info, "sts", {"aws_access_key_id": "x", "aws_secret_access_key": "y"})
        answer = sts.assume_role_with_web_identity(
            RoleArn=account.arn("ci"), RoleSessionName="ci", WebIdentityToken=f"head.{part}.sign"
        )
        return account.enter(answer)

    keys = enter("ours/live")
    assert account.client("sts", keys).get_caller_identity()["Account"] == account.id
    with refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        enter("theirs/live")


# --- credentials


def test_unknown_keys_wrong_secrets_and_wrong_tokens_are_refused(account: Account) -> None:
    keys = account.assume(ENTRY_ROLE)
    for wrong, code in (
        ({"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x"}, "InvalidClientTokenId"),
        ({**keys, "aws_secret_access_key": "guessed"}, "SignatureDoesNotMatch"),
        ({**keys, "aws_session_token": "guessed"}, "InvalidClientTokenId"),
        ({k: v for k, v in keys.items() if k != "aws_session_token"}, "InvalidClientTokenId"),
    ):
        with refused(code):
            account.client("sts", wrong).get_caller_identity()
    with refused("UnrecognizedClientException"):
        account.client(
            "dynamodb", {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x"}
        ).list_tables()


def test_sessions_of_a_role_that_is_gone_are_dead(account: Account, role: Role) -> None:
    keys = role(allow())
    iam = account.client("iam")
    iam.delete_role_policy(RoleName="tried", PolicyName="given")
    iam.delete_role(RoleName="tried")
    with refused("InvalidClientTokenId"):
        account.client("sts", keys).get_caller_identity()


def test_the_entry_user_may_only_enter(account: Account) -> None:
    with refused("AccessDenied"):
        entry_client(account.info, "iam").list_users()
    assert entry_client(account.info, "sts").get_caller_identity()["Arn"].endswith(":user/orch-entry")
