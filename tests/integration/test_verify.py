"""``orch verify`` finds and names what was written to a state without orch."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.history import History
from orchestrator.cli.context import Common
from orchestrator.cli.project import open_project
from orchestrator.emulator.info import read_info
from orchestrator.run.verify import audit
from orchestrator.terraform.state.header import StateHeader
from tests.support.project import Project
from tests.support.session import state_bucket

pytestmark = pytest.mark.integration

FIRST = "prod/first/eu-west-1"
KEY = f"{FIRST}/terraform.tfstate"


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    made.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.id }}'}\n")
    made.ready().orch("apply", "prod", "--yes")
    return made


def verify(project: Project, *more: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = project.orch("verify", "main", "--json", *more, code=code).json
    return found


def terraform(project: Project, *arguments: str) -> None:
    """Run plain Terraform in the unit's root, with the credentials that orch exports."""
    root = project.orch("show", "prod/first", "--root").out.strip()
    given = project.orch("credentials", "main", "--role", "apply").out
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    for line in given.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        env[name] = value.strip("'\"")
    env["TF_CLI_CONFIG_FILE"] = str(next((project.root / ".orch" / "runs").glob("*/terraform.tfrc")))
    done = subprocess.run(
        ["terraform", *arguments], cwd=root, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_orch_applied_has_receipts_and_what_plain_terraform_applied_has_none(project: Project) -> None:
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: two}\n")
    project.orch("apply", "prod", "--yes")
    fine = verify(project)
    assert fine["rows"] == []
    (account,) = fine["accounts"]
    assert (account["states"], account["versions"], account["receipts"], account["gaps"]) == (2, 3, 3, 0)
    assert "each has a receipt" in project.orch("verify", "main").out
    terraform(project, "apply", "-auto-approve", "-input=false", "-replace=module.this.terraform_data.this")
    found = verify(project, code=3)
    serials = {row["serial"] for row in found["rows"]}
    assert min(serials) == 3
    for row in found["rows"]:
        assert (row["unit"], row["key"], row["what"]) == (FIRST, KEY, "written")
        assert "@" in row["holder"]  # Terraform's lock names the user
        assert row["size"] > 0
        assert abs(datetime.fromisoformat(row["time"]) - datetime.now(UTC)) < timedelta(minutes=2)
    text = project.orch("verify", "main", code=3)
    assert FIRST in text.out
    assert "without a receipt" in text.out
    assert "CloudTrail" in text.out
    assert "receipts" in text.err  # progress
    # Verifying changed nothing, and the next apply through orch has a receipt as usual.
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: three}\n")
    project.orch("apply", "prod", "--yes")
    assert verify(project, code=3)["rows"] == found["rows"]


def test_whatever_is_written_past_orch_is_told_as_what_it_is(project: Project, emulator: Path) -> None:
    client, bucket = state_bucket(emulator, project)
    state = client.get_object(Bucket=bucket, Key=KEY)["Body"].read()
    time.sleep(1.1)  # S3 has a time resolution of one second, and a lock released in the same second counts as held
    written = client.put_object(Bucket=bucket, Key=KEY, Body=state)["VersionId"]  # same serial, different object
    rubbish = client.put_object(Bucket=bucket, Key=KEY, Body=b"rubbish")["VersionId"]
    deleted = client.delete_object(Bucket=bucket, Key=KEY)["VersionId"]
    strange = "gone/unit/eu-west-1/terraform.tfstate"  # of a unit that is not in live/
    other = client.put_object(Bucket=bucket, Key=strange, Body=json.dumps({"serial": 9, "lineage": "x"}))["VersionId"]
    client.put_object(Bucket=bucket, Key="outputs/x/y.json", Body=b"{}")
    rows = {row["version"]: row for row in verify(project, code=3)["rows"]}
    assert {id_: (row["what"], row["serial"], row["holder"]) for id_, row in rows.items()} == {
        written: ("written", 1, "nobody"),
        rubbish: ("no state", None, "nobody"),
        deleted: ("deleted", None, "nobody"),
        other: ("written", 9, "nobody"),
    }
    assert rows[other]["unit"] == "gone/unit/eu-west-1"
    # A receipt of another state explains nothing; one that was overwritten still counts.
    receipts = "receipts/prod/second/eu-west-1/1.json"
    receipt = client.get_object(Bucket=bucket, Key=receipts)["Body"].read()
    forged = json.loads(receipt)
    forged["wrote"]["versions"] = {written: 1}
    client.put_object(Bucket=bucket, Key=f"receipts/{FIRST}/2.json", Body=json.dumps(forged).encode())
    client.put_object(Bucket=bucket, Key=receipts, Body=b"{}")
    found = verify(project, code=3)
    assert {row["version"] for row in found["rows"]} == rows.keys()
    assert found["accounts"][0]["damaged"] == [f"receipts/{FIRST}/2.json", receipts]
    assert "is not a valid receipt of this state" in project.orch("verify", "main", code=3).out


def test_since_leaves_out_what_is_older(project: Project, emulator: Path) -> None:
    client, bucket = state_bucket(emulator, project)
    state = client.get_object(Bucket=bucket, Key=KEY)["Body"].read()
    client.put_object(Bucket=bucket, Key=KEY, Body=state)
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    (account,) = verify(project, "--since", ahead)["accounts"]
    assert (account["versions"], account["older"], account["receipts"]) == (0, 3, 0)
    assert len(verify(project, "--since", "1h", code=3)["rows"]) == 1
    assert "older ones were not checked" in project.orch("verify", "main", "--since", ahead).out
    assert "invalid time for --since" in project.orch("verify", "main", "--since", "soon", code=2).err
    assert "no account given" in project.orch("verify", code=2).err
    assert "there is no account" in project.orch("verify", "nowhere", code=2).err


def test_a_history_of_many_pages_is_read_whole(project: Project, emulator: Path) -> None:
    client, bucket = state_bucket(emulator, project)
    for serial in range(2, 9):
        body = json.dumps({"version": 4, "terraform_version": "1.11.4", "serial": serial, "lineage": "x"}).encode()
        client.put_object(Bucket=bucket, Key=KEY, Body=body)
    time.sleep(1.1)  # S3 has a time resolution of one second
    client.delete_object(Bucket=bucket, Key=KEY)
    catalogue = open_project(Common(folder=project.root)).catalogue
    account = catalogue.accounts["main"]
    identities = Identities(catalogue, read_info(emulator))
    whole = list(History(catalogue, identities).versions(account, Role.PLAN))
    small = History(catalogue, identities, page=3)
    assert sorted(small.versions(account, Role.PLAN), key=str) == sorted(whole, key=str)
    told: list[str] = []
    gaps = audit(small, account, on_progress=told.append).gaps
    assert [gap.serial for gap in gaps if gap.what == "written"] == list(range(2, 9))
    assert [gap.what for gap in gaps].count("deleted") == 1
    assert told
    unit = catalogue.units["prod/first"]
    time.sleep(1.1)
    client.put_object(
        Bucket=bucket, Key=KEY, Body=json.dumps({"version": 4, "terraform_version": "1", "serial": 9, "lineage": "x"})
    )
    lineage, versions = small.written(unit, StateHeader("x", 6))
    assert (lineage, sorted(versions.values())) == (
        "x",
        [9],
    )  # older versions are before the deletion
