"""Files that a configuration reads while it is planned: those of the unit, and nothing that nobody can tell."""

from __future__ import annotations

import base64
import json

import pytest

from tests.support.scanned import Scan, reads

HIDDEN = base64.b64encode(b"/proc/self/environ").decode()
INPUTS = {"name": "x", "path": "/etc/passwd", "deep": {"a": ["../../../secret", 1]}, "zip": "archives/zip.zip"}
BASE = """
variable "name" {}
variable "path" {}
variable "deep" {}
variable "zip" {}
variable "unset" {
  default = "y"
}
"""
CALLED = """
locals {
  inputs = jsondecode(file("${path.module}/inputs.json"))
}
module "this" {
  source = "./modules/m"
  name   = local.inputs["name"]
  path   = join("", ["${path.module}", local.inputs["path"]])
  deep   = local.inputs["deep"]
  zip    = local.inputs["zip"]
}
"""


@pytest.mark.parametrize(
    "expression",
    [
        f'file(base64decode("{HIDDEN}"))',
        f'core::file(base64decode("{HIDDEN}"))',
        f'templatefile(textdecodebase64("{HIDDEN}", "UTF-8"), {{}})',
        'fileset(base64decode("Lw=="), "*")',
        'filebase64("${path.module}/${urlencode("x")}")',
        'file(strrev("nwonknu"))',
        'file(replace("xetc", "/x/", "/"))',
        'file(chomp("${path.module}/x"))',
        'file("${path.module}/${aws_ssm_parameter.x.value}")',
        "file(data.aws_ssm_parameter.x.value)",
        "file(ephemeral.aws_ssm_parameter.x.value)",
        "file(local.computed)",
        "[for x in [1] : file(aws_sqs_queue.q.url)]",
        "file(dirname(path.cwd))",
        'file("${dirname(dirname(dirname(path.module)))}/x")',
        'file(yamldecode(file("${path.module}/x.yaml")).path)',
        "file(var.deep.a[0])",
        "file(var.deep.a[count.index])",
        'file(provider::aws::trim_iam_role_path("x"))',
        'file("%{ for x in [1] }/proc/self/environ%{ endfor }")',
        'file("%{ if true }/proc/self/environ%{ endif }")',
        'templatefile("${path.module}/hidden.txt", {})',
        'templatefile("${path.module}/given.txt", { p = base64decode("eA==") })',
        'templatefile("${path.module}/given.txt", { p = "/proc/self/environ" })',
        "templatestring(local.template, {})",
        "templatestring(local.encoded, {})",
        'templatestring(local.given, { p = "/proc/self/environ" })',
        "templatestring(data.aws_ssm_parameter.x.value, {})",
        '[for o in { first = { path = "x", body = base64decode("eA==") } } : file(o.body)]',
        '[for o in concat([{ path = base64decode("eA==") }], []) : file(o.path)]',
        'file({ a = base64decode("eA==") }["a"])',
    ],
)
def test_a_file_whose_name_nobody_can_tell_is_not_read(scan: Scan, expression: str) -> None:
    templates = {
        "modules/m/hidden.txt": f'${{file(base64decode("{HIDDEN}"))}}',
        "modules/m/given.txt": "${file(p)}",
        "modules/m/locals.tf": f"""locals {{
  template = "$${{file(base64decode(\\"{HIDDEN}\\"))}}"
  encoded  = base64decode("JHtmaWxlKCIvcHJvYy9zZWxmL2Vudmlyb24iKX0=")
  given    = "$${{file(p)}}"
}}
""",
    }
    text = f'{BASE}locals {{\n  computed = md5("x") == "y" ? jsonencode({{}}) : "x"\n}}\nresource "aws_sqs_queue" "q" {{\n}}\noutput "x" {{\n  value = {expression}\n}}\n'
    rendered = {"main.tf": CALLED, "inputs.json": json.dumps(INPUTS)}
    assert reads(scan({"modules/m/main.tf": text}, templates, rendered, manifest={})) == [("output.x", "block")]


