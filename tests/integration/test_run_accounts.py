"""From an empty organization to an applied stage, its copy beside it in the same account, and the end of the copy."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.control import ensure_accounts
from orchestrator.scaffold.answers import Answers
from orchestrator.scaffold.platform_files import starter_files
from orchestrator.scaffold.write import write_new
from tests.support.emulator import ENTRY_ROLE, MANAGEMENT, Account, client, entry_client, new_account_id
from tests.support.project import REPOSITORY, Project
from tests.support.records import newest_record, told
from tests.support.terminal import on_a_terminal, once

pytestmark = pytest.mark.integration


class Organization:
    """The organization of the emulator, for somebody who may do everything in its management account."""

    def __init__(self, emulator: Path) -> None:
        self.info = Account(emulator).info
        ensure_accounts(emulator, {"management": MANAGEMENT})
        self.client = client(self.info, "organizations", self.keys(MANAGEMENT))
        self.root = self.client.list_roots()["Roots"][0]["Id"]

    def keys(self, account: str) -> dict[str, str]:
        """The way into the first role of an account."""
        arn = f"arn:aws:iam::{account}:role/{ENTRY_ROLE}"
        return Account.enter(entry_client(self.info, "sts").assume_role(RoleArn=arn, RoleSessionName="test"))

    def members(self, email: str) -> list[dict[str, Any]]:
        """The accounts with an e-mail address."""
        return [each for each in self.client.list_accounts()["Accounts"] if each["Email"] == email]

    def unit(self, name: str) -> str:
        """A new organizational unit below the root."""
        answer = self.client.create_organizational_unit(ParentId=self.root, Name=name)
        return str(answer["OrganizationalUnit"]["Id"])

    def parent(self, account: str) -> str:
        """Where an account is."""
        return str(self.client.list_parents(ChildId=account)["Parents"][0]["Id"])


@pytest.fixture
def organization(emulator: Path) -> Organization:
    return Organization(emulator)


@pytest.fixture
def project(tmp_path: Path, emulator: Path) -> Project:
    """A new platform as `orch init` writes it, without the account of its stage."""
    name = f"o{secrets.token_hex(4)}"
    accounts = [("production", new_account_id()), ("development", new_account_id())]
    root = tmp_path / "repo"
    files = starter_files(Answers.of(name=name, region="eu-west-1", management=MANAGEMENT, accounts=accounts))
    files["live/providers.lock.hcl"] = (REPOSITORY / "live/providers.lock.hcl").read_bytes()
    del files["live/accounts/development.yaml"], files["live/stages/dev.yaml"]
    write_new(root, files)
    info = root / ".orch" / "emulator" / "emulator.json"
    info.parent.mkdir(parents=True)
    info.write_bytes((emulator / "emulator.json").read_bytes())
    info.chmod(0o600)
    project = Project.at(root, {})
    project.name = name
    project.git("init", "-q", "-b", "main")
    commit(project, "A platform")
    return project


def commit(project: Project, message: str) -> None:
    project.git("add", "-A")
    project.git("commit", "-q", "-m", message)


def test_an_account_is_created_once_and_its_stages_come_and_go(project: Project, organization: Organization) -> None:
    email, unit = f"aws+{project.name}@example.com", f"Workloads {project.name}"
    file = project.root / "live/accounts/development.yaml"
    # 1. The file of an account that does not exist.
    project.orch("account", "new", "development", "--email", email, "--ou", unit, "--access", "open")
    (row,) = (each for each in project.orch("account", "list", "--json").json["rows"] if each["id"] is None)
    assert (row["account"], row["email"], row["bootstrapped"]) == ("development", email, False)
    project.write("live/stages/dev.yaml", "account: development\nstacks:\n  identity:\n")
    refused = project.orch("apply", "dev", "--yes", code=2).err
    assert "the AWS account development does not exist yet" in refused
    assert "orch bootstrap development" in refused
    # 2. Nothing is created before its organizational unit is known, without approval, or in a dry run.
    refused = project.orch("bootstrap", "development", "--yes", code=2).err
    assert f"there is no organizational unit '{unit}' in the root" in refused
    place = organization.unit(unit)
    rows = project.orch("bootstrap", "development", "--dry-run", "--json").json["rows"]
    assert [each["change"] for each in rows if each["step"] == "organization"] == [
        f"create the AWS account {project.name}-development for {email}",
        f"move it to the organizational unit {unit}",
    ]
    assert "cannot ask for approval" in project.orch("bootstrap", "development", code=2).err
    code, text = on_a_terminal(project, "bootstrap", "development", answer=once("no"))
    assert code == 4, text
    question = f"Create the AWS account {project.name}-development for {email}, which cannot be undone at once"
    assert question in " ".join(text.split()), text
    assert organization.members(email) == []
    assert "id:" not in file.read_text()
    # 3. It is created, moved and set up, and never a second time.
    made = project.orch("bootstrap", "development", "--yes").out
    assert "aws_iam_role: orch-apply, orch-break-glass, orch-plan" in made
    assert "sts:AssumeRole" not in made, "the policies are shown with -v"
    assert made.endswith("\nNext: orch plan dev\n")
    assert told(newest_record(project)) == ("bootstrap", "done", 1, 0)
    (member,) = organization.members(email)
    assert f'id: "{member["Id"]}"\n' in file.read_text()
    assert organization.parent(member["Id"]) == place
    rows = project.orch("bootstrap", "development", "--dry-run", "--json").json["rows"]
    assert all(each["done"] is not False for each in rows), rows
    # 4. An interrupted command goes on: the id was not written, the account was not moved.
    file.write_text(file.read_text().replace(f'id: "{member["Id"]}"\n', ""))
    lock = project.root / "live/accounts.lock.yaml"
    assert member["Id"] in project.orch("bootstrap", "development", "--yes", code=3).err, "the lock file has the id"
    lock.unlink()
    organization.client.move_account(
        AccountId=member["Id"], SourceParentId=place, DestinationParentId=organization.root
    )
    project.orch("bootstrap", "development", "--yes")
    assert len(organization.members(email)) == 1
    assert f'id: "{member["Id"]}"\n' in file.read_text()
    assert organization.parent(member["Id"]) == place
    # 5. A stage, and a copy of it in the same account, which comes and goes.
    commit(project, "An account")
    day = (datetime.now(UTC) + timedelta(days=7)).date()
    made = project.orch("stage", "new", "feat-login", "--from", "dev", "--expires", "7d", "--disposable").out
    assert "orch apply feat-login" in made
    commit(project, "A copy of dev")
    applied = project.orch("apply", "dev", "feat-login", "--yes", "--json").units()
    assert {each["status"] for each in applied.values()} == {"applied"}
    stages = {each["stage"]: each for each in project.orch("stage", "list", "--json").json["rows"]}
    assert [(each["applied"], each["units"], each["age_days"]) for each in stages.values()] == [(1, 1, 0), (1, 1, 0)]
    copy = stages["feat-login"]
    assert (copy["expires"], copy["days_left"], copy["expired"], copy["disposable"]) == (str(day), 7, False, True)
    assert copy["tags"] == {"account": "development", "stage": "feat-login"}
    pools = client(organization.info, "cognito-idp", organization.keys(member["Id"]))
    names = {each["Name"] for each in pools.list_user_pools(MaxResults=10)["UserPools"]}
    assert names == {f"{project.name}-dev-identity", f"{project.name}-feat-login-identity"}
    assert project.orch("stage", "reap", "--json").json["rows"] == [
        {"stage": "dev", "account": "development", "reap": False, "why": "it has no `expires`", "exit_code": None},
        {
            "stage": "feat-login",
            "account": "development",
            "reap": False,
            "why": f"its last day is {day}",
            "exit_code": None,
        },
    ]
    # 6. Once it has expired, doctor and list say so, and reap destroys it and nothing else.
    stage = project.root / "live/stages/feat-login.yaml"
    stage.write_text(stage.read_text().replace(str(day), "2026-01-31"))
    assert "2026-01-31 (expired " in project.orch("stage", "list").out
    found = {each["what"]: each["detail"] for each in project.orch("doctor", "--json", code=None).json["rows"]}
    assert "expired on 2026-01-31: `orch stage reap`" in found["stage feat-login"]
    assert "cannot ask for approval" in project.orch("stage", "reap", code=2).err
    assert "note: stage feat-login expired on 2026-01-31: `orch stage reap`" in project.orch("list").err
    planned = project.orch("stage", "reap", "--dry-run").out
    assert "it expired on 2026-01-31" in planned
    assert len(pools.list_user_pools(MaxResults=10)["UserPools"]) == 2
    rows = project.orch("stage", "reap", "--yes", "--json").json["rows"]
    assert {each["stage"]: each["exit_code"] for each in rows} == {"dev": None, "feat-login": 0}
    reaped = newest_record(project)
    assert (told(reaped), reaped["targets"]) == (("destroy", "done", 1, 0), ["feat-login"])
    (left,) = pools.list_user_pools(MaxResults=10)["UserPools"]
    assert left["Name"] == f"{project.name}-dev-identity"
    rows = project.orch("stage", "reap", "--yes", "--json").json["rows"]
    assert "nothing of it exists: delete live/stages/feat-login.yaml" in json.dumps(rows)
