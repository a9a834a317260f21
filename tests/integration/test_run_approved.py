"""``orch plan --store`` and ``--out``, then ``orch apply --approved``: what was reviewed is applied, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.control import ensure_accounts
from orchestrator.emulator.info import read_info
from tests.support.emulator import ENTRY_ROLE, Account, client, entry_client, new_account_id
from tests.support.project import Project, Result
from tests.support.records import newest_record, told
from tests.support.session import state_bucket
from tests.support.stored_plans import StoredPlans

pytestmark = pytest.mark.integration

SECRET = "only-the-plan-knows-it"
MANY = """\
variable "names" {
  type = any
}
resource "terraform_data" "x" {
  for_each = toset(var.names)
}
"""

GROUP = """\
resource "aws_cloudwatch_log_group" "this" {
  name              = "/dr"
  retention_in_days = 30
}
output "name" {
  value = aws_cloudwatch_log_group.this.name
}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, emulator: Path) -> Project:
    """One account with a key, shared by the tests: each has a stage of its own."""
    id_ = new_account_id()
    made = Project(tmp_path_factory.mktemp("approved") / "repo", emulator=emulator, accounts={"main": id_})
    file = made.root / "live/orch.yaml"
    file.write_text(file.read_text().replace("tfstate\n", "tfstate\n  kms_key: alias/states\n"))
    made.write("live/stages/start.yaml", "account: main\nstacks: {alone: }\n")
    made.write("live/stacks/alone.yaml", "module: box\ninputs: {value: 'of ${{ stage }}'}\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: 'one of ${{ stage }}'}\n")
    made.write(
        "live/stacks/second.yaml",
        "module: box\ninputs: {value: 'after ${{ first.id }}', replace_on: '${{ first.id }}'}\n",
    )
    made.write("live/stacks/many.yaml", "module: many\ninputs: {names: ['${{ first.id }}']}\n")
    made.write("live/stacks/command.yaml", "module: tool\n")
    made.write("modules/many/main.tf", MANY)
    made.write(".gitignore", ".orch/\n")
    ensure_accounts(emulator, {"main": id_})
    kms = of_account(emulator, id_, "kms")
    kms.create_alias(AliasName="alias/states", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    made.git("init", "-q", "-b", "main")
    commit(made, "The platform")
    return made.ready()


@pytest.fixture
def restored(project: Project) -> Iterator[Project]:
    """The project; what a test changed is put back to how it was committed."""
    yield project
    project.git("checkout", "-q", "--", ".")


def of_account(emulator: Path, id_: str, service: str) -> Any:
    """A client that may do everything in an account."""
    info = read_info(emulator)
    assert info is not None
    arn = f"arn:aws:iam::{id_}:role/{ENTRY_ROLE}"
    return client(
        info, service, Account.enter(entry_client(info, "sts").assume_role(RoleArn=arn, RoleSessionName="test"))
    )


def commit(project: Project, message: str, *options: str) -> None:
    project.git("add", "-A")
    project.git("commit", "-q", "--allow-empty", "-m", message, *options)


def stage(project: Project, name: str, *stacks: str, applied: bool = False, **values: str) -> None:
    """Write a stage. ``values``: stack -> its inputs in this stage."""
    lines = [f"  {each}: {{inputs: {values[each]}}}\n" if each in values else f"  {each}:\n" for each in stacks]
    project.write(f"live/stages/{name}.yaml", "account: main\nstacks:\n" + "".join(lines))
    if applied:
        project.orch("apply", name, "--yes", "-q")


def plan(project: Project, target: str, *options: str, code: int = 0) -> Any:
    report = project.orch("plan", target, *(options or ("--store", "s3")), "--json", code=code).json
    assert set(report["stored"]["units"]) == {
        each["unit"] for each in report["units"] if each["status"] in {"planned", "unchanged", "after its upstreams"}
    }
    return report


def apply(project: Project, target: str, *options: str, code: int = 0) -> Result:
    return project.orch("apply", target, "--yes", "--json", *(options or ("--approved",)), code=code)


def statuses(result: Result) -> dict[str, str]:
    return {name.partition("/")[2]: unit["status"] for name, unit in result.units().items()}


def approvals(result: Result) -> dict[str, dict[str, Any]]:
    return {each["unit"].partition("/")[2]: each for each in result.json["approved"]["units"]}


def test_a_squash_and_another_checkout_apply_exactly_what_was_planned(restored: Project, tmp_path: Path) -> None:
    stage(restored, "sq", "first", "second", "alone")
    commit(restored, "Work in progress")
    planned = plan(restored, "sq")
    assert planned["stored"]["place"] == "s3"
    until = datetime.fromisoformat(planned["stored"]["expires"]) - datetime.now(UTC)
    assert timedelta(days=6) < until <= timedelta(days=7)
    assert "--approved" in " ".join(planned["notes"])
    # Another commit, an unrelated change, another folder, and none of the files of the run.
    restored.write("live/stages/else.yaml", "account: main\nstacks: {alone: }\n")
    commit(restored, "Squashed", "--amend")
    other = Project.at(tmp_path / "elsewhere", restored.accounts)
    shutil.copytree(restored.root, other.root, symlinks=True, ignore=shutil.ignore_patterns("runs", "units"))
    applied = apply(other, "sq")
    assert statuses(applied) == {"first": "applied", "second": "applied", "alone": "applied"}
    record = applied.json["approved"]
    assert record["place"] == "s3"
    found = approvals(applied)
    assert all(each["as_approved"] and each["run"] == planned["run"] for each in found.values())
    assert {name: each["how"] for name, each in found.items()} == {
        "first": "as approved",
        "second": "planned again, within the approved preview",
        "alone": "as approved",
    }
    runs = restored.root / ".orch" / "runs" / planned["run"], other.root / ".orch" / "runs" / applied.json["run"]
    for name in ("first", "alone"):
        receipts = [json.loads((run / f"receipts/sq/{name}/eu-west-1.json").read_text()) for run in runs]
        assert receipts[0]["plan_sha256"] == receipts[1]["plan_sha256"] == found[name]["plan"], "the very bytes"
    shown = other.orch("show", applied.json["run"]).out
    assert f"as planned in run {planned['run']}" in " ".join(shown.split())

    assert told(newest_record(other)) == ("apply", "done", 3, 0)
    again = apply(other, "sq")
    assert told(newest_record(other)) == ("apply", "nothing to do", 3, 0)
    assert set(statuses(again).values()) == {"unchanged"}
    assert all(each["as_approved"] and each["how"] == "no changes" for each in approvals(again).values())


def test_a_stale_plan_is_refused_and_says_why(restored: Project, emulator: Path) -> None:
    stage(restored, "st", "first", "alone", applied=True)
    stage(restored, "st", "first", "alone", first="{value: two}")
    run = plan(restored, "st")["run"]

    def refused(*says: str) -> None:
        result = apply(restored, "st", code=4)
        unit = result.units()["st/first"]
        assert unit["status"] == "no longer as approved"
        for text in (*says, "plan again: orch plan st/first --store s3"):
            assert text in unit["cause"], unit["cause"]
        (entry,) = (each for name, each in approvals(result).items() if name == "first")
        assert (entry["as_approved"], entry["how"], entry["cause"]) == (False, "not applied", unit["cause"])
        assert restored.orch("output", "st/first", "value", "--raw").out.strip() == "one of st"

    # A push in between.
    stage(restored, "st", "first", "alone", first="{value: three}")
    refused("its configuration changed after its plan was stored")
    stage(restored, "st", "first", "alone", first="{value: two}")
    # Other policies.
    protected = restored.root / "policies/protected.yaml"
    text = protected.read_text()
    protected.write_text(text + "# another comment\n")
    refused(f"from run {run}", "policies/ changed")
    protected.write_text(text)
    # Too old.
    old = (datetime.now(UTC) - timedelta(days=8)).isoformat(timespec="seconds")
    stored = StoredPlans(*state_bucket(emulator, restored), "st/first", restored.root.parent / "edited")
    stored.edit(stored.digests()[0], lambda record: replace(record, time=old))
    refused("it expired: it was planned 8 days ago")
    # The state.
    plan(restored, "st")
    stage(restored, "st", "first", "alone", first="{value: one of st, replace_on: x}")
    restored.orch("apply", "st", "--yes", "-q")
    stage(restored, "st", "first", "alone", first="{value: two}")
    refused("its state changed after it was planned: its serial was")
    # Nothing stored: and nothing of the stage is applied.
    stage(restored, "st", "first", "alone", "command", first="{value: two}")
    restored.allow("st/command")
    plan(restored, "st/first")
    missing = apply(restored, "st", code=4)
    assert statuses(missing) == {"first": "skipped", "alone": "unchanged", "command": "no longer as approved"}
    assert "no plan of it is stored in s3" in missing.units()["st/command"]["cause"]
    assert (
        "nothing of its stage is applied: st/command is no longer as approved" in missing.units()["st/first"]["cause"]
    )


def test_what_only_aws_changed_is_told_and_left_alone(restored: Project, emulator: Path) -> None:
    """A drifted unit is no part of a change: it neither stops it, nor is it applied without anybody's approval."""
    restored.write("modules/group/main.tf", GROUP)
    restored.write("live/stacks/logs.yaml", "module: group\n")
    restored.write("live/stacks/reads.yaml", "module: box\ninputs: {value: 'in ${{ logs.name }}'}\n")
    restored.write("live/stacks/other.yaml", "module: box\ninputs: {value: 'beside ${{ logs.name }}'}\n")
    stage(restored, "dr", "logs", "reads", "other", "alone", applied=True)
    logs = of_account(emulator, restored.accounts["main"], "logs")
    logs.put_retention_policy(logGroupName="/dr", retentionInDays=7)

    stage(
        restored,
        "dr",
        "logs",
        "reads",
        "other",
        "alone",
        reads="{value: 'now ${{ logs.name }}'}",
        alone="{value: sooner}",
    )
    for target in ("dr/reads", "dr/alone"):
        plan(restored, target)
    done = apply(restored, "dr")
    assert statuses(done) == {"logs": "changed outside", "reads": "applied", "other": "unchanged", "alone": "applied"}
    assert "1 change outside of Terraform" in done.units()["dr/logs"]["cause"]
    assert "dr/logs was changed outside of Terraform and stays as it is" in " ".join(done.json["notes"])
    assert retention(logs) == 7, "nobody approved to change it back"
    assert {name: (each["as_approved"], each["how"]) for name, each in approvals(done).items()} == {
        "logs": (False, "changed outside, left as it is"),
        "reads": (True, "as approved"),
        "other": (True, "no changes"),
        "alone": (True, "as approved"),
    }
    record = newest_record(restored)
    assert told(record) == ("apply", "done", 4, 0)
    shown = " ".join(restored.orch("show", record["run"]).out.split())
    assert "3 units as approved; dr/logs changed outside, left as it is" in shown
    assert apply(restored, "dr").json["outcome"] == "changed outside", "what is stored has been applied"

    # A merged change of the same unit is not drift: without an approved plan it stops the stage.
    restored.write("modules/group/main.tf", GROUP.replace("= 30", "= 60"))
    stage(restored, "dr", "logs", "reads", "other", "alone", alone="{value: later}")
    plan(restored, "dr/alone")
    refused = apply(restored, "dr", code=4)
    assert statuses(refused)["logs"] == "no longer as approved"
    assert statuses(refused)["alone"] == "skipped"
    restored.write("modules/group/main.tf", GROUP)


def retention(logs: Any) -> int:
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/dr")["logGroups"]
    return int(group["retentionInDays"])


def test_of_a_stage_with_a_blocked_unit_nothing_is_applied(restored: Project) -> None:
    stage(restored, "bl", "alone", "command")
    planned = plan(restored, "bl", code=3)
    assert planned["stored"]["units"] == ["bl/alone"]
    assert "stored in" not in restored.orch("plan", "bl/command", "--store", "s3", code=3).text
    refused = apply(restored, "bl", code=3)
    assert statuses(refused) == {"alone": "skipped", "command": "blocked"}
    assert "bl/command is blocked" in refused.units()["bl/alone"]["cause"]
    assert restored.orch("plan", "bl/alone", "--detailed-exitcode", code=2)


def test_a_downstream_is_applied_within_its_preview_and_stops_at_new_deletes(restored: Project) -> None:
    stage(restored, "ud", "first", "second", "many", applied=True)
    # `second` is previewed with its replacement; `many` cannot be previewed, and would lose what it has.
    stage(restored, "ud", "first", "second", "many", first="{value: one of ud, replace_on: again}")
    planned = plan(restored, "ud")
    assert {each["unit"]: each["status"] for each in planned["units"]}["ud/many"] == "after its upstreams"
    applied = apply(restored, "ud", code=4)
    assert statuses(applied) == {"first": "applied", "second": "applied", "many": "no longer as approved"}
    assert "was not previewed, and would" in applied.units()["ud/many"]["cause"]
    assert "delete" in applied.units()["ud/many"]["cause"]
    assert {name: each["as_approved"] for name, each in approvals(applied).items()} == {
        "first": True,
        "second": True,
        "many": False,
    }
    # The same again changes nothing more: what is done is done, and the rest is still not approved.
    again = apply(restored, "ud", code=4)
    assert statuses(again)["many"] == "no longer as approved"
    assert statuses(again)["first"] == "unchanged"


def test_plans_travel_as_files_that_only_the_key_opens(restored: Project, tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    stage(restored, "out", "first", "alone", first=f"{{value: {SECRET}}}")
    plan(restored, "out", "--out", str(folder))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(files) == 2
    for path in files:
        head, _, sealed = path.read_bytes().partition(b"\n")
        assert set(json.loads(head)) == {"format", "kind", "unit", "key", "nonce"}
        assert SECRET.encode() not in path.read_bytes()
        assert not sealed.startswith(b"\x1f\x8b")
    # The files of two units, swapped or changed: neither opens.
    first, alone = (next(path for path in files if f"/{name}/" in str(path)) for name in ("first", "alone"))
    kept = first.read_bytes()
    for damaged in (alone.read_bytes(), kept[:-1] + bytes([kept[-1] ^ 1])):
        first.write_bytes(damaged)
        refused = apply(restored, "out", "--approved", str(folder), code=3)
        assert statuses(refused) == {"first": "blocked", "alone": "skipped"}
    assert "was changed after it was stored" in refused.units()["out/first"]["cause"]
    first.write_bytes(kept)
    applied = apply(restored, "out", f"--approved={folder}")
    assert set(statuses(applied).values()) == {"applied"}
    assert applied.json["approved"]["place"] == str(folder)
    assert all(each["as_approved"] for each in approvals(applied).values())


def test_what_cannot_be_kept_or_found_is_refused(restored: Project, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "start").write_text("a file where a folder would have to be")
    failed = restored.orch("plan", "start", "--out", str(tmp_path / "full"), "--json", code=1)
    assert failed.units()["start/alone"]["cause"].startswith("planned, not stored: cannot write the plan")
    assert failed.json["stored"]["units"] == []
    file = restored.root / "live/orch.yaml"
    file.write_text(file.read_text().replace("  kms_key: alias/states\n", ""))
    refused = restored.orch("plan", "start", "--out", str(tmp_path / "plans"), code=2).err
    assert "account main has no KMS key" in refused
    assert "--store s3" in refused
    assert not (tmp_path / "plans").exists()
    for arguments, says in (
        (("plan", "start", "--store", "gcs"), "invalid value for --store"),
        (("plan", "start", "--store", "s3", "--out", "x"), "exclude each other"),
        (("plan", "start", "--store", "s3", "--no-refresh"), "--no-refresh makes plans that cannot be kept"),
        (("apply", "--approved", "start"), "targets come before the option"),
        (("apply", "start", "--approved", "--resume"), "--resume accepts only"),
        (("apply", "start/alone", "--approved", "--replace", "x"), "exclude each other"),
    ):
        assert says in restored.orch(*arguments, code=2).err
