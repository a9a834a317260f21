"""Ledger and catalogue through the real orch: what vanished or was renamed stops the run, and what is left stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.faults import Fault
from tests.integration.test_run_waivers import make_break_glass
from tests.support.emulator import Account
from tests.support.faults import inject
from tests.support.project import Project

pytestmark = pytest.mark.integration

LISTED = "\nterraform_data:\n  lost: all that was put into it\n  severity: data\n  delete_apis: ['none:Delete']\n"
LOCK = "live/accounts.lock.yaml"


class Kept:
    """A stage ``prod`` with one protected box, ``prod/kept``, and a second one, applied unless ``apply`` is False."""

    def __init__(self, root: Path, emulator: Path, account: Account, *, apply: bool = True) -> None:
        self.account = account
        self.project = Project(root, emulator=emulator, accounts={"main": account.id})
        with (root / "policies/protected.yaml").open("a") as file:
            file.write(LISTED)
        self.project.write("live/stages/prod.yaml", "account: main\nstacks:\n  kept:\n")
        self.project.write("live/stages/dev.yaml", "account: main\nstacks:\n  other:\n")
        for name in ("kept", "other"):
            self.project.write(f"live/stacks/{name}.yaml", "module: box\ninputs: {value: users}\n")
        self.project.ready()
        self.s3 = account.client("s3")
        self.bucket = f"t-{account.id}-tfstate"
        if apply:
            self.project.orch("apply", "prod", "dev", "--yes")
            self.before = self.state()

    def object(self, key: str) -> Any:
        with self.s3.get_object(Bucket=self.bucket, Key=key)["Body"] as body:
            return json.loads(body.read())

    def state(self) -> Any:
        return self.object("prod/kept/eu-west-1/terraform.tfstate")

    def entry(self, stage: str = "prod", stack: str = "kept") -> Any:
        return self.object(f"ledger/{stage}/{stack}/eu-west-1.json")

    def blocked(self, *targets: str, verb: str = "plan") -> dict[str, Any]:
        """Findings by rule and unit of a run that must be blocked, and what was there is there."""
        result = self.project.orch(verb, *targets, "--json", *(["--yes"] if verb == "apply" else []), code=3)
        assert self.state() == self.before
        return {
            f"{finding['rule']} {finding['unit']}": finding
            for unit in result.units().values()
            for finding in unit["findings"]
        } | {"units": {name: unit["status"] for name, unit in result.units().items()}}


@pytest.fixture(scope="module")
def built(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("kept") / "repo", emulator, Account(emulator))


@pytest.fixture
def kept(built: Kept) -> Iterator[Kept]:
    """The same for every test; what a test does to live/ is undone."""
    live = built.project.root / "live"
    files = {path: path.read_bytes() for path in live.rglob("*") if path.is_file()}
    yield built
    for path in [path for path in live.rglob("*") if path.is_file() and path not in files]:
        path.unlink()
    for path, data in files.items():
        path.write_bytes(data)


def edit(kept: Kept, file: str, old: str, new: str) -> None:
    path = kept.project.root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_an_apply_writes_the_entry_and_the_next_run_is_free(kept: Kept) -> None:
    entry = kept.entry()
    assert (entry["format"], entry["unit"], entry["account"], entry["resources"]) == (1, "prod/kept", "main", 1)
    assert entry["lineage"] == kept.before["lineage"]
    assert [each["type"] for each in entry["protected"]] == ["terraform_data"]
    assert "users" not in json.dumps(entry), "no value of a resource"
    again = kept.project.orch("plan", "prod", "dev", "--json")
    assert again.json["notes"] == []
    assert {unit["status"] for unit in again.units().values()} == {"unchanged"}


def test_a_missing_entry_is_written_anew_by_an_apply_without_changes(kept: Kept) -> None:
    before = kept.entry()
    kept.s3.delete_object(Bucket=kept.bucket, Key="ledger/prod/kept/eu-west-1.json")
    kept.project.orch("apply", "prod", "dev", "--yes")
    assert {**kept.entry(), "time": ""} == {**before, "time": ""}


def test_an_entry_that_cannot_be_written_fails_the_unit_loudly_and_is_written_by_the_next_run(
    kept: Kept, emulator: Path
) -> None:
    edit(kept, "live/stages/dev.yaml", "  other:\n", "  other: {inputs: {value: changed}}\n")
    refused = Fault(rf"s3 PutObject {kept.account.id} /{kept.bucket}/ledger/dev/", status=403, code="AccessDenied")
    inject(emulator, "ledger", [refused])
    try:
        failed = kept.project.orch("apply", "dev", "--yes", "--json", code=1)
    finally:
        inject(emulator, "ledger", [])
    unit = failed.units()["dev/other"]
    assert unit["status"] == "failed"
    assert "write the ledger entry of dev/other" in unit["cause"]
    assert "orch apply dev/other tries again" in failed.err
    assert kept.object("dev/other/eu-west-1/terraform.tfstate")["serial"] > kept.entry("dev", "other")["serial"]
    again = kept.project.orch("apply", "dev", "--yes", "--json")
    assert again.units()["dev/other"]["status"] == "unchanged"
    assert kept.object("dev/other/eu-west-1/terraform.tfstate")["serial"] == kept.entry("dev", "other")["serial"]


FRAGILE = """\
resource "terraform_data" "base" {
  input = var.value
}
resource "terraform_data" "this" {
  input = var.value
  depends_on = [terraform_data.base]
  lifecycle {
    postcondition {
      condition     = self.id == ""
      error_message = "AWS said no."
    }
  }
}
"""


def test_what_a_failed_first_apply_made_is_known(tmp_path: Path, emulator: Path, account: Account) -> None:
    kept = Kept(tmp_path / "repo", emulator, account)
    for name in ("variables.tf", "outputs.tf"):
        kept.project.write(f"modules/fragile/{name}", (kept.project.root / f"modules/box/{name}").read_text())
    kept.project.write("modules/fragile/main.tf", FRAGILE)
    kept.project.write("live/stacks/fragile.yaml", "module: fragile\ninputs: {value: users}\n")
    stage = kept.project.write("live/stages/feat.yaml", "account: main\nstacks:\n  fragile:\n")
    failed = kept.project.orch("apply", "feat", "--yes", "--json", code=1)
    assert "postcondition failed" in failed.units()["feat/fragile"]["cause"]
    entry = kept.entry("feat", "fragile")
    assert "module.this.terraform_data.base" in {each["address"] for each in entry["protected"]}
    assert entry["serial"] == kept.object("feat/fragile/eu-west-1/terraform.tfstate")["serial"]
    stage.rename(stage.with_name("feature.yaml"))
    kept.s3.delete_object(Bucket=kept.bucket, Key="ledger/feat/fragile/eu-west-1.json")  # as if it had been killed
    found = kept.blocked("feature", verb="apply")
    assert "no ledger entry lists it" in found["ORCH_ORPHANED feat/fragile"]["cause"]
    assert "orch move feat feature" in found["ORCH_DUPLICATE feature/fragile"]["hint"]
    result = kept.project.orch("destroy", "--orphans", "feat", "--yes", "--json", code=3)
    assert {each["rule"] for each in result.units()["feat/fragile"]["findings"]} == {"ORCH_PROTECTED"}


STUCK = """\
resource "terraform_data" "base" {
  provisioner "local-exec" {
    when    = destroy
    command = "test -e ${path.module}/../../gone"
  }
}
resource "terraform_data" "this" {
  input      = var.value
  depends_on = [terraform_data.base]
}
"""


def test_what_orch_deleted_before_a_destroy_ended_is_not_missed(
    tmp_path: Path, emulator: Path, account: Account
) -> None:
    kept = Kept(tmp_path / "repo", emulator, account, apply=False)
    make_break_glass(account)
    for name in ("variables.tf", "outputs.tf"):
        kept.project.write(f"modules/stuck/{name}", (kept.project.root / f"modules/box/{name}").read_text())
    kept.project.write("modules/stuck/main.tf", STUCK)
    kept.project.write("live/stacks/stuck.yaml", "module: stuck\ninputs: {value: users}\n")
    kept.project.write("live/stages/feat.yaml", "account: main\nstacks:\n  stuck:\n")
    kept.project.allow("feat/stuck", address="terraform_data.base")
    kept.project.orch("apply", "feat", "--yes")
    before = kept.entry("feat", "stuck")
    for name in ("base", "this"):
        kept.project.allow("feat/stuck", rule="ORCH_PROTECTED", address=f"terraform_data.{name}")
    kept.project.orch("destroy", "feat", "--yes", "--json", code=1)
    assert [each["name"] for each in kept.object("feat/stuck/eu-west-1/terraform.tfstate")["resources"]] == ["base"]
    failed = kept.entry("feat", "stuck")
    assert [each["address"] for each in failed["protected"]] == ["module.this.terraform_data.base"]
    assert failed["released"] == []

    kept.project.write("policies/waivers.yaml", "[]\n")
    kept.project.allow("feat/stuck", address="terraform_data.base")
    # killed before it could write that entry: what it wrote before it began is there
    names = [f"module.this.terraform_data.{name}" for name in ("base", "this")]
    for entry in (failed, {**before, "released": names}):
        kept.s3.put_object(Bucket=kept.bucket, Key="ledger/feat/stuck/eu-west-1.json", Body=json.dumps(entry).encode())
        planned = kept.project.orch("plan", "feat/stuck", "--json")
        assert [each["rule"] for each in planned.units()["feat/stuck"]["findings"]] == ["ORCH_RUNS_CODE"]
    kept.s3.put_object(Bucket=kept.bucket, Key="ledger/feat/stuck/eu-west-1.json", Body=json.dumps(before).encode())
    planned = kept.project.orch("plan", "feat/stuck", "--json", code=3)
    assert "ORCH_VANISHED" in {each["rule"] for each in planned.units()["feat/stuck"]["findings"]}


def test_a_unit_that_vanished_stops_its_account(kept: Kept) -> None:
    edit(kept, "live/stages/prod.yaml", "  kept:\n", "  other:\n")
    found = kept.blocked("dev")
    finding = found["ORCH_ORPHANED prod/kept"]
    assert "terraform_data.this" in finding["message"]
    assert finding["address"] == "prod/kept/eu-west-1/terraform.tfstate"
    assert found["units"] == {"prod/kept": "blocked", "dev/other": "skipped"}
    kept.blocked("dev", verb="apply")


def test_a_stage_file_that_vanished_stops_its_account(kept: Kept) -> None:
    (kept.project.root / "live/stages/prod.yaml").unlink()
    assert "ORCH_ORPHANED prod/kept" in kept.blocked("dev")


@pytest.mark.parametrize("what", ["stage", "stack", "region"])
def test_what_was_renamed_is_an_orphan_and_a_twin(kept: Kept, what: str) -> None:
    live = kept.project.root / "live"
    if what == "stage":
        (live / "stages/prod.yaml").rename(live / "stages/production.yaml")
        target, new = "production", "production/kept"
    elif what == "stack":
        (live / "stacks/kept.yaml").rename(live / "stacks/users.yaml")
        edit(kept, "live/stages/prod.yaml", "kept", "users")
        target, new = "prod", "prod/users"
    else:
        edit(kept, "live/accounts/main.yaml", "[eu-west-1]", "[eu-west-1, us-east-1]")
        edit(kept, "live/stages/prod.yaml", "account: main", "account: main\nregion: us-east-1")
        target, new = "prod", "prod/kept"
    found = kept.blocked(target)
    assert f"ORCH_DUPLICATE {new}" in found
    old = "prod/kept@eu-west-1" if what == "region" else "prod/kept"
    assert f"ORCH_ORPHANED {old}" in found
    assert found["units"] == {old: "blocked", new: "blocked"}
    ways = {"stage": "orch move prod production", "stack": "orch move prod/kept prod/users"}
    assert ways.get(what, "restore prod/kept@eu-west-1 in live/") in found[f"ORCH_DUPLICATE {new}"]["hint"]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("live/accounts/main.yaml", 'id: "', 'id: "9'),
        ("live/orch.yaml", "-tfstate", "-states"),
        ("live/orch.yaml", "name: t\n", "name: u\n"),
    ],
    ids=["account id", "bucket", "catalogue name"],
)
def test_an_account_that_is_looked_for_elsewhere_is_stopped_before_anything_is_asked_of_aws(
    kept: Kept, file: str, old: str, new: str
) -> None:
    if "9" in new:
        first = "1" if kept.account.id.startswith("9") else "9"
        new, old = f'id: "{first}{kept.account.id[1:]}"', f'id: "{kept.account.id}"'
    edit(kept, file, old, new)
    found = kept.blocked("prod")
    finding = found["ORCH_DUPLICATE account:main"]
    assert LOCK in finding["cause"]
    assert file in finding["cause"]
    assert found["units"] == {"account:main": "blocked", "prod/kept": "skipped"}
    result = kept.project.orch("bootstrap", "main", "--yes", code=3)
    assert LOCK in result.err


def test_another_bucket_is_found_without_the_record(kept: Kept) -> None:
    (kept.project.root / LOCK).unlink()
    edit(kept, "live/orch.yaml", "-tfstate", "-states")
    kept.project.orch("bootstrap", "main", "--yes")
    finding = kept.blocked("prod")["ORCH_DUPLICATE prod/kept"]
    assert kept.bucket in finding["cause"]


def test_an_account_file_that_vanished_stops_everything(kept: Kept) -> None:
    """The record knows its bucket, and the bucket's ledger what is in it."""
    live = kept.project.root / "live"
    (live / "accounts/main.yaml").unlink()
    for stage in ("prod", "dev"):
        (live / f"stages/{stage}.yaml").unlink()
    kept.project.write("live/accounts/next.yaml", 'id: "111122223333"\naccess: open\n')
    kept.project.write("live/stages/test.yaml", "account: next\nstacks:\n  other:\n")
    kept.project.orch("bootstrap", "next", "--yes")
    found = kept.blocked("test")
    assert "ORCH_ORPHANED prod/kept" in found
    assert found["units"]["test/other"] == "skipped"


