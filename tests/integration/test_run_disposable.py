"""A disposable stage lives and dies: created, rebuilt, and destroyed whole, with its protection switched off by orch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulator import Account
from tests.support.escapes import Blueprint, Built, build, commit
from tests.support.project import Project, Result

pytestmark = pytest.mark.integration

FEAT = """\
account: main
disposable: true
stacks:
  identity:
    inputs: {domain: null}
  documents:
  pages:
"""
FILES = {
    "live/stages/feat.yaml": FEAT,
    "live/stacks/documents.yaml": "module: bucket\n",
    "live/stacks/pages.yaml": "module: box\ninputs: {value: {host: '${{ identity.domain }}', pool: '${{ identity.user_pool_id }}'}}\n",
}
REBUILT = FEAT.replace(
    "{domain: null}", "{domain: null, sign_in: {username_attributes: [email], case_sensitive: true}}"
)
FINDINGS = {"ORCH_PROTECTED", "ORCH_WEAKENED", "ORCH_BUCKET_PUBLIC"}


class Comings:
    """An account with the lasting stage ``prod`` and the disposable stage ``feat``, both applied."""

    def __init__(self, folder: Path, emulator: Path) -> None:
        self.built: Built = build(Blueprint(modules=("bucket",), files=FILES, apply=("prod", "feat")), folder, emulator)
        self.root = self.built.project.root
        self.pool = self.output("identity", "user_pool_id")
        self.bucket = self.output("documents", "bucket")

    def output(self, stack: str, name: str) -> str:
        return self.built.project.orch("output", f"feat/{stack}", name, "--raw").out.strip()

    def orch(self, *arguments: str, code: int = 0) -> Result:
        return self.built.project.orch(*arguments, "--yes", "--json", code=code)

    def rebuild(self) -> None:
        """Change what cannot be changed in place: the pool is replaced, and the report says why it may be."""
        (self.root / "live/stages/feat.yaml").write_text(REBUILT)
        commit(self.root, "Names differ by case")
        report = self.orch("apply", "feat/identity").units()["feat/identity"]
        assert report["status"] == "applied"
        lost = {each["address"]: each["waiver"] for each in report["findings"]}
        assert lost["aws_cognito_user_pool.this"] == "feat is disposable (live/stages/feat.yaml:2:13)"
        before, self.pool = self.pool, self.output("identity", "user_pool_id")
        assert self.pool != before

    def record(self) -> dict[str, Any]:
        client = self.built.account.client("s3")
        body = client.get_object(Bucket=self.built.bucket, Key="ledger/disposable/feat.json")["Body"].read()
        found: dict[str, Any] = json.loads(body)
        return found


@pytest.fixture(scope="module")
def comings(tmp_path_factory: pytest.TempPathFactory, emulator: Path) -> Comings:
    return Comings(tmp_path_factory.mktemp("comings") / "repo", emulator)


def test_a_disposable_stage_lives_and_dies(comings: Comings) -> None:
    record = comings.record()
    read = comings.built.project.orch("output", "feat/pages", "value").json
    assert read == {"host": None, "pool": comings.pool}, "a pool without hosted pages has no domain"
    assert comings.built.project.orch("plan", "feat/pages", "--json").units()["feat/pages"]["status"] == "unchanged"
    assert (record["stage"], record["disposable"], record["account_id"]) == ("feat", True, comings.built.account.id)
    comings.rebuild()
    cognito, s3 = comings.built.account.client("cognito-idp"), comings.built.account.client("s3")
    assert cognito.describe_user_pool(UserPoolId=comings.pool)["UserPool"]["DeletionProtection"] == "ACTIVE"
    cognito.admin_create_user(UserPoolId=comings.pool, Username="eve@example.com", MessageAction="SUPPRESS")
    s3.put_object(Bucket=comings.bucket, Key="a", Body=b"one")
    s3.put_object(Bucket=comings.bucket, Key="a", Body=b"two")
    shown = comings.built.project.orch("destroy", "feat", stdin="no\n", code=2)
    assert "cannot ask for approval" in shown.err
    result = comings.orch("destroy", "feat")
    units = result.units()
    assert {each["status"] for each in units.values()} == {"destroyed"}
    findings = [each for unit in units.values() for each in unit["findings"]]
    assert {each["severity"] for each in findings} == {"waived"}
    assert {each["rule"] for each in findings} <= FINDINGS
    assert {each["waiver"] for each in findings} == {"feat is disposable (live/stages/feat.yaml:2:13)"}
    inside = {each["address"]: each["inside"] for each in findings}
    assert inside["aws_cognito_user_pool.this"].startswith("1 user")
    assert inside["aws_s3_bucket.this"] == "1 object"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cognito.describe_user_pool(UserPoolId=comings.pool)
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket=comings.bucket)
    assert not list((comings.root / ".orch" / "runs" / result.json["run"]).glob("copies.json")), "nothing was copied"
    pools = cognito.list_user_pools(MaxResults=10)["UserPools"]
    assert [each["Id"] for each in pools] == [comings.built.pool], "prod is still there"


@pytest.mark.full
def test_it_comes_again_and_lasts_once_the_key_was_removed(comings: Comings) -> None:
    comings.orch("apply", "feat/identity")
    stage = (comings.root / "live/stages/feat.yaml").read_text()
    # Without the key it is applied as a stage that lasts, and the key counts no more.
    (comings.root / "live/stages/feat.yaml").write_text(stage.replace("disposable: true\n", ""))
    commit(comings.root, "It lasts")
    comings.orch("apply", "feat/identity")
    result = comings.orch("destroy", "feat/identity", code=3)
    assert {each["severity"] for each in result.units()["feat/identity"]["findings"]} == {"block"}
    comings.orch("apply", "feat/documents", code=0)
    assert comings.record()["disposable"] is False
    (comings.root / "live/stages/feat.yaml").write_text(stage)
    commit(comings.root, "It does not")
    for verb in ("plan", "apply", "destroy"):
        arguments = (verb, "feat/identity", "--json", *(("--yes",) if verb != "plan" else ()))
        refused = comings.built.project.orch(*arguments, code=2)
        assert "feat exists, and was not disposable when it was created" in refused.text


@pytest.mark.full
def test_a_key_that_is_not_committed_creates_nothing(tmp_path: Path, emulator: Path) -> None:
    """Created as a stage that lasts, it could never become disposable."""
    account = Account(emulator)
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account.id}, name=f"d{account.id[-6:]}")
    project.write(".gitignore", ".orch/\n")
    project.write("live/stages/feat.yaml", "account: main\nstacks: {box: }\n")
    project.write("live/stacks/box.yaml", "module: box\n")
    project.git("init", "-q", "-b", "main")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "A stage")
    project.ready()
    project.write("live/stages/feat.yaml", "account: main\ndisposable: true\nstacks: {box: }\n")
    notes = project.orch("plan", "feat", "--json").json["notes"]
    assert (
        "feat is judged as a lasting stage: it is not disposable in HEAD, the last commit, in an open account" in notes
    )
    refused = project.orch("apply", "feat", "--yes", code=2).err
    assert "live/stages/feat.yaml:2:13: feat would be created as a lasting stage" in refused
    project.git("commit", "-q", "-a", "-m", "It comes and goes")
    project.orch("apply", "feat", "--yes")
    project.write("live/stages/feat.yaml", "account: main\ndisposable: true\nstacks: {box: {inputs: {value: 2}}}\n")
    project.orch("apply", "feat", "--yes")
    assert project.orch("destroy", "feat", "--yes", "--json").units()["feat/box"]["status"] == "destroyed"
