"""Secrets in ``live/``: masked where inputs are shown, and told with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.config.secret_literals import credentials_in_files, literal_secrets
from tests.support.project import Project

TOKEN = "gh" + "p_" + "aB3dE5fG7hJ9kL2mN4pQ6rS8tU1vW0xYzAbC"
MODULE = """\
variable "password" {
  type      = string
  sensitive = true
  default   = null
}
variable "login" {
  type      = object({ user = string, password = string, port = number, on = bool })
  sensitive = true
  default   = null
}
variable "later" {
  type      = string
  ephemeral = true
  default   = null
}
variable "many" {
  type      = list(string)
  sensitive = true
  default   = []
}
variable "each" {
  type      = map(string)
  sensitive = true
  default   = {}
}
variable "open" {
  type    = any
  default = null
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"production": "111111111111"})
    made.write("modules/vault/main.tf", MODULE)
    made.write("live/stages/prod.yaml", "account: production\nstacks: {box: , vault: }\n")
    made.write("live/stacks/box.yaml", "module: box\ninputs: {value: one}\n")
    return made


def told(project: Project) -> list[str]:
    catalogue = load(project.root)
    return [f"{each.where} {each.what}" for each in literal_secrets(catalogue, catalogue.units.values())]


def stack(project: Project, inputs: str) -> None:
    project.write("live/stacks/vault.yaml", f"module: vault\ninputs: {{{inputs}}}\n")


@pytest.mark.parametrize(
    ("inputs", "number"),
    [
        ("password: hunter2", 1),
        ("password: '${{ name }}-${{ stage }}'", 1),
        ("later: hunter2", 1),
        ("login: {user: a, password: b, port: 1, on: true}", 1),
        ("login: {user: a, password: b, port: 1, on: true}, password: x", 2),
        ("password: '${{ box.value }}'", 0),
        ("password: 'x-${{ box.value }}'", 0),
        ("login: {user: admin, password: '${{ box.value }}', port: 5432, on: true}", 0),
        ("login: {user: '${{ box.value }}', password: hunter2, port: 5432, on: true}", 1),
        ("many: ['${{ box.value }}', hunter2]", 1),
        ("each: {one: '${{ box.value }}', two: hunter2}", 1),
        ("password: ''", 0),
        ("password: null", 0),
        ("open: hunter2", 0),
    ],
)
def test_a_literal_in_a_sensitive_variable_is_told_once_at_its_place(
    project: Project, inputs: str, number: int
) -> None:
    stack(project, inputs)
    project.write("live/stages/test.yaml", "account: production\nstacks: {box: , vault: }\n")
    found = told(project)
    assert len(found) == number, found
    assert all(each.startswith("live/stacks/vault.yaml:2:") for each in found)


def test_a_credential_is_found_wherever_it_stands(project: Project) -> None:
    stack(project, f"open: {{deep: [{TOKEN}]}}")
    project.write("modules/vault/files/config.json", f'{{\n  "token": "{TOKEN}"\n}}\n')
    project.write("live/accounts/production.yaml", f'id: "111111111111"\naccess: open\n# {TOKEN}\n')
    project.write("services/api/settings.py", f"# the mail server\nTOKEN = '{TOKEN}'\n")
    project.write("services/api/node_modules/jwt/test.js", f"const token = '{TOKEN}'\n")
    project.write("live/stacks/box.yaml", "module: box\narchives: {value: services/api}\n")
    project.write("modules/vault/package.zip", "x")
    (project.root / "modules/vault/package.zip").write_bytes(b"PK\x03\x04\xff\xfe")
    found = {str(each.where): each for each in credentials_in_files(load(project.root))}
    assert sorted(found) == [
        "live/accounts/production.yaml:3",
        "live/stacks/vault.yaml:2",
        "modules/vault/files/config.json:2",
        "services/api/settings.py:2",
    ]
    for each in found.values():
        assert each.what == "this looks like a token of GitHub"
        assert "`secrets:`" in (each.hint or "")
        assert TOKEN not in str(each)


def test_show_masks_literals_of_sensitive_variables_and_credentials(project: Project) -> None:
    inputs = (
        "password: hunter2, later: hunter3, login: {user: hunter4, password: '${{ box.value }}', port: 55, on: true}"
    )
    stack(project, f"{inputs}, open: {{plain: shown, token: {TOKEN}}}")
    as_json = project.orch("show", "prod/vault", "--json")
    values = {row["input"]: row["value"] for row in as_json.json["inputs"]}
    assert values == {
        "password": "(sensitive)",
        "later": "(sensitive)",
        "login": {"user": "(sensitive)", "password": "${{ prod/box.value }}", "port": "(sensitive)", "on": True},
        "open": {"plain": "shown", "token": "(sensitive)"},
    }
    for text in (as_json.out, project.orch("show", "prod/vault").out):
        for secret in ("hunter2", "hunter3", "hunter4", TOKEN):
            assert secret not in text


PROBE = """\
variable "value" { default = null }
terraform {
  required_providers {
    probe = { source = "test/probe" }
  }
}
"""


