"""Item 5: around the guard with the credentials of an apply; and the limits of the break-glass role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.support.escapes import POOL, World

pytestmark = pytest.mark.integration
AGAINST = "owner of the machine"

DOMAIN = "aws_cognito_user_pool_domain.this[0]"
TAGS = [{"Key": "orch:owner", "Value": "eve"}, {"Key": "orch:reason", "Value": "because"}]


@pytest.mark.way("the delete API called with the apply role's credentials", item="5")
def test_the_apply_role_calls_the_delete_api_itself(world: World) -> None:
    keys = world.account.assume("orch-apply")
    cognito = world.account.client("cognito-idp", keys)
    # First switch off its protection, which the role can do: then only IAM prevents the deletion.
    cognito.update_user_pool(UserPoolId=world.pool, DeletionProtection="INACTIVE")
    try:
        with pytest.raises(ClientError, match=r"cognito-idp:DeleteUserPool.*explicit deny"):
            cognito.delete_user_pool(UserPoolId=world.pool)
    finally:
        cognito.update_user_pool(UserPoolId=world.pool, DeletionProtection="ACTIVE")
    world.stopped_by("IAM: the apply role is denied it")
    world.assert_alive()


@pytest.mark.way("the break-glass role assumed by the apply role, or without a reason", item="5")
def test_the_break_glass_role_cannot_be_assumed_freely(world: World) -> None:
    arn = world.account.arn("orch-break-glass")
    sts = world.account.client("sts", world.account.assume("orch-apply"))
    with pytest.raises(ClientError, match="not authorized"):
        sts.assume_role(RoleArn=arn, RoleSessionName="eve", Tags=TAGS)
    for tags in ([], TAGS[:1], TAGS[1:]):
        with pytest.raises(ClientError, match="not authorized"):
            world.account.assume("orch-break-glass", Tags=tags)
    iam = world.account.client("iam", world.account.assume("orch-apply"))
    with pytest.raises(ClientError, match="not authorized"):
        iam.detach_role_policy(
            RoleName="orch-apply", PolicyArn=f"arn:aws:iam::{world.account.id}:policy/orch-apply-deletes"
        )
    world.stopped_by("IAM: its trust policy, and the apply role's guardrails")
    world.assert_alive()


@pytest.mark.way("`orch apply --break-glass` with a blocked plan", item="5", against="careless")
def test_break_glass_does_not_apply_a_blocked_plan(world: World) -> None:
    world.empty_module()
    result = world.attempt("apply", "prod", "--yes", "--json", "--break-glass", "trust me")
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


@pytest.mark.way("a waiver for one resource, used to delete another", item="7", against="sly author")
def test_a_waiver_allows_no_other_resource(world: World) -> None:
    expires = datetime.now(UTC).date() + timedelta(days=5)
    world.write(
        "policies/waivers.yaml",
        f'- id: gone\n  rule: ORCH_PROTECTED\n  unit: prod/identity\n  address: "{DOMAIN}"\n'
        f"  owner: security\n  reason: another domain is used\n  expires: {expires}\n",
    )
    world.commit("Allow it", author="Mallory <mallory@example.com>")
    result = world.attempt("destroy", "prod/identity", "--yes", "--json")
    finding = world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    assert finding["inside"].startswith("3 users")
    lifted = [path.read_text() for path in world.root.rglob("orch_waiver_override.tf")]
    assert [text for text in lifted if '"aws_cognito_user_pool_domain" "this"' in text] == lifted != []
    assert not [text for text in lifted if '"aws_cognito_user_pool" "this"' in text]
    world.assert_alive()
