"""Backups on the emulator: a pool as a file, a backup of a table, a snapshot of a database, and failures."""

from __future__ import annotations

import gzip
import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.backup.backup import WaitOptions, back_up, can_back_up
from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.errors import DeniedError, InterruptedRunError, UnitError
from tests.support.aws import catalogue, make_roles
from tests.support.emulator import REGION, Account

pytestmark = pytest.mark.integration

NOW = WaitOptions(poll=0)


@pytest.fixture
def identities(account: Account, tmp_path: Path) -> Identities:
    given = catalogue(tmp_path, production=account.id)
    found = Identities(given, account.info)
    make_roles(found, given.accounts["production"])
    return found


def thing(type_: str, id_: str) -> ResourceLocation:
    return ResourceLocation(type=type_, id=id_, account="production", region=REGION)


def pool_with(account: Account, users: int) -> str:
    cognito = account.client("cognito-idp")
    pool: str = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"]
    for number in range(users):
        attributes = [{"Name": "email", "Value": f"u{number}@example.com"}]
        cognito.admin_create_user(
            UserPoolId=pool, Username=f"u{number}", UserAttributes=attributes, MessageAction="SUPPRESS"
        )
    for group, members in (("admins", range(min(users, 2))), ("nobody", ())):
        cognito.create_group(UserPoolId=pool, GroupName=group, Description="d")
        for number in members:
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=f"u{number}", GroupName=group)
    return pool


def test_a_pool_is_saved_with_every_user_and_group_and_says_what_it_lacks(
    account: Account, identities: Identities, tmp_path: Path
) -> None:
    pool = pool_with(account, 130)  # Cognito returns 60 per page
    account.client("cognito-idp").admin_set_user_password(
        UserPoolId=pool, Username="u0", Password="Secret-pass-1", Permanent=True
    )
    file = tmp_path / "run" / "copies" / "pool.json.gz"
    copied = back_up(identities, Role.APPLY, thing("aws_cognito_user_pool", pool), file=file, label="r", waiting=NOW)
    assert copied is not None
    assert copied.what.startswith("130 users, 2 groups and the settings; no passwords")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = gzip.decompress(file.read_bytes()).decode()
    assert "Secret-pass-1" not in text
    found = json.loads(text)
    assert (found["format"], found["kind"], found["pool"]) == (1, "user-pool", pool)
    assert "no passwords" in found["without"]
    assert {user["Username"] for user in found["users"]} == {f"u{number}" for number in range(130)}
    mail = {a["Value"] for user in found["users"] for a in user["Attributes"] if a["Name"] == "email"}
    assert mail == {f"u{number}@example.com" for number in range(130)}
    assert {g["GroupName"]: sorted(g["members"]) for g in found["groups"]} == {"admins": ["u0", "u1"], "nobody": []}
    assert found["settings"]["Name"] == "p"


