"""orch adopt: a state that a plain Terraform wrote becomes a unit's, and nothing is made, changed or lost by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.emulator.faults import Fault
from tests.support.emulator import Account
from tests.support.faults import inject
from tests.support.platform import place
from tests.support.project import Project
from tests.support.states import States
from tests.support.terraform import make_root, make_terraform

pytestmark = pytest.mark.integration

PLAIN = """\
resource "terraform_data" "this" {
  input = "one"
}
module "inner" {
  source = "./inner"
  count  = 2
}
output "former" { value = terraform_data.this.id }
"""
INNER = 'resource "terraform_data" "deep" {\n  for_each = toset(["a.b", "c"])\n  input    = each.key\n}\n'


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account: Account) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account.id})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {taken: }\n")
    made.write("live/stacks/taken.yaml", "module: plain\n")
    made.write("modules/plain/main.tf", PLAIN.replace("former", "id"))
    made.write("modules/plain/inner/main.tf", INNER)
    return made.ready()


def plain_state(folder: Path, main: str = PLAIN) -> Path:
    """What somebody has who never heard of orch."""
    terraform = make_terraform(folder.parent / "made")
    root = make_root(folder, {"main.tf": main, "inner/main.tf": INNER})
    terraform.init(root, timeout=60)
    terraform.plan(root, out=folder / "plan", timeout=60)
    terraform.apply(root, folder / "plan", timeout=60)
    return folder / "terraform.tfstate"


def test_a_state_in_a_file_and_in_a_bucket_is_taken_over_and_the_next_plan_is_empty(
    project: Project, tmp_path: Path, emulator: Path, account: Account
) -> None:
    file = plain_state(tmp_path / "plain")
    states = States(project)
    states.s3.put_object(Bucket=states.bucket, Key="elsewhere/terraform.tfstate", Body=file.read_bytes())
    before, everything = file.read_bytes(), states.snapshot()
    url = f"s3://{states.bucket}/elsewhere/terraform.tfstate"

    project.orch("adopt", "prod/taken", "--state", url, "--dry-run")
    assert states.snapshot() == everything, "a dry run writes nothing"

    # It fails after the state is written, and nobody may ever run the command again: the ledger knows where all is.
    refused_receipt = Fault(rf"s3 PutObject {account.id} /{states.bucket}/receipts/", status=403, code="AccessDenied")
    inject(emulator, f"adopt-{account.id}", [refused_receipt])
    try:
        failed = project.orch("adopt", "prod/taken", "--state", url, "--yes", code=1)
    finally:
        inject(emulator, f"adopt-{account.id}", [])
    assert "receipt" in failed.err
    assert states.resources("prod/taken") == 5
    states.assert_recorded("prod/taken")

    adopted = project.orch("adopt", "prod/taken", "--state", url, "--yes", "--json").units()
    assert adopted["prod/taken"]["status"] == "adopted"
    assert states.addresses("prod/taken") == [
        'module.this.module.inner[0].terraform_data.deep["a.b"]',
        'module.this.module.inner[0].terraform_data.deep["c"]',
        'module.this.module.inner[1].terraform_data.deep["a.b"]',
        'module.this.module.inner[1].terraform_data.deep["c"]',
        "module.this.terraform_data.this",
    ]
    assert states.get("elsewhere/terraform.tfstate") == before, "the source is as it was"
    assert list(states.json(states.key("prod/taken"))["outputs"]) == ["id"], "the outputs of its root are gone"
    assert states.json("ledger/prod/taken/eu-west-1.json")["resources"] == 5
    assert states.locks() == []
    project.orch("plan", "prod", "--detailed-exitcode", code=0)
    ids = {each["attributes"]["id"] for r in json.loads(before)["resources"] for each in r["instances"]}
    assert project.orch("output", "prod/taken", "id", "--raw").out in ids

    refused = project.orch("adopt", "prod/taken", "--state", str(file), "--yes", code=2)
    assert "already has a state" in refused.err


def test_what_another_unit_manages_is_refused_and_the_other_is_named(project: Project, tmp_path: Path) -> None:
    file = plain_state(tmp_path / "plain")
    project.write("live/stages/test.yaml", "account: main\nstacks: {taken: }\n")
    project.orch("adopt", "prod/taken", "--state", str(file), "--yes")
    before = States(project).snapshot()
    refused = project.orch("adopt", "test/taken", "--state", str(file), "--yes", code=2)
    assert "prod/taken manages " in refused.err
    bucket = States(project).bucket
    url = f"s3://{bucket}/prod/taken/eu-west-1/terraform.tfstate"
    assert "prod/taken manages " in project.orch("adopt", "test/taken", "--state", url, "--yes", code=2).err
    other = json.loads(file.read_bytes())  # the same objects in a state with another lineage
    copy = tmp_path / "copy.tfstate"
    copy.write_text(json.dumps({**other, "lineage": "0b5d1e0c-8a86-4d0e-93a5-2f4fd4d7b5f1"}))
    assert "prod/taken manages " in project.orch("adopt", "test/taken", "--state", str(copy), "--yes", code=2).err
    after = States(project).snapshot()
    assert {key: after[key] for key in before} == before


def test_what_would_be_replaced_or_made_is_refused_and_nothing_is_written(project: Project, tmp_path: Path) -> None:
    file = plain_state(tmp_path / "plain")
    project.write("modules/plain/more.tf", 'resource "terraform_data" "more" {}\n')
    project.write(
        "modules/plain/main.tf", PLAIN.replace("former", "id").replace('input = "one"', 'triggers_replace = "x"')
    )
    states = States(project)
    everything = states.snapshot()
    refused = project.orch("adopt", "prod/taken", "--state", str(file), "--yes", "--json", code=3).units()
    for part in ("create terraform_data.more", "replace terraform_data.this"):
        assert part in refused["prod/taken"]["cause"]
    assert states.snapshot() == everything


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere.tfstate", "cannot read nowhere.tfstate"),
        ("s3://{bucket}/nothing", "s3://{bucket}/nothing does not exist"),
        ("s3://no-such-bucket-{bucket}/x", "the bucket of s3://no-such-bucket-{bucket}/x does not exist"),
        ("https://example.com/x", "neither a file nor s3://BUCKET/KEY"),
        ("{other}", "uses the provider registry.terraform.io/hashicorp/null, which live/orch.yaml does not have"),
        ("{old}", "terraform state replace-provider"),
        ("{empty}", "has no resources"),
    ],
)
def test_what_cannot_be_taken_over_is_told(project: Project, tmp_path: Path, source: str, says: str) -> None:
    resource = {"mode": "managed", "type": "null_resource", "name": "x", "instances": [{"attributes": {"id": "1"}}]}
    head = {"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "l", "outputs": {}}
    names = {"bucket": States(project).bucket}
    for name, provider in (("other", "hashicorp/null"), ("old", "-/aws"), ("empty", None)):
        resources = [{**resource, "provider": f'provider["registry.terraform.io/{provider}"]'}] if provider else []
        path = tmp_path / f"{name}.tfstate"
        path.write_text(json.dumps({**head, "resources": resources}))
        names[name] = str(path)
    result = project.orch("adopt", "prod/taken", "--state", source.format(**names), "--yes", code=2)
    assert says.format(**names) in " ".join(result.err.split()), result.err


AWS = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
"""


