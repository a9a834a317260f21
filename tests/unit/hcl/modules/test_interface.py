"""What `read_module` says of a folder, and which folders belong to a module."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import CatalogueError, Location
from orchestrator.hcl.modules.interface import ModuleCall, Output, RequiredProvider, Variable
from orchestrator.hcl.modules.read import local_closure, read_module

Write = Callable[[str, str], Path]
REPOSITORY = Path(__file__).parents[4]

MAIN = """\
terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = "~> 5.0"
      configuration_aliases = [aws.edge, aws.dns]
    }
    random = "~> 3.0"
    datadog = { source = "datadog/datadog" }
  }
}

variable "plain" {}

variable "pool" {
  description = "What for."
  type = object({
    arn = string # of the pool
  })
  default   = null
  sensitive = true
  ephemeral = true
  nullable  = false
}

locals {
  one = var.plain
  two = "${local.one}-${local.three}"
}

locals {
  three = { for k in var.pool.arn : k => local.two }
  none  = 1
}

resource "aws_sqs_queue" "this" {
  name = local.two

  provisioner "local-exec" {
    command = "true"
  }
}

resource "google_thing" "this" {
  provider = google-beta.eu
}

resource "terraform_data" "this" {}

ephemeral "tls_key" "this" {}

data "external" "who" {
  program = ["whoami"]
}

check "alive" {
  data "http" "this" {
    url = "https://example.com"
  }
}

module "inner" {
  source  = "../inner"
  version = "1.0"
}

output "arn" {
  description = "The queue's ARN."
  value       = aws_sqs_queue.this.arn
  sensitive   = true
}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return put


def problems(call: Callable[[], object]) -> list[str]:
    with pytest.raises(CatalogueError) as error:
        call()
    return [str(problem) for problem in error.value.problems]


def test_everything_that_a_module_shows(tmp_path: Path, write: Write) -> None:
    folder = write("modules/a/main.tf", MAIN).parent
    found = read_module(folder, root=tmp_path)
    file = "modules/a/main.tf"
    assert found.path == folder
    assert found.variables == {
        "plain": Variable("plain", "any", False, False, False, True, "", Location(file, 14, 1)),
        "pool": Variable(
            "pool", "object({ arn = string })", True, True, True, False, "What for.", Location(file, 16, 1)
        ),
    }
    assert found.outputs == {"arn": Output("arn", True, False, "The queue's ARN.", Location(file, 68, 1))}
    assert found.required_providers == {
        "aws": RequiredProvider("aws", "hashicorp/aws", "~> 5.0"),
        "random": RequiredProvider("random", "hashicorp/random", "~> 3.0"),
        "datadog": RequiredProvider("datadog", "datadog/datadog", None),
    }
    assert found.aliases == ("aws.dns", "aws.edge")
    assert found.calls == {"inner": ModuleCall("inner", "../inner", "1.0", Location(file, 63, 1))}
    assert found.providers == {"aws", "random", "datadog", "google-beta", "tls", "external", "http"}
    assert found.locals == {
        "one": {"plain"},
        "two": {"plain", "pool"},
        "three": {"plain", "pool"},
        "none": frozenset(),
    }


def test_json_syntax_says_the_same(tmp_path: Path, write: Write) -> None:
    write(
        "m/main.tf.json",
        '{"terraform": [{"required_providers": {"aws": {"source": "hashicorp/aws", "configuration_aliases": ["aws.edge"]}}}],\n'
        '"variable": {"x": {"type": "map(string)", "sensitive": "true"}},\n'
        '"locals": {"l": "${var.x}"},\n'
        '"resource": {"aws_x": {"y": {"provider": "other.z", "provisioner": {"file": {}}}}}}',
    )
    found = read_module(tmp_path / "m", root=tmp_path)
    assert found.variables["x"].type == "map(string)"
    assert found.variables["x"].sensitive
    assert found.variables["x"].at.line == 2
    assert found.aliases == ("aws.edge",)
    assert found.providers == {"aws", "other"}
    assert found.locals == {"l": {"x"}}


def test_override_files_change_what_is_there(tmp_path: Path, write: Write) -> None:
    write(
        "m/main.tf", 'variable "x" {\n  type = string\n}\nmodule "i" {\n  source = "./a"\n}\nlocals {\n  l = var.x\n}\n'
    )
    write(
        "m/a_override.tf",
        'variable "x" {\n  default = "1"\n}\nmodule "i" {\n  source = "./b"\n}\nlocals {\n  l = 1\n}\n',
    )
    found = read_module(tmp_path / "m", root=tmp_path)
    assert (found.variables["x"].type, found.variables["x"].has_default) == ("string", True)
    assert found.variables["x"].at == Location("m/main.tf", 1, 1)
    assert found.calls["i"].source == "./b"
    assert found.locals == {"l": frozenset()}


def test_files_that_editors_leave_are_not_read(tmp_path: Path, write: Write) -> None:
    write("m/main.tf", 'variable "x" {}\n')
    for name in (".main.tf", "main.tf~", "#main.tf#", "main.tf.bak", "terraform.tfvars"):
        write(f"m/{name}", "not HCL {")
    assert list(read_module(tmp_path / "m", root=tmp_path).variables) == ["x"]


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path, write: Write) -> None:
    write("m/a.tf", 'variable "x" {\n  type = strng\n}\nvariable "y" {\n  sensitive = var.x\n}\nvariable "y" {}\n')
    write(
        "m/b.tf",
        'module "i" {\n  source = "./${1}"\n}\nresource "x" {\n}\nlocals {\n  l = 1\n}\nlocals {\n  l = 2\n}\n',
    )
    assert problems(lambda: read_module(tmp_path / "m", root=tmp_path)) == [
        "m/a.tf:2:3: variable 'x': 'strng' is not a type, did you mean string?",
        "m/a.tf:5:3: variable 'y': sensitive must be true or false",
        "m/a.tf:7:1: variable 'y' is declared twice: here and at m/a.tf:4:1",
        "m/b.tf:1:1: module 'i': the source is missing or is not constant text",
        "m/b.tf:4:1: a resource block needs a type and a name",
        "m/b.tf:10:3: local value 'l' is declared twice",
    ]