@pytest.mark.parametrize(
    "expression",
    [
        'file("${path.module}/policy.json")',
        'file("${path.module}/${var.name}.json")',
        'file("${path.module}/${var.unset}.json")',
        "filebase64(var.zip)",
        'file(format("%s/%s.json", path.module, lower(var.name)))',
        'file(join("/", [path.module, "x.json"]))',
        '[for f in fileset(path.module, "x/*.json") : file("${path.module}/${f}")]',
        'file("${path.module}/${count.index}.json")',
        'file("${path.module}/${terraform.workspace}.json")',
        'file("${path.module}/${sha1(aws_sqs_queue.q.url)}.json")',
        "file(data.archive_file.x.output_path)",
        'file(local.files["a"])',
        'file(lookup({ a = "${path.module}/a" }, var.name, "${path.module}/b"))',
        'file(jsondecode(file("${path.module}/names.json")).first)',
        "file(module.inner.path)",
        'templatefile("${path.module}/t.txt", { p = "${path.module}/x" })',
        "templatestring(local.template, { n = 1 })",
        "[for f in local.none : file(f)]",
        "[for o in local.objects : file(o.path)]",
        "[for o in merge(local.objects, {}) : file(o.path)]",
        "file(local.objects.first.path)",
    ],
)
def test_a_file_of_the_unit_is_read(scan: Scan, expression: str) -> None:
    text = f"""{BASE}
locals {{
  files    = {{ a = "${{path.module}}/a", b = base64decode("eA==") }}
  template = "hello $${{n}}"
  none     = {{}}
  objects  = {{ first = {{ path = "${{path.module}}/a", body = base64decode("eA==") }} }}
}}
data "archive_file" "x" {{
  source_dir  = "${{path.module}}/src"
  output_path = "${{path.module}}/x.zip"
}}
module "inner" {{
  source = "../inner"
}}
output "x" {{
  value = {expression}
}}
"""
    rendered = {"main.tf": CALLED, "inputs.json": json.dumps(INPUTS), "modules/m/names.json": '{"first": "a.json"}'}
    rendered["modules/m/t.txt"] = "${file(p)} ${upper(p)}"
    inner = {"modules/inner/main.tf": 'output "path" {\n  value = "${path.module}/p.json"\n}\n'}
    assert reads(scan({"modules/m/main.tf": text}, rendered, inner, manifest={"this.inner": "modules/inner"})) == []


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ('resource "aws_lambda_function" "x" {\n  filename = base64decode("eA==")\n}', 1),
        ('resource "aws_s3_object" "x" {\n  source = data.aws_ssm_parameter.x.value\n}', 1),
        ('resource "aws_lambda_function" "x" {\n  filename = var.zip\n}', 0),
        ('resource "aws_pipes_pipe" "x" {\n  source = aws_sqs_queue.q.arn\n}', 0),
    ],
)
def test_attributes_that_are_files_are_known_too(scan: Scan, body: str, count: int) -> None:
    rendered = {"main.tf": CALLED, "inputs.json": json.dumps(INPUTS)}
    assert len(reads(scan({"modules/m/main.tf": BASE + body + "\n"}, rendered, manifest={}))) == count


def test_a_downloaded_module_is_told_of_and_may_not_leave_its_package(scan: Scan) -> None:
    fetched = {
        "this.net/main.tf": 'output "a" {\n  value = file("${path.module}/../this.other/x")\n}\n'
        'output "b" {\n  value = file(base64decode("eA=="))\n}\noutput "c" {\n  value = file("/proc/self/environ")\n}\n'
    }
    call = 'module "net" {\n  source = "git::https://example.com/net.git?ref=v1"\n}\n'
    found = scan({"modules/m/main.tf": call}, fetched=fetched, manifest={"this.net": "../data/modules/this.net"})
    assert reads(found) == [("module.net.output.b", "warn"), ("module.net.output.c", "block")]


def test_what_a_preview_does_not_know_yet_names_no_file(scan: Scan) -> None:
    preview = {
        "main.tf": 'module "this" {\n  source = "./modules/m"\n  name = local.upstream["prod/x"]["y"]\n}\n',
        "upstream.tf": 'locals {\n  upstream = { "prod/x" = { "y" = jsondecode(terraform_data.not_applied_yet.id) } }\n}\n'
        'resource "terraform_data" "not_applied_yet" {}\n',
    }
    text = 'variable "name" {}\noutput "x" {\n  value = file("${path.module}/${var.name}")\n}\n'
    assert reads(scan({"modules/m/main.tf": text}, preview, manifest={})) == []
