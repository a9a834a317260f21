"""A stage with a real pool and users in it is renamed, under the real roles: everything in AWS stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.escapes import POOL, USERS, Blueprint, build

pytestmark = pytest.mark.integration


@pytest.mark.full
def test_a_renamed_stage_keeps_its_pool_with_its_users_and_name(tmp_path: Path, emulator: Path) -> None:
    built = build(Blueprint(), tmp_path / "world", emulator)
    project, cognito = built.project, built.account.client("cognito-idp")
    name = cognito.describe_user_pool(UserPoolId=built.pool)["UserPool"]["Name"]

    moved = project.orch("move", "prod", "live", "--yes", "--json").units()["live/identity"]
    assert moved["status"] == "moved"
    assert [moved["counts"][action] for action in ("create", "replace", "delete", "forget")] == [0, 0, 0, 0]
    changed = {(each["address"], attribute["path"]) for each in moved["changes"] for attribute in each["attributes"]}
    assert (POOL, "tags_all.stage") in changed, "changes of tags are listed"
    assert "named: prod" in (project.root / "live/stages/live.yaml").read_text()

    assert project.orch("output", "live/identity", "user_pool_id", "--raw").out.strip() == built.pool
    applied = project.orch("apply", "live", "--yes", "--json").units()["live/identity"]
    assert [applied["counts"][action] for action in ("create", "replace", "delete", "forget")] == [0, 0, 0, 0]
    project.orch("plan", "live", "--detailed-exitcode", code=0)
    found = cognito.describe_user_pool(UserPoolId=built.pool)["UserPool"]
    assert found["Name"] == name, "as before the rename"
    assert found["UserPoolTags"]["stage"] == "live"
    assert len(cognito.list_users(UserPoolId=built.pool)["Users"]) == len(USERS)