def test_files_that_cannot_be_read_are_told_all(tmp_path: Path, write: Write) -> None:
    write("m/a.tf", 'variable "x" {\n')
    write("m/b.tf.json", "{\n,")
    (tmp_path / "m/c.tf").write_bytes(b"\xff\xfe")
    (tmp_path / "m/d.tf").write_bytes(b"a = 1\0")
    write("m/e.tofu", "")
    found = problems(lambda: read_module(tmp_path / "m", root=tmp_path))
    assert [line.split(": ")[0] for line in found] == ["m/a.tf:2:1", "m/b.tf.json:2:1", "m/c.tf", "m/d.tf", "m/e.tofu"]


def test_a_folder_that_is_no_module(tmp_path: Path) -> None:
    assert problems(lambda: read_module(tmp_path / "m", root=tmp_path)) == ["m: the module folder does not exist"]
    (tmp_path / "m").mkdir()
    (empty,) = problems(lambda: read_module(tmp_path / "m", root=tmp_path))
    assert empty == (
        "m: the module has no .tf file — the folder is empty; if it is a git submodule: git submodule update --init"
    )


def calls(*sources: str) -> str:
    return "".join(f'module "m{number}" {{\n  source = "{source}"\n}}\n' for number, source in enumerate(sources))


def test_the_closure_has_every_local_module_once(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf", calls("../b", "./inner", "hashicorp/x/aws", "git::https://example.com/x"))
    write("modules/a/inner/main.tf", calls("../../c"))
    write("modules/b/main.tf", calls("../c/"))
    write("modules/c/main.tf", 'resource "aws_x" "y" {}\n')
    found = local_closure(tmp_path / "modules/b/../a", tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "modules/a",
        "modules/a/inner",
        "modules/b",
        "modules/c",
    ]


@pytest.mark.parametrize("source", ["../../../elsewhere", "/etc", "file:///etc", "~/x", "./link"])
def test_a_module_outside_of_the_repository_is_an_error(tmp_path: Path, write: Write, source: str) -> None:
    write("elsewhere/main.tf", "")
    write("repo/modules/a/main.tf", "\n" + calls(source))
    (tmp_path / "repo/modules/a/link").symlink_to(tmp_path / "elsewhere")
    found = problems(lambda: local_closure(tmp_path / "repo/modules/a", tmp_path / "repo"))
    assert len(found) == 1
    assert found[0].startswith(f"modules/a/main.tf:2:1: module 'm0': the source {source!r} is outside the repository")


@pytest.mark.parametrize(
    ("source", "meaning"),
    [
        ("../..", "the repository itself"),
        ("../../terraform.d", "where Terraform looks for providers"),
        ("../../terraform.d/plugins", "where Terraform looks for providers"),
        ("../../.terraform", "a hidden folder"),
    ],
)
def test_what_has_a_meaning_in_a_root_is_no_module(tmp_path: Path, write: Write, source: str, meaning: str) -> None:
    """An ``override.tf`` of the repository could move the state, a ``terraform.d`` bring a provider."""
    write("override.tf", 'terraform {\n  backend "local" {}\n}\n')
    for folder in ("terraform.d/plugins", ".terraform"):
        write(f"{folder}/main.tf", "")
    write("modules/a/main.tf", calls(source))
    (problem,) = problems(lambda: local_closure(tmp_path / "modules/a", tmp_path))
    assert problem == (
        f"modules/a/main.tf:1:1: module 'm0': the source {source!r} is {meaning}, which cannot be a module"
        " — move the module to a folder below modules/"
    )


def test_a_module_that_is_not_there(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf", calls("../b"))
    assert problems(lambda: local_closure(tmp_path / "modules/a", tmp_path)) == [
        "modules/a/main.tf:1:1: module 'm0': the folder modules/b does not exist — modules/ contains: a"
    ]


def test_a_module_that_calls_itself_is_shown_as_a_circle(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf", calls("../b"))
    write("modules/b/main.tf", calls("../a"))
    assert problems(lambda: local_closure(tmp_path / "modules/a", tmp_path)) == [
        "modules/b/main.tf:1:1: the module calls itself: modules/a → modules/b → modules/a"
    ]


def test_the_projects_own_modules_are_read() -> None:
    folders = sorted(path for path in (REPOSITORY / "modules").iterdir() if list(path.glob("*.tf")))
    for folder in folders:
        found = read_module(folder, root=REPOSITORY)
        assert found.variables
        assert all(variable.description for variable in found.variables.values()), folder.name


def test_a_hundred_modules_are_read_in_a_second(tmp_path: Path, write: Write) -> None:
    for number in range(8):
        write(f"m/part{number}.tf", _renamed(MAIN, number))
    start = time.process_time()
    for _ in range(100):
        read_module(tmp_path / "m", root=tmp_path)
    assert time.process_time() - start < 2.0  # takes 0.6 s: the rest is for slow machines


def _renamed(text: str, number: int) -> str:
    for name in ("plain", "pool", "this", "who", "alive", "inner", "arn"):
        text = text.replace(f'"{name}"', f'"{name}{number}"')
    for name in ("one", "two", "three", "none"):
        text = text.replace(f"  {name} ", f"  {name}{number} ")
    return text.replace("../inner", "./x")
