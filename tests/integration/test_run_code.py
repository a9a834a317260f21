"""Programs, providers and module sources that nobody listed: found after init, before anything is planned."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.project import Project

pytestmark = pytest.mark.integration


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {tool: , below: }\n")
    made.write("live/stacks/tool.yaml", f"module: tool\ninputs: {{value: a, run: 'touch {made.root}/it-ran'}}\n")
    made.write("live/stacks/below.yaml", "module: box\ninputs: {value: '${{ tool.id }}'}\n")
    return made.ready()


def plans(project: Project) -> list[Path]:
    return list(project.root.glob(".orch/runs/*/plans/**/*.tfplan"))


def test_a_provisioner_stops_the_unit_before_it_is_planned_and_a_waiver_lets_it_run(project: Project) -> None:
    result = project.orch("apply", "prod", "--yes", "--json", code=3)
    unit = result.units()["prod/tool"]
    assert unit["status"] == "blocked"
    (finding,) = unit["findings"]
    assert (finding["rule"], finding["address"]) == ("ORCH_RUNS_CODE", "terraform_data.this")
    assert (finding["where"]["file"], finding["where"]["line"]) == ("modules/tool/main.tf", 4)
    assert f"orch waive {finding['id']}" in finding["hint"]
    assert result.units()["prod/below"]["status"] == "skipped"
    assert plans(project) == []
    assert not (project.root / "it-ran").exists()
    shown = project.orch("plan", "prod/tool", code=3)
    assert "modules/tool/main.tf:4" in shown.text
    # With a waiver it runs, and every report says who allowed it.
    project.allow("prod/tool")
    applied = project.orch("apply", "prod", "--yes", "--json").units()["prod/tool"]
    assert applied["status"] == "applied"
    assert [(each["severity"], each["rule"]) for each in applied["findings"]] == [("waived", "ORCH_RUNS_CODE")]
    assert "reviewer" in applied["findings"][0]["waiver"]
    assert (project.root / "it-ran").exists()
    # The waiver is for this one resource of this one unit.
    project.write(
        "modules/tool/more.tf",
        'resource "terraform_data" "m" {\n  provisioner "local-exec" {\n    command = "true"\n  }\n}\n',
    )
    again = project.orch("plan", "prod/tool", "--json", code=3).units()["prod/tool"]
    assert {each["address"].rpartition(".")[2]: each["severity"] for each in again["findings"]} == {
        "this": "waived",
        "m": "block",
    }


def test_an_external_data_source_is_found_and_its_program_does_not_run(project: Project) -> None:
    ran = project.root / "external-ran"
    project.write(
        "modules/box/main.tf",
        'data "external" "e" {\n'
        f'  program = ["sh", "-c", "touch {ran}; echo {{}}"]\n}}\n'
        'resource "terraform_data" "this" {\n  input = var.value\n}\n',
    )
    project.write("live/stages/prod.yaml", "account: main\nstacks: {below: }\n")
    project.write("live/stacks/below.yaml", "module: box\n")
    unit = project.orch("plan", "prod", "--json", code=3).units()["prod/below"]
    assert {each["rule"]: each["address"] for each in unit["findings"]} == {
        "ORCH_RUNS_CODE": "data.external.e",
        "ORCH_UNTRUSTED_SOURCE": "registry.terraform.io/hashicorp/external",
    }
    assert not ran.exists()
    log = project.root / unit["log"]
    assert not log.exists() or "terraform plan" not in log.read_text()
    # Neither does `orch terraform`, whose console can plan.
    project.orch("terraform", "prod/below", "--", "console", "-plan", code=3)
    assert not ran.exists()


def test_a_fetched_module_is_looked_at_and_one_from_elsewhere_is_not_taken(project: Project) -> None:
    origin = project.root.parent / "net"
    origin.mkdir()
    (origin / "main.tf").write_text(
        'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n    command = "touch it-ran"\n  }\n}\n'
    )
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "net")):
        subprocess.run(["git", "-C", str(origin), *who, *words], check=True, capture_output=True)
    insteadof = project.root.parent / "gitconfig"
    insteadof.write_text(f'[url "{origin.as_uri()}"]\n  insteadOf = https://git.example.com/net.git\n')
    project.write("live/stages/prod.yaml", "account: main\nstacks: {below: }\n")
    project.write("live/stacks/below.yaml", "module: box\n")
    box = (project.root / "modules/box/main.tf").read_text()
    call = 'module "net" {\n  source = "git::https://git.example.com/net.git"\n}\n'
    project.write("modules/box/main.tf", box + call)
    unit = project.orch("plan", "prod", "--json", code=3, GIT_CONFIG_GLOBAL=str(insteadof)).units()["prod/below"]
    assert [(each["rule"], each["address"]) for each in unit["findings"]] == [
        ("ORCH_UNTRUSTED_SOURCE", "git::https://git.example.com/net.git")
    ]
    assert unit["findings"][0]["where"]["file"] == "modules/box/main.tf"
    # Listed, it is fetched; and what is in it is found.
    orch = (project.root / "live/orch.yaml").read_text()
    project.write("live/orch.yaml", orch + 'module_sources: ["git::https://git.example.com/net.git"]\n')
    unit = project.orch("plan", "prod", "--json", code=3, GIT_CONFIG_GLOBAL=str(insteadof)).units()["prod/below"]
    (finding,) = unit["findings"]
    assert (finding["rule"], finding["address"]) == ("ORCH_RUNS_CODE", "module.net.terraform_data.x")
    assert finding["where"]["file"].endswith("modules/this.net/main.tf")
    assert plans(project) == []


def test_modules_come_from_git_by_any_of_its_addresses_and_wrong_inputs_have_a_place(project: Project) -> None:
    """``git::file://`` and ``git@HOST:PATH`` with a version, by the real init; and what Terraform says of an input."""
    bare = project.root.parent / "acme/box.git"
    work = project.root / "modules/box"
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "box"), ("tag", "v1")):
        subprocess.run(["git", "-C", str(work), *who, *words], check=True, capture_output=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True, capture_output=True)
    shutil.rmtree(work)
    insteadof = project.root.parent / "gitconfig"
    insteadof.write_text(f'[url "{bare.parent.parent.as_uri()}/"]\n  insteadOf = ssh://git@git.example.com/\n')
    file, ssh = f"git::{bare.as_uri()}", "git@git.example.com:acme/box.git"
    orch = (project.root / "live/orch.yaml").read_text()
    project.write("live/orch.yaml", orch + f'module_sources: ["{file}?ref=v1", "{ssh}?ref=v1"]\n')
    project.write("live/stages/prod.yaml", "account: main\nstacks: {one: , none: , two: }\n")
    project.write("live/stacks/none.yaml", f"module: {file}\nversion: v1\n")
    project.write("live/stacks/one.yaml", f"module: {file}\nversion: v1\ninputs: {{value: 1}}\n")
    value = "{one: '${{ one.value }}', none: '${{ none.value }}'}"
    project.write("live/stacks/two.yaml", f"module: {ssh}\nversion: v1\ninputs: {{value: {value}}}\n")
    config = str(insteadof)
    applied = project.orch("apply", "prod", "--yes", "--json", GIT_CONFIG_GLOBAL=config).units()
    assert {unit["status"] for unit in applied.values()} == {"applied"}
    alone = project.orch("plan", "prod/two", "--json", GIT_CONFIG_GLOBAL=config).units()["prod/two"]
    assert alone["status"] == "unchanged", "what nobody but Terraform knows of the module is null as well"
    project.write("live/stacks/one.yaml", f"module: {file}\nversion: v1\ninputs:\n  value: 1\n  valeu: 2\n")
    cause = project.orch("plan", "prod/one", "--json", code=1, GIT_CONFIG_GLOBAL=config).units()["prod/one"]["cause"]
    assert cause == (
        'live/stacks/one.yaml:5:10: Unsupported argument: valeu: An argument named "valeu" is not expected here'
    )
    checked = project.orch("check", "prod/one", "--json", code=2, GIT_CONFIG_GLOBAL=config).json["rows"]
    assert [row["problem"] for row in checked if row["check"] == "roots"] == [cause]