def test_show_and_diff_mask_the_arguments_of_providers(project: Project) -> None:
    orch = (project.root / "live/orch.yaml").read_text()
    project.write(
        "live/orch.yaml", orch.replace("providers:\n", "providers:\n  probe: {source: test/probe, version: '1'}\n")
    )
    project.write("modules/vault/main.tf", PROBE)

    def configured(suffix: str) -> None:
        arguments = f"{{host: up{suffix}, headers: {{extra: '{TOKEN}{suffix}'}}, token: 'hunter2{suffix}-${{{{ box.value }}}}'}}"
        project.write("live/stacks/vault.yaml", f"module: vault\nproviders: {{probe: {{arguments: {arguments}}}}}\n")

    configured("")
    commit(project)
    configured("x")
    as_json = project.orch("show", "prod/vault", "--json")
    assert as_json.json["providers"] == {
        "probe": {"host": "upx", "headers": {"extra": "(sensitive)"}, "token": "(sensitive)${{ prod/box.value }}"}
    }
    diff = project.orch("diff", "HEAD", "prod/vault", "--json")
    assert {row["key"] for row in diff.json["rows"]} == {
        "providers.probe.host",
        "providers.probe.headers",
        "providers.probe.token",
    }
    for text in (as_json.out, project.orch("show", "prod/vault").out, diff.out, project.orch("diff", "HEAD").out):
        assert "hunter2" not in text
        assert TOKEN not in text


def test_show_masks_what_a_build_is_given(project: Project) -> None:
    project.write("services/api/main.py", "")
    build = f"{{run: [sh, build.sh, '{TOKEN}'], inputs: ['*.py']}}"
    project.write(
        "live/stacks/box.yaml", f"module: box\narchives: {{value: {{folder: services/api, build: {build}}}}}\n"
    )
    project.write("live/stacks/vault.yaml", "module: vault\n")
    for arguments in (("--json",), ()):
        shown = project.orch("show", "prod/box", *arguments).out
        assert TOKEN not in shown
        assert "built with sh build.sh" in shown


REMOTE = "module: git::https://git.example.com/vault.git\nversion: v1\n"


def test_variables_of_a_module_that_is_elsewhere_count_by_their_names(project: Project) -> None:
    """And by the copy that Terraform downloaded, if it is there."""
    inputs = "inputs: {pin: 4711, admin_password: hunter2, deep: {api_key: hunter3, size: 1}, token: shown}\n"
    project.write("live/stacks/vault.yaml", REMOTE + inputs)
    assert values(project) == {
        "pin": 4711,
        "admin_password": "(sensitive)",
        "deep": {"api_key": "(sensitive)", "size": 1},
        "token": "(sensitive)",
    }
    assert [each.partition(" ")[2] for each in told(project)] == [
        "the sensitive variable 'admin_password' is set to a literal",
        "the sensitive variable 'deep.api_key' is set to a literal",
        "the sensitive variable 'token' is set to a literal",
    ]
    commit(project)
    data = ".orch/units/prod/vault/eu-west-1/.terraform/modules"
    project.write(f"{data}/this/main.tf", 'variable "pin" { sensitive = true }\nvariable "token" {}\n')
    listed = '{"Modules": [{"Key": "this", "Source": "git::x", "Dir": ".terraform/modules/this"}]}'
    project.write(f"{data}/modules.json", listed)
    assert values(project) == {
        "pin": "(sensitive)",
        "admin_password": "(sensitive)",
        "deep": {"api_key": "(sensitive)", "size": 1},
        "token": "shown",
    }
    project.write("live/stacks/vault.yaml", (REMOTE + inputs).replace("4711", "4712"))
    rows = project.orch("diff", "HEAD", "--json").json["rows"]
    assert [(row["key"], row["before"], row["after"]) for row in rows] == [("inputs.pin", "(sensitive)", "(sensitive)")]


def test_check_warns_and_still_passes(project: Project) -> None:
    stack(project, f"password: hunter2, open: {TOKEN}")
    project.orch("schema")
    rows = project.orch("check", "--fast", "--json").json["rows"]
    notes = {row["subject"]: row["note"] for row in rows if row["check"] == "secrets"}
    assert list(notes) == ["live/stacks/vault.yaml:2", "live/stacks/vault.yaml:2:20"]
    assert notes["live/stacks/vault.yaml:2"].startswith("this looks like a token of GitHub — replace the credential")
    assert notes["live/stacks/vault.yaml:2:20"].startswith("the sensitive variable 'password' is set to a literal — ")
    assert all("`secrets:` in the stack" in each for each in notes.values())
    stack(project, "open: shown")
    (quiet,) = (row for row in project.orch("check", "--fast", "--json").json["rows"] if row["check"] == "secrets")
    assert (quiet["note"], quiet["problem"]) == ("", "")


def values(project: Project) -> dict[str, object]:
    return {row["input"]: row["value"] for row in project.orch("show", "prod/vault", "--json").json["inputs"]}


def commit(project: Project) -> None:
    project.write(".gitignore", ".orch/\n")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "one")):
        project.git(*arguments)


def test_this_repository_has_neither() -> None:
    catalogue = load(Path(__file__).parents[3])
    assert list(credentials_in_files(catalogue)) == []
    assert list(literal_secrets(catalogue, catalogue.units.values())) == []
