"""``orch diff REV``: this tree against a revision, without AWS; and ``orch list --why``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.project import Project

_GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
MODULE = """\
variable "value" {
  type    = any
  default = null
}
variable "secret" {
  type      = string
  default   = null
  sensitive = true
}
output "id" { value = 1 }
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "repo", emulator=None, accounts={"main": "123123123123"})
    project.write("modules/part/main.tf", MODULE)
    project.write("live/stages/prod.yaml", "account: main\nstacks: {one: , two: , gone: }\n")
    project.write("live/stacks/one.yaml", "module: part\ninputs: {value: {a: 1, b: [x]}, secret: hunter1}\n")
    project.write("live/stacks/two.yaml", 'module: part\ninputs: {value: "${{ one.id }}"}\n')
    project.write("live/stacks/gone.yaml", "module: box\n")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "one")):
        subprocess.run([*_GIT, *arguments], cwd=project.root, check=True)
    return project


def test_nothing_differs(project: Project) -> None:
    assert project.orch("diff", "main", "--detailed-exitcode").out == "0 units differ from main, 3 equal\n"
    assert project.orch("diff", "HEAD", "prod/one", "--json").json == {"format": 1, "kind": "diff", "rows": []}


def test_inputs_units_and_files(project: Project) -> None:
    project.write("live/stages/prod.yaml", "account: main\nstacks: {one: , two: , new: }\n")
    project.write("live/stacks/one.yaml", "module: part\ninputs: {value: {a: 2, b: [x]}, secret: hunter2}\n")
    project.write("live/stacks/new.yaml", "module: box\n")
    project.write("modules/part/main.tf", MODULE + "# more\n")
    found = project.orch("diff", "main", "--detailed-exitcode", code=2).out
    assert "hunter" not in found
    assert found == (
        "+ prod/new  new  # live/stages/prod.yaml:2:24\n"
        "~ prod/one\n"
        '    inputs.secret: "(sensitive)" -> "(sensitive)"  # live/stacks/one.yaml:2:41\n'
        '    inputs.value: {"a": 1, "b": ["x"]} -> {"a": 2, "b": ["x"]}  # live/stacks/one.yaml:2:17\n'
        "    file modules/part/main.tf\n"
        "~ prod/two\n"
        "    file modules/part/main.tf\n"
        "- prod/gone  removed  # live/stages/prod.yaml:2:24\n"
        "4 units differ from main, 0 equal\n"
    )
    rows = project.orch("diff", "main", "prod/gone", "prod/one", "--json").json["rows"]
    assert [(row["unit"], row["key"], row["change"]) for row in rows] == [
        ("prod/gone", "unit", "removed"),
        ("prod/one", "inputs.secret", "changed"),
        ("prod/one", "inputs.value", "changed"),
        ("prod/one", "file", "changed"),
    ]
    assert rows[2]["before"] == {"a": 1, "b": ["x"]}


def test_what_orch_gives_a_unit_is_compared_too(project: Project) -> None:
    project.write("live/stacks/gone.yaml", "module: made\narchives: {code: {folder: code, build: {run: [make]}}}\n")
    names = 'variable "names" {\n  type = object({ table = string })\n}\nvariable "code" {}\n'
    project.write("modules/made/main.tf", f'{names}resource "aws_sns_topic" "this" {{}}\n')
    project.write("code/main.c", "")
    for arguments in (("add", "-A"), ("commit", "-q", "-m", "two")):
        subprocess.run([*_GIT, *arguments], cwd=project.root, check=True)
    project.write("live/stages/prod.yaml", "account: main\nnamed: old\nstacks: {one: , two: , gone: }\n")
    build = "build: {run: [make, -s]}"
    project.write("live/stacks/gone.yaml", f"module: made\narchives: {{code: {{folder: code, {build}}}}}\n")
    orch = (project.root / "live/orch.yaml").read_text().replace('">=1.11,<2.0"', '">=1.11,<3.0"')
    project.write("live/orch.yaml", orch + "tags: {team: core}\n")
    lock = (project.root / "live/providers.lock.hcl").read_text()
    project.write("live/providers.lock.hcl", lock.replace('version     = "5.100.0"', 'version     = "5.99.0"'))
    found = project.orch("diff", "main", "--json").json["rows"]
    keys = {unit: [row["key"] for row in found if row["unit"] == unit] for unit in ("prod/gone", "prod/one")}
    assert keys["prod/gone"] == ["terraform", "locked.aws", "tags.team", "archives.code.build.run", "inputs.names"]
    assert keys["prod/one"] == ["terraform"], "it uses no provider"
    names = next(row for row in found if row["key"] == "inputs.names")
    assert (names["before"]["table"], names["after"]["table"]) == ("t-prod-gone", "t-old-gone")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "unknown git revision 'nowhere'"),
        (("--output=x",), "No such option"),
        (("main", "prdo"), "no unit matches 'prdo'"),
    ],
)
def test_wrong_arguments(project: Project, arguments: tuple[str, ...], message: str) -> None:
    assert message in project.orch("diff", *arguments, code=2).err


def test_a_revision_that_is_not_valid(project: Project) -> None:
    project.write("live/stacks/two.yaml", "module: nowhere\n")
    subprocess.run([*_GIT, "commit", "-qam", "two"], cwd=project.root, check=True)
    project.write("live/stacks/two.yaml", "module: part\n")
    error = project.orch("diff", "HEAD", code=2).err
    assert "the configuration of HEAD is not valid: live/stacks/two.yaml:1:9: modules/nowhere does not exist" in error


def test_why_units_are_selected(project: Project) -> None:
    project.write("live/stacks/one.yaml", "module: part\n")
    rows = project.orch("list", "--changed", "main+", "--why", "--json").json["rows"]
    assert [(row["unit"], row["why"]) for row in rows] == [
        ("prod/one", ["live/stacks/one.yaml"]),
        ("prod/two", ["downstream of prod/one"]),
    ]
    rows = project.orch("list", "prod/one+", "prod/gone", "--why", "--json").json["rows"]
    assert {row["unit"]: row["why"] for row in rows} == {
        "prod/one": ["target prod/one+"],
        "prod/two": ["downstream of prod/one"],
        "prod/gone": ["target prod/gone"],
    }


def test_upstreams_outside_of_the_selection_are_named(project: Project) -> None:
    assert project.orch("graph", "prod/two").out == "prod/two  (main eu-west-1)  (also after prod/one)\n"
    (unit,) = project.orch("graph", "prod/two", "--json").json["units"]
    assert (unit["upstreams"], unit["outside"]) == ([], ["prod/one"])
