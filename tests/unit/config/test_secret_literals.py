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
    project.write("modules/vault/package.zip", "x")
    (project.root / "modules/vault/package.zip").write_bytes(b"PK\x03\x04\xff\xfe")
    found = {str(each.where): each for each in credentials_in_files(load(project.root))}
    assert sorted(found) == [
        "live/accounts/production.yaml:3",
        "live/stacks/vault.yaml:2",
        "modules/vault/files/config.json:2",
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


def test_this_repository_has_neither() -> None:
    catalogue = load(Path(__file__).parents[3])
    assert list(credentials_in_files(catalogue)) == []
    assert list(literal_secrets(catalogue, catalogue.units.values())) == []
