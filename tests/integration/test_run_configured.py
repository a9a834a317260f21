"""What ``live/orch.yaml`` and stacks configure: states with a prefix and a key, values of a run, retries, any provider."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.faults import Fault
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.mirrors import find_mirrors
from tests.support.emulator import admin_client
from tests.support.faults import inject
from tests.support.probe import ADDRESS, lock_entry_of, write_package
from tests.support.project import Project
from tests.support.records import newest_record, told

pytestmark = pytest.mark.integration

AWS = "registry.terraform.io/hashicorp/aws"
SECRET = "a-token-that-nobody-may-see"
WATCH = """\
terraform {
  required_providers {
    probe = {
      source                = "test/probe"
      configuration_aliases = [probe.two]
    }
  }
}
resource "probe_thing" "one" {
  name  = "one"
  value = "1"
}
resource "probe_thing" "two" {
  provider = probe.two
  name     = "two"
  value    = "2"
}
"""
PACKED = """\
variable "code" {
  type = string
}
resource "terraform_data" "this" {
  input = filebase64sha256(var.code)
}
"""
WATCHED = """\
module: watch
secrets: {token: "ssm:/probe/token"}
providers:
  probe: {arguments: {endpoint: "https://${{ stage }}.example.com", labels: {team: "core ${x}"}}}
  probe.two:
    arguments:
      endpoint: ${{ box.value.url }}
      token: Bearer ${{ secrets.token }}
      auth: [{user: "${{ name }}"}, {user: "${{ box.value.user }}"}]