def test_a_copy_that_is_not_whole_is_no_file(
    account: Account, identities: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = thing("aws_cognito_user_pool", pool_with(account, 3))
    file = tmp_path / "copies" / "pool.json.gz"
    monkeypatch.setattr("orchestrator.aws.backup.user_pool._EVERY", 1)
    calls = iter([False, True])
    stopped = replace(NOW, stopped=lambda: next(calls))
    with pytest.raises(InterruptedRunError):
        back_up(identities, Role.APPLY, pool, file=file, label="r", waiting=stopped)
    with pytest.raises(DeniedError, match="back up"):
        back_up(identities, Role.PLAN, pool, file=file, label="r", waiting=NOW)
    assert list(file.parent.iterdir()) == []


def test_a_table_has_a_backup_with_its_items(account: Account, identities: Identities, tmp_path: Path) -> None:
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    dynamodb.put_item(TableName="t", Item={"id": {"S": "one"}})
    table = thing("aws_dynamodb_table", "t")
    arns = []
    for label in ("run-1", "run-2"):
        copied = back_up(identities, Role.APPLY, table, file=tmp_path / "no", label=label, waiting=NOW)
        assert copied is not None
        arns.append(copied.arn)
    listed = {each["BackupArn"]: each["BackupName"] for each in dynamodb.list_backups(TableName="t")["BackupSummaries"]}
    assert listed == {arns[0]: "t-run-1", arns[1]: "t-run-2"}
    dynamodb.delete_table(TableName="t")
    dynamodb.restore_table_from_backup(TargetTableName="again", BackupArn=arns[1])
    assert dynamodb.get_item(TableName="again", Key={"id": {"S": "one"}})["Item"] == {"id": {"S": "one"}}


def test_a_database_has_a_snapshot(account: Account, identities: Identities, tmp_path: Path) -> None:
    rds = account.client("rds")
    login = {"MasterUsername": "root", "MasterUserPassword": "not-a-secret"}
    rds.create_db_instance(DBInstanceIdentifier="ams-db", DBInstanceClass="db.t3.micro", Engine="postgres", **login)
    rds.create_db_cluster(DBClusterIdentifier="ams-cl", Engine="aurora-postgresql", **login)
    for type_, id_ in (("aws_db_instance", "ams-db"), ("aws_rds_cluster", "ams-cl")):
        copied = back_up(identities, Role.APPLY, thing(type_, id_), file=tmp_path, label="run--1", waiting=NOW)
        assert copied is not None
        assert copied.arn.rpartition(":")[2] == f"orch-{id_}-run-1"
    (one,) = rds.describe_db_snapshots(DBInstanceIdentifier="ams-db", SnapshotType="manual")["DBSnapshots"]
    assert (one["Status"], one["DBSnapshotIdentifier"]) == ("available", "orch-ams-db-run-1")
    found = rds.describe_db_cluster_snapshots(DBClusterIdentifier="ams-cl")["DBClusterSnapshots"]
    assert "orch-ams-cl-run-1" in {each["DBClusterSnapshotIdentifier"] for each in found}


@pytest.mark.parametrize("type_", ["aws_cognito_user_pool", "aws_dynamodb_table", "aws_db_instance", "aws_rds_cluster"])
def test_of_what_is_gone_there_is_nothing_to_save(identities: Identities, tmp_path: Path, type_: str) -> None:
    assert can_back_up(type_)
    file = tmp_path / "no.json.gz"
    name = "eu-west-1_gone" if "pool" in type_ else "gone"
    assert back_up(identities, Role.APPLY, thing(type_, name), file=file, label="r", waiting=NOW) is None
    assert not file.exists()


class Slow:
    """A client whose backup passes through these states."""

    def __init__(self, states: Iterator[str]) -> None:
        self._states = states

    def create_backup(self, **_: str) -> Any:
        return {"BackupDetails": {"BackupArn": "arn:backup", "BackupStatus": "CREATING"}}

    def describe_backup(self, **_: str) -> Any:
        return {"BackupDescription": {"BackupDetails": {"BackupStatus": next(self._states)}}}


def test_a_backup_is_waited_for_within_a_limit(
    identities: Identities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def save(states: list[str], **more: Any) -> Any:
        monkeypatch.setattr(Identities, "client", lambda *_, **__: Slow(iter(states)))
        time = iter(range(0, 10_000, 100))
        waiting = replace(NOW, tell=told.append, clock=lambda: float(next(time)), **more)
        table = thing("aws_dynamodb_table", "t")
        return back_up(identities, Role.APPLY, table, file=tmp_path, label="r", waiting=waiting)

    assert save(["CREATING", "CREATING", "AVAILABLE"]).arn == "arn:backup"
    assert told == ["CREATING for 100 s", "CREATING for 200 s"]
    with pytest.raises(UnitError, match="still CREATING after 5 minutes"):
        save(["CREATING"] * 10, limit=250)
    with pytest.raises(UnitError, match="ended as DELETED"):
        save(["CREATING", "DELETED"])
    with pytest.raises(InterruptedRunError, match="interrupted"):
        save(["CREATING"] * 10, stopped=lambda: True)


def test_the_plan_role_sees_no_user(account: Account, identities: Identities) -> None:
    pool = pool_with(account, 1)
    with pytest.raises(ClientError, match="not authorized"):
        identities.client("cognito-idp", "production", Role.PLAN).list_users(UserPoolId=pool)
