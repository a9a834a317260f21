"""The roles of a CI on the emulator: which job enters which of orch's roles with its token."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import Account, client
from tests.support.iam import refused, trust
from tests.support.platform import place

pytestmark = pytest.mark.integration

ISSUER = "token.actions.githubusercontent.com"
ROOT = """
module "ci" {
  source        = "@modules/ci_access"
  plan_subjects = ["repo:acme/platform:pull_request", "repo:acme/platform:ref:refs/heads/main"]
  plan_accounts = ["@account"]
  environments  = { prod = { subject = "repo:acme/platform:environment:prod", accounts = ["@account"] } }
}
"""


def test_each_job_enters_its_own_roles(account: Account, tmp_path: Path) -> None:
    """One account is the management account and the one that is planned: only the names of the roles tell them apart."""
    iam = account.client("iam")
    lets_in = trust({"AWS": f"arn:aws:iam::{account.id}:root"}, Action=["sts:AssumeRole", "sts:TagSession"])
    for name in ("orch-plan", "orch-apply", "orch-break-glass", "other"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=lets_in)
    placed = place(account, tmp_path, ROOT)
    placed.plan()
    placed.apply()
    assert not placed.plan().changes

    def enter(role: str, subject: str, audience: str = "sts.amazonaws.com") -> Any:
        claims = {"iss": f"https://{ISSUER}", "sub": subject, "aud": audience}
        part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        sts = client(account.info, "sts", {"aws_access_key_id": "x", "aws_secret_access_key": "y"})
        answer = sts.assume_role_with_web_identity(
            RoleArn=account.arn(role), RoleSessionName="ci", WebIdentityToken=f"head.{part}.sign"
        )
        return account.client("sts", account.enter(answer))

    def assume(sts: Any, role: str, **more: Any) -> Any:
        return sts.assume_role(RoleArn=account.arn(role), RoleSessionName="orch", **more)

    plan = enter("orch-ci-plan", "repo:acme/platform:pull_request")
    assert assume(plan, "orch-plan")
    apply = enter("orch-ci-apply-prod", "repo:acme/platform:environment:prod")
    assert assume(apply, "orch-plan")
    assert assume(apply, "orch-apply")
    assert assume(apply, "orch-break-glass", Tags=[{"Key": "orch:owner", "Value": "anna"}])
    for sts, role in ((plan, "orch-apply"), (plan, "orch-break-glass"), (plan, "other"), (apply, "other")):
        with refused("AccessDenied"):
            assume(sts, role)
    for role, subject, audience in (
        ("orch-ci-plan", "repo:acme/platform:environment:prod", "sts.amazonaws.com"),
        ("orch-ci-plan", "repo:eve/platform:pull_request", "sts.amazonaws.com"),
        ("orch-ci-plan", "repo:acme/platform:pull_request", "elsewhere"),
        ("orch-ci-apply-prod", "repo:acme/platform:pull_request", "sts.amazonaws.com"),
        ("orch-ci-apply-prod", "repo:acme/platform:ref:refs/heads/main", "sts.amazonaws.com"),
        ("orch-ci-apply-prod", "repo:acme/platform:environment:dev", "sts.amazonaws.com"),
    ):
        with refused("AccessDenied"):
            enter(role, subject, audience)