"""


def in_orch_file(project: Project, old: str, new: str) -> None:
    path = project.root / "live/orch.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_states_values_and_retries_are_as_live_says(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str]
) -> None:
    id_ = account_ids()
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": id_})
    in_orch_file(project, "tfstate\n", "tfstate\n  prefix: team/${{ name }}\n  kms_key: alias/states\n")
    in_orch_file(project, "format: 1\n", "format: 1\nrun: {image: {}}\n")
    project.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: }\n")
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: 'app:${{ run.image }}'}\n")
    project.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.value }}!'}\n")
    missing = project.orch("bootstrap", "main", "--yes", code=2)
    assert "the KMS key alias/states of the state bucket does not exist" in missing.text
    kms, s3 = (
        admin_client(emulator, project.accounts["main"], "kms"),
        admin_client(emulator, project.accounts["main"], "s3"),
    )
    kms.create_alias(AliasName="alias/states", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    project.ready()
    bucket = f"t-{id_}-tfstate"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    assert default == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": f"arn:aws:kms:eu-west-1:{id_}:alias/states"}
    assert {"Key": "account", "Value": "main"} in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert 'prefix: "team/t/"' in (project.root / "live/accounts.lock.yaml").read_text()

    unset = project.orch("plan", "prod", code=2)
    assert "live/stacks/first.yaml:2:17: run.image has no value in this run" in unset.text

    # Terraform's backend gives up after five attempts; and orch tries init twice, without and with providers; then again. An apply is not tried again.
    reading = Fault(rf"^s3 HeadObject {id_} \S*/prod/first/[^/]+/terraform\.tfstate ", times=10, status=503)
    locking = Fault(
        rf"^s3 PutObject {id_} \S*/prod/second/[^/]+/terraform\.tfstate\.tflock ", status=503, code="SlowDown"
    )
    inject(emulator, id_, [reading, locking])
    failed = project.orch("apply", "prod", "--yes", "--json", "--set", "image=v2", "-j", "1", code=1)
    inject(emulator, id_, [])
    assert {name: unit["status"] for name, unit in failed.units().items()} == {
        "prod/first": "applied",
        "prod/second": "failed",
    }
    run = max((project.root / ".orch/runs").glob("*-*"))
    events = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    assert events[0]["values"] == ['image="v2"']
    assert {(each["unit"], each["command"]) for each in events if each["event"] == "retried"} == {
        ("prod/first", "init")
    }
    assert [each["unit"] for each in events if each["event"] == "apply-started"] == ["prod/first", "prod/second"]
    assert json.loads((run / "receipts/prod/first/eu-west-1.json").read_text())["values"] == {"image": "v2"}
    assert 'Values of this run: image="v2"' in " ".join(failed.json["notes"])

    resumed = project.orch("apply", "--resume", run.name, "--json").units()
    assert resumed["prod/second"]["status"] == "applied"
    assert told(newest_record(project)) == ("apply", "done", 2, 0)
    assert project.orch("output", "prod/second", "value", "--raw").out.strip() == "app:v2!"
    again = project.orch("apply", "prod", "--yes", "--json", "--set", "image=v2").units()
    assert {unit["status"] for unit in again.values()} == {"unchanged"}
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert all(key.startswith("team/t/") for key in keys)
    assert {"team/t/ledger/prod/first/eu-west-1.json", "team/t/prod/first/eu-west-1/terraform.tfstate"} <= set(keys)
    assert any(key.startswith("team/t/receipts/prod/first/") for key in keys)
    (verified,) = project.orch("verify", "main", "--json").json["accounts"]
    assert (verified["gaps"], verified["states"]) == (0, 2)
    assert f"s3://{bucket}/team/t/prod/first/" in project.orch("show", "prod/first").text
    assert_builds(project, tmp_path)


def assert_builds(project: Project, tmp_path: Path) -> None:
    """A folder is built before the plan, once for the same inputs; a failure shows what the program said."""
    script = tmp_path / "build.sh"
    script.write_text(f'echo run >> "{tmp_path}/builds"\ntr a-z A-Z < main.txt > out/main.txt || exit 3\n')
    project.write("modules/packed/main.tf", PACKED)
    project.write("services/code/main.txt", "hello\n")
    project.write("services/code/out/.keep", "")
    build = f'{{run: [sh, "{script}"], output: out, inputs: [main.txt, out/.keep]}}'
    text = f"module: packed\narchives: {{code: {{folder: services/code, build: {build}}}}}\n"
    project.write("live/stacks/packed.yaml", text)
    project.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: , packed: }\n")
    applied = project.orch("apply", "prod/packed", "--yes", "--json").units()
    assert applied["prod/packed"]["status"] == "applied"
    assert project.orch("plan", "prod/packed", "--json").units()["prod/packed"]["status"] == "unchanged"
    assert (tmp_path / "builds").read_text() == "run\n"
    (result,) = (project.root / ".orch/builds").glob("*.zip")
    with zipfile.ZipFile(result) as found:
        assert found.read("main.txt") == b"HELLO\n"
    project.write("services/code/main.txt", "goodbye\n")
    assert project.orch("plan", "prod/packed", "--json").units()["prod/packed"]["status"] == "planned"
    script.write_text("echo the reason >&2; exit 3\n")
    project.write("services/code/main.txt", "again\n")
    failed = project.orch("plan", "prod/packed", "--json", code=1).units()["prod/packed"]
    assert "failed with exit code 3" in failed["cause"]
    assert "the reason" in failed["error"]


@pytest.fixture
def with_probe(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    """A project whose mirror has the test provider beside the real one of AWS."""
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    (real,) = [each for each in find_mirrors(os.environ) if (each / AWS).is_dir()][:1]
    (tmp_path / "mirror" / AWS).parent.mkdir(parents=True)
    (tmp_path / "mirror" / AWS).symlink_to(real / AWS)
    checksum = write_package(tmp_path / "mirror" / ADDRESS / "1.0.0" / this_platform())
    lock = project.root / "live/providers.lock.hcl"
    lock.write_text(lock.read_text() + "\n" + lock_entry_of(checksum))
    in_orch_file(project, "providers:\n", 'providers:\n  probe: {source: test/probe, version: "1.0.0"}\n')
    in_orch_file(
        project, "format: 1\n", "format: 1\nenvironment: [PROBE_CALLS, PROBE_FAULTS, PROBE_CONFIGS, PROBE_PROTOCOL]\n"
    )
    program = tmp_path / "bin/terraform"
    program.parent.mkdir()
    # A provider in Python makes no certificates for the connection to Terraform.
    program.write_text(f'#!/bin/sh\nTF_DISABLE_PLUGIN_TLS=1 exec {shutil.which("terraform")} "$@"\n')
    program.chmod(0o755)
    project.write("modules/watch/main.tf", WATCH)
    project.write("live/stacks/box.yaml", "module: box\ninputs: {value: {url: 'https://up', user: me}}\n")
    project.write("live/stacks/watch.yaml", WATCHED)
    project.write("live/stages/prod.yaml", "account: main\nstacks: {box: , watch: }\n")
    return project.ready()


@pytest.mark.full
def test_a_provider_is_configured_in_two_instances_with_values_references_and_a_secret(
    with_probe: Project, emulator: Path, tmp_path: Path
) -> None:
    project = with_probe
    admin_client(emulator, project.accounts["main"], "ssm").put_parameter(
        Name="/probe/token", Value=SECRET, Type="SecureString"
    )
    env: dict[str, Any] = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "ORCH_PROVIDER_MIRROR": str(tmp_path / "mirror"),
        "PROBE_CALLS": str(tmp_path / "calls"),
        "PROBE_FAULTS": str(tmp_path / "faults"),
        "PROBE_CONFIGS": str(tmp_path / "configs"),
        "PROBE_PROTOCOL": "5",
    }
    first = project.orch("plan", "prod", "--json", **env).units()
    assert first["prod/watch"]["status"] == "planned", "the plan of box says what the arguments will be"
    applied = project.orch("apply", "prod", "--yes", "--json", **env)
    assert {unit["status"] for unit in applied.units().values()} == {"applied"}
    assert applied.units()["prod/watch"]["providers"] == "warm", applied.err
    found = [json.loads(line) for line in (tmp_path / "configs").read_text().splitlines()]
    one: dict[str, Any] = {
        "endpoint": "https://prod.example.com",
        "token": None,
        "labels": {"team": "core ${x}"},
        "auth": [],
    }
    two = {
        "endpoint": "https://up",
        "token": f"Bearer {SECRET}",
        "labels": None,
        "auth": [{"user": "t"}, {"user": "me"}],
    }
    assert one in found
    assert two in found
    assert all(each in (one, two) for each in found)
    cold = project.orch("plan", "prod/watch", "--json", "--cold", **env).units()
    assert cold["prod/watch"]["status"] == "unchanged"
    for path in (project.root / ".orch").rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in applied.text + project.orch("show", "prod/watch").text
    # A new value of the upstream is known only after its apply: a provider cannot start with it.
    project.write("live/stacks/box.yaml", "module: box\ninputs: {value: {url: 'https://new', user: '${{ stage }}'}}\n")
    again = project.orch("apply", "prod", "--yes", "--json", **env).units()
    assert again["prod/watch"]["status"] == "unchanged"
