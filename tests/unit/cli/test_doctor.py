"""What ``orch doctor`` says: all that a plan would fail on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.identity.denied import denied_role_hint
from orchestrator.aws.identity.roles import Role
from orchestrator.config.load import load
from orchestrator.terraform.setup.install import this_platform
from tests.support.probe import ADDRESS, lock_entry_of, write_package
from tests.support.project import Project

pytestmark = pytest.mark.usefixtures("no_aws")


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ORCH_AWS", "DASK_SCHEDULER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


def rows(project: Project, **env: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.orch("doctor", "--json", code=2, **env).json["rows"]
    return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "repo", emulator=None, accounts={"main": "123123123123"})
    project.write("live/stages/prod.yaml", "account: main\nstacks: {first: }\n")
    project.write("live/stacks/first.yaml", "module: box\n")
    return project


def test_every_problem_of_the_configuration_has_a_row(project: Project) -> None:
    project.write("live/stages/prod.yaml", "account: mian\nstacks: {frist: }\n")
    project.write("live/stacks/first.yaml", "module: bxo\n")
    project.write("live/stages/other.yaml", "account: main\nstacks: {first: }\n")
    found = [row["detail"] for row in rows(project) if row["what"] == "configuration"]
    assert [each.split(": ")[0] for each in found] == ["live/stacks/first.yaml:1:9", "live/stages/prod.yaml:1:10"]


def test_a_provider_that_is_listed_and_neither_locked_nor_there(project: Project) -> None:
    text = (project.root / "live/orch.yaml").read_text()
    more = 'providers:\n  gone: {source: acme/gone, version: "1.2.3"}\n  lost: {source: acme/lost, version: "1.0.0"}\n'
    project.write("live/orch.yaml", text.replace("providers:\n", more))
    lock = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.100.0"\n}\n'
    project.write("live/providers.lock.hcl", lock)
    mirror = project.root / "mirror"
    (mirror / "registry.terraform.io/acme/gone/0.9.0/linux_amd64").mkdir(parents=True)
    (mirror / "registry.terraform.io/acme/lost/0.9.0/linux_amd64").mkdir(parents=True)
    found = rows(project, ORCH_PROVIDER_MIRROR=str(mirror))
    for name in ("gone", "lost"):
        details = [row["detail"] for row in found if row["what"] == f"provider {name}" and row["state"] == "error"]
        assert "is not available: the mirror has 0.9.0 of it" in details[0]
        assert details[1].endswith("not in live/providers.lock.hcl: run `orch providers lock`")


def test_a_lock_that_is_not_of_what_is_listed_or_of_what_is_there(project: Project) -> None:
    """Init would fail: it takes the version and the checksums of the lock file, and both must suit."""
    text = (project.root / "live/orch.yaml").read_text()
    project.write(
        "live/orch.yaml",
        text.replace('aws: "5.100.0"', 'aws: "~> 6.0"\n  probe: {source: test/probe, version: "1.0.0"}'),
    )
    mirror = project.root / "mirror"
    checksum = write_package(mirror / ADDRESS / "1.0.0" / this_platform())
    lock = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.100.0"\n}\n'
    changed = f"h1:{'A' * 43}="
    for locked, said in ((checksum, None), (changed, "not the one in live/providers.lock.hcl")):
        project.write("live/providers.lock.hcl", lock + lock_entry_of(locked))
        found = rows(project, ORCH_PROVIDER_MIRROR=str(mirror), TF_DISABLE_PLUGIN_TLS="1")
        wrong = {row["what"]: row["detail"] for row in found if row["state"] == "error"}
        aws = [row["detail"] for row in found if row["what"] == "provider aws" and row["state"] == "error"]
        version = "live/providers.lock.hcl has hashicorp/aws 5.100.0, and live/orch.yaml wants ~> 6.0"
        assert f"{version}: run `orch providers lock`" in aws
        assert ("provider probe" in wrong) == (said is not None), found
        assert said is None or said in wrong["provider probe"]


def test_the_settings_of_a_cluster_are_a_note(project: Project) -> None:
    found = rows(project, DASK_SCHEDULER_ADDRESS="tls://s.example.com:8786", DASK_CONFIG=str(project.root))
    dask = [row for row in found if row["what"] == "dask"]
    assert [row["state"] for row in dask] == ["note"] * 4
    assert "distributed.comm.tls.ca-file is not set" in dask[0]["detail"]
    (unused,) = (row for row in rows(project, DASK_CONFIG=str(project.root)) if row["what"] == "dask")
    assert (unused["state"], "not set up for --executor dask" in unused["detail"]) == ("note", True)


def test_a_role_that_cannot_be_assumed(project: Project) -> None:
    account = load(project.root).accounts["main"]
    wrong = "or the account id is wrong: is it 123123123123 (live/accounts/main.yaml)?"
    assert denied_role_hint(account, Role.PLAN, baseline=True) == (
        f"`orch bootstrap main` creates the role and its trust policy; {wrong}"
    )
    without = denied_role_hint(account, Role.PLAN, baseline=False)
    assert without.startswith("live/accounts/main.yaml has no stack `baseline`, so nothing creates the roles ")
    assert "add `baseline:` under `stacks:`" in without
    assert without.endswith(wrong)
    assert denied_role_hint(account, Role.BOOTSTRAP, baseline=True).endswith(wrong)