def test_a_state_that_was_lost_is_not_built_again(kept: Kept) -> None:
    key = "prod/kept/eu-west-1/terraform.tfstate"
    text = json.dumps(kept.state())
    kept.s3.delete_object(Bucket=kept.bucket, Key=key)
    try:
        result = kept.project.orch("plan", "prod", "--json", code=3)
        (finding,) = result.units()["prod/kept"]["findings"]
        assert (finding["rule"], finding["unit"]) == ("ORCH_DUPLICATE", "prod/kept")
        assert "is gone" in finding["message"]
    finally:
        kept.s3.put_object(Bucket=kept.bucket, Key=key, Body=text.encode())


def test_doctor_says_whether_the_accounts_are_recorded(kept: Kept, account_ids: Callable[[], str]) -> None:
    def row() -> dict[str, Any]:
        rows = kept.project.orch("doctor", "--json", code=None).json["rows"]
        return next(each for each in rows if each["what"] == "accounts lock")

    assert row()["state"] == "ok"
    (kept.project.root / LOCK).unlink()
    assert (row()["state"], "orch bootstrap main" in row()["detail"]) == ("note", True)


def test_what_is_left_is_not_destroyed_while_it_is_protected(kept: Kept) -> None:
    (kept.project.root / "live/stages/prod.yaml").unlink()
    result = kept.project.orch("destroy", "--orphans", "prod", "--yes", "--json", code=3)
    unit = result.units()["prod/kept"]
    assert unit["status"] == "blocked"
    assert [each["rule"] for each in unit["findings"]] == ["ORCH_PROTECTED"]
    assert kept.state() == kept.before
    result = kept.project.orch("destroy", "--orphans", "nowhere", "--yes", code=2)
    assert "orphaned units: prod/kept" in result.err


