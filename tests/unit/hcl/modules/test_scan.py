"""What `reads_outside_module` finds, and what it lets pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.hcl.modules.scan import reads_outside_module

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return put


def scan(tmp_path: Path, *names: str) -> list[str]:
    return [str(problem) for problem in reads_outside_module([tmp_path / name for name in names], tmp_path)]


HOSTILE = {
    "absolute": 'file("/etc/passwd")',
    "home": 'filebase64("~/.aws/credentials")',
    "climbing": 'file("../../../secret")',
    "out of the module": 'file("${path.module}/../../live/orch.yaml")',
    "sibling folder": 'file("${path.module}-other/x")',
    "out of the root": 'filesha256("${path.root}/../../x")',
    "out of the working folder": 'filemd5("${path.cwd}/../x")',
    "in parentheses": 'file(("/etc/passwd"))',
    "namespaced": 'core::file("/etc/passwd")',
    "one branch": 'file(true ? "${path.module}/a" : "/etc/passwd")',
    "put together": 'file(join("", ["/etc", "/passwd"]))',
    "formatted": 'file(format("%s/../../x", path.module))',
    "after an unknown": 'file("${data.x.y.z}/../../x")',
    "by a local value": "file(local.secret)",
    "by a default": "file(var.preset)",
    "pattern": 'fileset(path.module, "../../**")',
    "template": 'templatefile("/etc/passwd", {})',
    "nested": 'jsonencode({ a = [base64encode(file("/etc/passwd"))] })',
    "in a template": '"x ${upper(file("/etc/passwd"))}"',
    "in a heredoc": '<<-EOT\n  ${file("/etc/passwd")}\n  EOT',
    "in a loop": '[for f in ["/etc/passwd"] : file(f)]',
    "in an index": '{ a = 1 }[file("/etc/passwd")]',
    "escaped differently": 'file("\\u002fetc/passwd")',
    "too many": 'file("' + "${true ? 1 : 2}" * 12 + '")',
}
BASE = 'variable "preset" {\n  default = "/etc/passwd"\n}\nlocals {\n  secret = "/etc/passwd"\n}\n'


@pytest.mark.parametrize("expression", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_read_outside_is_found(tmp_path: Path, write: Write, expression: str) -> None:
    write("modules/a/main.tf", f'{BASE}output "x" {{\n  value = {expression}\n}}\n')
    found = scan(tmp_path, "modules/a")
    assert len(found) >= 1
    assert all(line.startswith(("modules/a/main.tf:8:", "modules/a/main.tf:9:")) for line in found)


HARMLESS = [
    'file("${path.module}/policy.json")',
    'file("${path.module}/x/../policy.json")',
    'file("${path.module}/../b/shared.json")',
    'file("policy.json")',
    "file(var.archive)",
    'file("${path.module}/${var.name}.json")',
    'join("/", ["", "etc"])',
    '<<-EOT\n  $${file("/etc/passwd")}\n  EOT',
    'file(join("/", [path.module, "x"]))',
    '[for f in fileset(path.module, "x/*.json") : file("${path.module}/${f}")]',
    "file(local.loop)",
]


@pytest.mark.parametrize("expression", HARMLESS)
def test_a_read_inside_passes(tmp_path: Path, write: Write, expression: str) -> None:
    text = (
        'variable "archive" {}\nvariable "name" {}\nlocals {\n  loop = local.loop\n}\noutput "x" {\n  value = %s\n}\n'
    )
    write("modules/a/main.tf", text % expression)
    write("modules/b/main.tf", "")
    assert scan(tmp_path, "modules/a", "modules/b") == []


def test_the_place_is_that_of_the_call(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf", 'locals {\n  x = [\n    1,\n    file("/etc/passwd"),\n  ]\n}\n')
    assert scan(tmp_path, "modules/a") == [
        'modules/a/main.tf:4:5: file(…) leads out of the module: /etc/passwd — move the file into the module and write "${path.module}/…"'
    ]


def test_a_module_that_is_not_copied_is_outside(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf", 'locals {\n  x = file("${path.module}/../b/shared.json")\n}\n')
    assert len(scan(tmp_path, "modules/a")) == 1


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ('resource "aws_lambda_function" "x" {\n  filename = "/tmp/x.zip"\n}', 1),
        ('resource "aws_s3_object" "x" {\n  source = "../../x"\n}', 1),
        ('data "archive_file" "x" {\n  source_dir = "/etc"\n  output_path = "/tmp/x.zip"\n}', 2),
        ('resource "x_y" "x" {\n  provisioner "file" {\n    source = "/etc/passwd"\n  }\n}', 1),
        ('resource "aws_lambda_function" "x" {\n  for_each = toset(["/etc/passwd"])\n  filename = each.value\n}', 1),
        ('resource "aws_s3_object_copy" "x" {\n  source = "/bucket/key"\n}', 0),
        ('resource "aws_iam_role" "x" {\n  path = "/service/"\n}', 0),
        ('module "b" {\n  source = "../b"\n}', 0),
        ('terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}', 0),
    ],
)
def test_attributes_that_name_files(tmp_path: Path, write: Write, body: str, count: int) -> None:
    write("modules/a/main.tf", body + "\n")
    write("modules/b/main.tf", "")
    assert len(scan(tmp_path, "modules/a", "modules/b")) == count


def test_what_one_module_passes_to_another_is_followed(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf", 'module "b" {\n  source = "../b"\n  policy = "/etc/passwd"\n}\n')
    write("modules/b/main.tf", 'variable "policy" {}\noutput "x" {\n  value = file(var.policy)\n}\n')
    assert [line.split(" ")[0] for line in scan(tmp_path, "modules/a", "modules/b")] == ["modules/b/main.tf:3:11:"]


def test_a_path_passed_by_its_owner_is_fine(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf", 'module "b" {\n  source = "../b"\n  policy = "${path.module}/p.json"\n}\n')
    write("modules/b/main.tf", 'variable "policy" {}\noutput "x" {\n  value = file(var.policy)\n}\n')
    assert scan(tmp_path, "modules/a", "modules/b") == []


def test_templates_are_looked_into(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf", 'locals {\n  x = templatefile("${path.module}/t.txt", {})\n}\n')
    write("modules/a/t.txt", 'hello\n%{ for x in y }${file("/etc/passwd")}%{ endfor }\n')
    write("modules/a/other.tftpl", '${file("~/x")}')
    assert [line.split(" ")[0] for line in scan(tmp_path, "modules/a")] == [
        "modules/a/other.tftpl:1:",
        "modules/a/t.txt:2:",
    ]


def test_json_syntax_is_looked_into(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf.json", '{\n  "output": {\n    "x": {"value": "${file(\\"/etc/passwd\\")}"}}}')
    assert [line.split(" ")[0] for line in scan(tmp_path, "modules/a")] == ["modules/a/main.tf.json:3:11:"]


def test_an_override_file_is_looked_into(tmp_path: Path, write: Write) -> None:
    write("modules/a/main.tf", "locals {\n  x = 1\n}\n")
    write("modules/a/x_override.tf", 'locals {\n  x = file("/etc/passwd")\n}\n')
    assert len(scan(tmp_path, "modules/a")) == 1


def test_a_link_out_of_the_repository_is_found(tmp_path: Path, write: Write) -> None:
    root = tmp_path / "repo"
    write("repo/modules/a/main.tf", "")
    write("secret", "x")
    (root / "modules/a/inner").symlink_to(root / "modules/a/main.tf")
    assert reads_outside_module([root / "modules/a"], root) == ()
    (root / "modules/a/policy.json").symlink_to(tmp_path / "secret")
    (root / "modules/a/.terraform").symlink_to(tmp_path)
    assert [str(each.where) for each in reads_outside_module([root / "modules/a"], root)] == ["modules/a/policy.json"]