@pytest.mark.full
def test_a_bucket_of_a_plain_terraform_is_taken_over_with_what_is_in_it(
    project: Project, tmp_path: Path, account: Account
) -> None:
    name = f"plain-{project.accounts['main']}"
    bucket = f'resource "aws_s3_bucket" "this" {{\n  bucket = "{name}"\n}}\n'
    folder = tmp_path / "plain"
    placed = place(account, folder, bucket)
    placed.plan()
    placed.apply()
    s3 = account.client("s3")
    s3.put_object(Bucket=name, Key="a", Body=b"kept")
    (project.root / "modules/plain/inner/main.tf").unlink()
    project.write("modules/plain/main.tf", AWS + bucket)
    file = str(placed.root.folder / "terraform.tfstate")
    shown = project.orch("adopt", "prod/taken", "--state", file, "--yes")
    assert "aws_s3_bucket.this" in shown.out, "its tags would change: they are listed"
    assert "the next `orch apply` makes them" in " ".join(shown.out.split())
    counts = project.orch("plan", "prod", "--json").units()["prod/taken"]["counts"]
    assert (counts["create"], counts["replace"], counts["delete"]) == (0, 0, 0)
    project.orch("apply", "prod", "--yes")
    project.orch("plan", "prod", "--detailed-exitcode", code=0)
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"kept"