def test_what_is_left_of_a_stage_is_destroyed_from_its_states(tmp_path: Path, emulator: Path, account: Account) -> None:
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account.id})
    stage = project.write("live/stages/feat.yaml", "account: main\nstacks:\n  first:\n  second:\n")
    project.write("live/stages/dev.yaml", "account: main\nstacks:\n  first:\n")
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: here}\n")
    project.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.id }}'}\n")
    project.ready()
    project.orch("apply", "feat", "dev", "--yes")
    stage.unlink()
    (project.root / "live/stacks/second.yaml").unlink()

    planned = project.orch("plan", "dev", "--json", "--detailed-exitcode")
    assert sum("orch destroy --orphans feat" in note for note in planned.json["notes"]) == 2, "told, and not blocked"

    declined = project.orch("destroy", "feat", "--orphans", code=2)
    assert "--yes" in declined.err
    done = project.orch("destroy", "feat", "--orphans", "--yes", "--json")
    assert {name: unit["status"] for name, unit in done.units().items()} == {
        "feat/second": "destroyed",
        "feat/first": "destroyed",
    }
    assert list(done.units()) == ["feat/second", "feat/first"], "downstreams first"
    s3 = account.client("s3")
    for stack in ("first", "second"):
        bucket = f"t-{account.id}-tfstate"
        with s3.get_object(Bucket=bucket, Key=f"feat/{stack}/eu-west-1/terraform.tfstate")["Body"] as body:
            assert json.loads(body.read())["resources"] == []
        with s3.get_object(Bucket=bucket, Key=f"ledger/feat/{stack}/eu-west-1.json")["Body"] as body:
            assert json.loads(body.read())["resources"] == 0
        with s3.get_object(Bucket=bucket, Key=f"outputs/feat/{stack}/eu-west-1.json")["Body"] as body:
            published = json.loads(body.read())
        assert (published["applied"], published["outputs"]) == (False, {})
    assert project.orch("plan", "dev", "--json").json["notes"] == []
    project.orch("destroy", "feat", "--orphans", "--yes", code=2)


def test_the_way_out_that_is_named_leads_out(tmp_path: Path, emulator: Path, account: Account) -> None:
    kept = Kept(tmp_path / "repo", emulator, account)
    (kept.project.root / "live/stages/prod.yaml").rename(kept.project.root / "live/stages/production.yaml")
    found = kept.blocked("production")
    assert "`orch move prod production`" in found["ORCH_DUPLICATE production/kept"]["hint"]
    kept.project.orch("move", "prod", "production", "--yes")
    after = kept.project.orch("plan", "production", "dev", "--json")
    assert {name: unit["status"] for name, unit in after.units().items()} == {
        "production/kept": "unchanged",
        "dev/other": "unchanged",
    }
    assert after.json["notes"] == []
    assert kept.entry()["resources"] == 0
    assert kept.entry("production")["lineage"] == kept.before["lineage"]
