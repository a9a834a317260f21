"""The main job on the real parts: real provider, real roles, a pool with a user in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.info import read_info
from tests.support.calls import Call, read_calls
from tests.support.catalogue import BASELINE
from tests.support.emulator import ENTRY_ROLE, client, entry_client
from tests.support.project import Project

pytestmark = pytest.mark.integration

IDENTITY = """\
module: user_pool
inputs:
  attributes:
    company: {type: string, max: 64}
  clients:
    web: {callback_urls: ["https://${{ stage }}.example.com"], oauth_flows: [code]}
"""


class Platform:
    """A bootstrapped account with a stage that holds a pool, and a way into the pool for whoever administers it."""

    def __init__(self, folder: Path, emulator: Path, account_id: str) -> None:
        self.emulator = emulator
        self.account_id = account_id
        self.project = Project(
            folder,
            emulator=emulator,
            accounts={"main": account_id},
            name=f"p{account_id[-6:]}",
            roles=(ENTRY_ROLE, "orch-plan", "orch-apply"),
        )
        account = self.project.root / "live" / "accounts" / "main.yaml"
        account.write_text(account.read_text() + "stacks: {baseline: }\n")
        for module in ("account_baseline", "user_pool"):
            self.project.module(module)
        self.project.write("live/stacks/baseline.yaml", BASELINE)
        self.project.write("live/stacks/identity.yaml", IDENTITY)
        self.project.write("live/stages/prod.yaml", "account: main\nstacks: {identity: }\n")

    def cognito(self) -> Any:
        info = read_info(self.emulator)
        assert info is not None
        role = f"arn:aws:iam::{self.account_id}:role/{ENTRY_ROLE}"
        given = entry_client(info, "sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        keys = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }
        return client(info, "cognito-idp", keys)

    def users(self, pool: str) -> list[str]:
        return [user["Username"] for user in self.cognito().list_users(UserPoolId=pool)["Users"]]

    def calls(self) -> list[Call]:
        return [call for call in read_calls(self.emulator) if call.account == self.account_id]


@pytest.mark.full
def test_a_pool_is_made_kept_extended_and_protected(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str]
) -> None:
    platform = Platform(tmp_path / "repo", emulator, account_ids())
    project = platform.project
    project.orch("bootstrap", "main", "--yes")
    assert project.orch("bootstrap", "main", "--yes", "--json").units()["main/baseline"]["status"] == "unchanged"

    project.orch("apply", "prod", "--yes")
    assert project.orch("apply", "prod", "--yes", "--json").units()["prod/identity"]["status"] == "unchanged"

    pool = project.orch("output", "prod/identity", "user_pool_id", "--raw").out
    platform.cognito().admin_create_user(UserPoolId=pool, Username="ada", MessageAction="SUPPRESS")

    project.write("live/stacks/identity.yaml", IDENTITY.replace("64}", "64}\n    department: {type: string, max: 32}"))
    planned = project.orch("plan", "prod", "--json").units()["prod/identity"]
    assert planned["counts"]["update"] == 1
    assert planned["counts"]["replace"] == planned["counts"]["delete"] == 0
    project.orch("apply", "prod", "--yes")
    assert project.orch("output", "prod/identity", "user_pool_id", "--raw").out == pool
    assert platform.users(pool) == ["ada"]
    described = platform.cognito().describe_user_pool(UserPoolId=pool)["UserPool"]["SchemaAttributes"]
    assert {"custom:company", "custom:department"} <= {attribute["Name"] for attribute in described}

    # 1. the whole stage destroyed
    blocked = project.orch("destroy", "prod", "--yes", code=3)
    assert "aws_cognito_user_pool.this" in blocked.out
    assert "every user" in blocked.out
    # 2. the resource renamed without `moved`, and with it prevent_destroy gone
    for file in (project.root / "modules" / "user_pool").glob("*.tf"):
        text = file.read_text().replace("aws_cognito_user_pool.this", "aws_cognito_user_pool.renamed")
        text = text.replace('"aws_cognito_user_pool" "this"', '"aws_cognito_user_pool" "renamed"')
        file.write_text(text.replace("prevent_destroy = true", "prevent_destroy = false"))
    blocked = project.orch("apply", "prod", "--yes", "--json", code=3)
    finding = next(f for f in blocked.units()["prod/identity"]["findings"] if f["rule"] == "ORCH_PROTECTED")
    assert finding["address"] == "aws_cognito_user_pool.this"
    assert finding["action"] == "delete"
    assert finding["cause"]
    assert platform.users(pool) == ["ada"]

    roles_per_phase(platform)


def roles_per_phase(platform: Platform) -> None:
    """Every write under the apply role, every plan call under the plan role; the baseline under the bootstrap role."""
    calls = platform.calls()
    session = {ENTRY_ROLE, "orch-plan", "orch-apply"}
    assert {call.role for call in calls if call.role} <= session
    by_test = {"AdminCreateUser"}  # this test's own call, as the account's administrator
    identity = [call for call in calls if call.service == "cognito-idp" and call.action not in by_test]
    writes = [call for call in identity if not call.reads]
    assert writes, "the pool was made"
    assert {call.role for call in writes} == {"orch-apply"}
    assert {"CreateUserPool", "AddCustomAttributes"} <= {call.action for call in writes}
    plan_calls = [call for call in calls if call.role == "orch-plan"]
    assert [call for call in plan_calls if call.service == "cognito-idp"]
    assert not [call for call in plan_calls if not call.reads], "the plan role writes nothing, not even a lock"
    iam_writes = [call for call in calls if call.service == "iam" and not call.reads]
    assert {call.role for call in iam_writes} == {ENTRY_ROLE}, "the baseline is never applied under what it makes"


def test_files_that_change_between_plan_and_apply_stop_the_apply(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str]
) -> None:
    """Terraform reads local files again at apply; what was not judged is not applied."""
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    project.write("live/stages/prod.yaml", "account: main\nstacks: {attacker: , box: }\n")
    # `attacker` runs first and changes the frozen root of `box`, as an intruder on the machine might.
    victim = "../../box/eu-west-1/inputs.json"
    run = json.dumps(f"echo '{{}}' > {victim}")
    project.write("live/stacks/attacker.yaml", f"module: tool\ninputs: {{run: {run}}}\n")
    project.allow("prod/attacker")
    project.write("live/stacks/box.yaml", "module: box\ndepends_on: []\ninputs: {value: judged}\n")
    project.ready()
    result = project.orch("apply", "prod", "--yes", "--json", "-j", "1", code=None)
    units = result.units()
    changed = [unit for unit in units.values() if "changed after the plan was judged" in unit["cause"]]
    assert [unit["unit"] for unit in changed] == ["prod/box"], units
    assert result.code == 3
