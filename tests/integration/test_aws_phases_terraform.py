"""One root, two roles: the real Terraform plans under one role and applies the saved plan under the other."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.aws.identity.credential_files import CredentialFiles
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.bucket import ensure_bucket
from orchestrator.aws.state.outputs import StateStore
from orchestrator.emulator.control import ensure_accounts
from orchestrator.emulator.info import read_info
from orchestrator.terraform.failures import TerraformError
from tests.support.aws import catalogue, make_roles
from tests.support.emulator import new_account_id
from tests.support.terraform import make_root, make_terraform

pytestmark = pytest.mark.integration

ROOT = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
  backend "s3" {
    bucket              = "%(bucket)s"
    key                 = "%(key)s"
    region              = "eu-west-1"
    profile             = "orch-production"
    use_lockfile        = true
    encrypt             = true
    allowed_account_ids = ["%(id)s"]
  }
}
provider "aws" {
  region              = "eu-west-1"
  profile             = "orch-production"
  allowed_account_ids = ["%(id)s"]
}
resource "aws_sns_topic" "this" {
  name = "made-under-apply"
}
output "arn" {
  value = aws_sns_topic.this.arn
}
"""


def test_a_plan_made_under_one_role_is_applied_under_another(
    tmp_path: Path, emulator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = catalogue(tmp_path, production=new_account_id(), bpm=new_account_id())
    ensure_accounts(emulator, {name: account.id for name, account in live.accounts.items()})
    monkeypatch.setenv("AWS_PROFILE", "someone-else")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEONEELSE")
    identities = Identities(live, read_info(emulator))
    account, unit = live.accounts["production"], live.units["prod/data"]
    ensure_bucket(account, identities)
    make_roles(identities, account)
    terraform = make_terraform(tmp_path)
    text = ROOT % {"bucket": account.state_bucket, "key": unit.state_key, "id": account.id}
    # The folder's name has characters that are special in a shell and in an INI file.
    with CredentialFiles(tmp_path / "it's a $run", live, identities) as phases:
        environment = {
            role: phases.child_environment(os.environ, role, ["production"]) for role in (Role.PLAN, Role.APPLY)
        }
        root = make_root(tmp_path / "root", {"main.tf": text})
        planning, applying = (replace(root, env=environment[role]) for role in (Role.PLAN, Role.APPLY))
        plan = tmp_path / "plan.tfplan"
        terraform.init(planning, timeout=120)
        assert terraform.plan(planning, out=plan, timeout=120, on_line=lambda _: None)
        with pytest.raises(TerraformError) as refused:
            terraform.apply(planning, plan, timeout=120, on_line=lambda _: None, lock_timeout="0s")
        assert "StatusCode: 403" in refused.value.block
        assert StateStore(live, identities).read(unit) is None, "the plan role can write neither lock nor state"
        terraform.apply(applying, plan, timeout=120, on_line=lambda _: None, lock_timeout="0s")
    state = StateStore(live, identities).read(unit)
    assert state is not None
    assert state.outputs["arn"].value == f"arn:aws:sns:eu-west-1:{account.id}:made-under-apply"
    assert not (tmp_path / "it's a $run").exists()
