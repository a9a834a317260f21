"""Programs, providers and modules that no plan shows are found in the configuration, with their location."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.guard.model import Finding
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.guard.trust.live_modules import MergedModules

ORCH = """\
format: 1
name: t
orch: "~=0.1"
region: eu-west-1
providers: {aws: "5.100.0", dog: {source: datadog/datadog, version: "3.50.0"}}
module_sources: ["git::https://example.com/net.git?ref=v1"]
state: {bucket: "${{ name }}-${{ account_id }}-tfstate"}
management: "999999999999"
"""
Scan = Callable[..., tuple[Finding, ...]]
CALL = 'module "this" {\n  source = "./modules/m"\n}\n'


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Write the files of a rendered root and of downloaded modules, and scan them."""

    def write(base: Path, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    write(tmp_path, {"live/orch.yaml": ORCH, "live/accounts/main.yaml": 'id: "111111111111"\naccess: open\n'})
    write(tmp_path, {"live/stages/prod.yaml": "account: main\nstacks: {m: , v: }\n"})
    write(tmp_path, {"live/stacks/m.yaml": "module: m\n", "modules/m/main.tf": "locals {}\n"})
    write(tmp_path, {"live/stacks/v.yaml": "module: terraform-aws-modules/vpc/aws\nversion: '5.1.0'\n"})

    def run(
        *files: Mapping[str, str],
        fetched: Mapping[str, str] | None = None,
        manifest: Mapping[str, str] | None = None,
        merged: MergedModules | None = None,
    ) -> tuple[Finding, ...]:
        root, data = tmp_path / ".orch/root", tmp_path / ".orch/data"
        write(root, {"main.tf": CALL})
        for each in files:
            write(root, each)
        write(data / "modules", fetched or {})
        known = {"": ".", "this": "modules/m", **(manifest or {})}
        rows = [{"Key": key, "Source": "", "Dir": path} for key, path in known.items()]
        write(data / "modules", {"modules.json": json.dumps({"Modules": rows})})
        catalogue = load(tmp_path)
        unit = catalogue.units["prod/m"]
        scanner = CodeScanner(catalogue, merged=None if merged is None else lambda: merged)
        return scanner.scan(unit, root, data, initialized=manifest is not None).findings

    return run


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [
        (each.rule, each.address, f"{each.where.file}:{each.where.line}" if each.where else "") for each in findings
    ]


RUN = '  provisioner "local-exec" {\n    command = "true"\n  }\n'


@pytest.mark.parametrize(
    ("name", "text", "address", "line"),
    [
        ("main.tf", f'resource "terraform_data" "x" {{\n{RUN}}}\n', "terraform_data.x", 2),
        ("main.tf", f'resource "aws_sns_topic" "q" {{\n  name = "q"\n{RUN}}}\n', "aws_sns_topic.q", 3),
        ("main.tf", f"removed {{\n  from = terraform_data.gone\n{RUN}}}\n", "terraform_data.gone", 3),
        ("main.tf", 'data "aws_lambda_invocation" "e" {}\n', "data.aws_lambda_invocation.e", 1),
        ("main.tf", 'ephemeral "aws_lambda_invocation" "e" {}\n', "ephemeral.aws_lambda_invocation.e", 1),
        ("main.tf", 'data "external" "e" {\n  program = ["x"]\n}\n', "data.external.e", 1),
        ("main.tf", 'check "c" {\n  data "external" "e" {\n    program = ["x"]\n  }\n}\n', "data.external.e", 2),
        (
            "main.tf.json",
            '{"resource": {"terraform_data": {"x": {"provisioner": [{"local-exec": {"command": "true"}}]}}}}',
            "terraform_data.x",
            1,
        ),
        ("main.tf.json", '{"data": {"external": {"e": {"program": ["x"]}}}}', "data.external.e", 1),
        (
            "main.tf.json",
            '{"removed": {"from": "terraform_data.gone", "provisioner": {"local-exec": {"command": "x"}}}}',
            "terraform_data.gone",
            1,
        ),
        (
            "main.tf",
            'action "local_command" "a" {\n  config {\n    command = "x"\n  }\n}\n',
            "action.local_command.a",
            1,
        ),
    ],
)
def test_every_way_to_run_a_program_is_found(scan: Scan, name: str, text: str, address: str, line: int) -> None:
    found = [each for each in told(scan({f"modules/m/{name}": text})) if each[0] == "ORCH_RUNS_CODE"]
    assert found == [("ORCH_RUNS_CODE", f"module.this.{address}", f"modules/m/{name}:{line}")]


@pytest.mark.parametrize(
    ("name", "text", "address"),
    [
        ("main.tf", 'provider "aws" {\n  profile = "orch-other"\n}\n', "module.this.provider.aws"),
        ("a.tf", 'provider "aws" {\n  alias = "x"\n  assume_role {\n  }\n}\n', "module.this.provider.aws.x"),
        ("a.tf.json", '{"provider": {"aws": {"alias": "x", "region": "us-east-1"}}}', "module.this.provider.aws.x"),
    ],
)
def test_a_module_that_configures_a_provider_is_found(scan: Scan, name: str, text: str, address: str) -> None:
    found = [each for each in told(scan({f"modules/m/{name}": text})) if each[0] == "ORCH_UNTRUSTED_SOURCE"]
    assert found == [("ORCH_UNTRUSTED_SOURCE", address, f"modules/m/{name}:1")]


def test_a_provider_block_that_only_gives_a_name_is_none(scan: Scan) -> None:
    assert scan({"modules/m/main.tf": 'provider "aws" {\n  alias = "x"\n}\nprovider "aws" {}\n'}) == ()


def test_an_override_file_adds_a_provisioner(scan: Scan) -> None:
    plain = 'resource "terraform_data" "x" {\n  input = 1\n}\n'
    assert scan({"modules/m/main.tf": plain}) == ()
    more = f'resource "terraform_data" "x" {{\n{RUN}}}\n'
    found = told(scan({"modules/m/main.tf": plain, "modules/m/a_override.tf": more}))
    assert found == [("ORCH_RUNS_CODE", "module.this.terraform_data.x", "modules/m/a_override.tf:2")]


def test_comments_text_and_heredocs_are_no_programs(scan: Scan) -> None:
    text = f"""
# resource "terraform_data" "x" {{ provisioner "local-exec" {{}} }}
/* data "external" "e" {{}} */
locals {{
  text = <<-EOT
    data "external" "e" {{
{RUN}    }}
  EOT
  more = "data \\"external\\" \\"e\\" {{}}"
}}
"""
    assert scan({"modules/m/main.tf": text}) == ()


def test_code_in_a_called_module_has_the_address_that_terraform_gives_it(scan: Scan) -> None:
    files = {
        "modules/m/main.tf": 'module "inner" {\n  source = "../n"\n}\n',
        "modules/n/main.tf": f'resource "terraform_data" "x" {{\n{RUN}}}\n',
    }
    address = "module.this.module.inner.terraform_data.x"
    (finding,) = scan(files)
    assert (finding.address, finding.rule) == (address, "ORCH_RUNS_CODE")
    assert scan(files, manifest={"this.inner": "modules/n"}) == (finding,)


def test_the_same_block_has_the_same_id_and_one_finding(scan: Scan) -> None:
    twice = f'resource "terraform_data" "x" {{\n{RUN}{RUN.replace("local-exec", "file")}}}\n'
    (finding,) = scan({"modules/m/main.tf": twice})
    assert "local-exec, file" in finding.message
    assert f"orch waive {finding.id}" in finding.hint


@pytest.mark.parametrize(
    ("text", "source", "line"),
    [
        ('resource "random_id" "x" {\n}\n', "registry.terraform.io/hashicorp/random", 1),
        (
            'terraform {\n  required_providers {\n    aws = {\n      source = "evil/aws"\n    }\n  }\n}\n',
            "registry.terraform.io/evil/aws",
            3,
        ),
        (
            'terraform {\n  required_providers {\n    terraform = {\n      source = "evil/terraform"\n    }\n  }\n}\n',
            "registry.terraform.io/evil/terraform",
            3,
        ),
        (
            'terraform {\n  required_providers {\n    aws = {\n      source = "example.com/hashicorp/aws"\n    }\n  }\n}\n',
            "example.com/hashicorp/aws",
            3,
        ),
        ('provider "null" {\n}\n', "registry.terraform.io/hashicorp/null", 1),
        ('resource "dog_monitor" "x" {\n}\n', "registry.terraform.io/hashicorp/dog", 1),
    ],
)
def test_a_provider_that_is_not_listed_is_found(scan: Scan, text: str, source: str, line: int) -> None:
    assert told(scan({"modules/m/main.tf": text})) == [("ORCH_UNTRUSTED_SOURCE", source, f"modules/m/main.tf:{line}")]


def test_listed_providers_and_the_built_in_one_pass(scan: Scan) -> None:
    text = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
    dd  = { source = "DataDog/datadog" }
    core = { source = "terraform.io/builtin/terraform" }
  }
}
resource "aws_sns_topic" "q" { name = "q" }
resource "terraform_data" "x" {}
resource "datadog_monitor" "m" {
  provider = dd
}
data "terraform_remote_state" "s" {
  backend = "s3"
  config = { bucket = "b", key = "k" }
}
"""
    assert scan({"modules/m/main.tf": text}) == ()


@pytest.mark.parametrize(
    ("source", "listed"),
    [
        ("terraform-aws-modules/vpc/aws", True),
        ("terraform-aws-modules/vpc/aws//modules/endpoints", True),
        ("registry.terraform.io/terraform-aws-modules/vpc/aws", True),
        ("git::https://example.com/net.git?ref=v1", True),
        ("git::https://example.com/net.git//sub?ref=v1", True),
        ("git::https://example.com/net.git?ref=v2", False),
        ("git::https://example.com/net.git", False),
        ("terraform-aws-modules/rds/aws", False),
        ("example.com/terraform-aws-modules/vpc/aws", False),
        ("/etc/terraform", False),
    ],
)
def test_modules_come_from_where_a_stack_or_orch_yaml_says(scan: Scan, source: str, *, listed: bool) -> None:
    found = scan({"modules/m/main.tf": f'module "x" {{\n  source = "{source}"\n}}\n'})
    assert told(found) == ([] if listed else [("ORCH_UNTRUSTED_SOURCE", source, "modules/m/main.tf:2")])


def test_a_fetched_module_is_looked_at_after_init(scan: Scan) -> None:
    files = {"modules/m/main.tf": 'module "net" {\n  source = "git::https://example.com/net.git?ref=v1"\n}\n'}
    fetched = {
        "this.net/main.tf": 'data "external" "e" {\n  program = ["x"]\n}\nmodule "d" {\n  source = "./deep"\n}\n',
        "this.net/deep/main.tf": 'resource "random_id" "x" {\n}\n',
    }
    places = {"this.net": "../data/modules/this.net", "this.net.d": "../data/modules/this.net/deep"}
    found = told(scan(files, fetched=fetched, manifest=places))
    assert (
        "ORCH_RUNS_CODE",
        "module.this.module.net.data.external.e",
        ".orch/data/modules/this.net/main.tf:1",
    ) in found
    assert {each[0:2] for each in found} == {
        ("ORCH_RUNS_CODE", "module.this.module.net.data.external.e"),
        ("ORCH_UNTRUSTED_SOURCE", "registry.terraform.io/hashicorp/external"),
        ("ORCH_UNTRUSTED_SOURCE", "registry.terraform.io/hashicorp/random"),
    }


def test_before_init_a_fetched_module_is_no_fault_and_after_it_a_missing_one_is(scan: Scan) -> None:
    files = {"modules/m/main.tf": 'module "net" {\n  source = "git::https://example.com/net.git?ref=v1"\n}\n'}
    assert scan(files) == ()
    assert told(scan(files, manifest={})) == [("ORCH_UNREADABLE", "module.this.module.net", "modules/m/main.tf:2")]
    gone = scan(files, manifest={"this.net": "../data/modules/this.net"})
    assert [each.rule for each in gone] == ["ORCH_UNREADABLE"]


def test_a_local_module_that_terraform_takes_from_elsewhere_is_a_fault(scan: Scan) -> None:
    files = {
        "modules/m/main.tf": 'module "inner" {\n  source = "../n"\n}\n',
        "modules/n/main.tf": "locals {}\n",
        "modules/o/main.tf": "locals {}\n",
    }
    assert scan(files, manifest={"this.inner": "modules/n"}) == ()
    assert [each.rule for each in scan(files, manifest={"this.inner": "modules/o"})] == ["ORCH_UNREADABLE"]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("main.tf", 'resource "terraform_data" "x" {\n  input = [\n}\n', 3),
        ("main.tf.json", '{"resource": ', 1),
        ("main.tf", 'resource "terraform_data" {\n}\n', 1),
    ],
)
def test_what_cannot_be_read_is_not_passed(scan: Scan, name: str, text: str, line: int) -> None:
    (finding,) = scan({f"modules/m/{name}": text})
    assert told((finding,)) == [("ORCH_UNREADABLE", f"modules/m/{name}", f"modules/m/{name}:{line}")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "main.tf",
            'data "terraform_remote_state" "x" {\n  backend = "s3"\n  _ {\n    config = { profile = "p" }\n  }\n}\n',
        ),
        ("main.tf", 'provider "aws" {\n  _ {\n    profile = "p"\n  }\n}\n'),
        ("main.tf.json", '{"data": {"terraform_remote_state": {"x": {"backend": "s3", "_": {"config": {}}}}}}'),
        ("a_override.tf", 'resource "aws_lambda_function" "x" {\n  _ {\n    filename = "/etc/x"\n  }\n}\n'),
        ("main.tf", 'module "x" {\n  source = "../x"\n  _ {\n    a = 1\n  }\n}\n'),
    ],
)
def test_a_block_that_hides_arguments_is_not_passed(scan: Scan, name: str, text: str) -> None:
    """Terraform takes what is in ``_`` for arguments of the block around it."""
    found = scan({f"modules/m/{name}": text})
    assert ("ORCH_UNREADABLE", f"modules/m/{name}") in {(each.rule, each.address) for each in found}


def test_files_for_opentofu_count_only_where_it_runs(scan: Scan, tmp_path: Path) -> None:
    file = {"modules/m/more.tofu": 'data "external" "e" {\n}\n'}
    assert scan(file) == ()
    (tmp_path / "live/orch.yaml").write_text(ORCH + "binary: tofu\n")
    assert [each.rule for each in scan(file)] == ["ORCH_UNREADABLE"]


def test_a_source_that_is_no_address_is_an_error_of_the_catalogue(tmp_path: Path, scan: Scan) -> None:
    (tmp_path / "live/orch.yaml").write_text(ORCH.replace("git::https://example.com/net.git?ref=v1", "../x"))
    with pytest.raises(Exception, match="invalid module address"):
        scan()


def test_a_module_that_terraform_loads_from_elsewhere_is_reported_at_the_units_entry(scan: Scan) -> None:
    """orch wrote the call itself, so the location is in ``live/``."""
    (finding,) = scan(fetched={"evil/main.tf": "locals {}\n"}, manifest={"this": "../data/modules/evil"})
    assert (finding.rule, finding.address) == ("ORCH_UNREADABLE", "module.this")
    assert "from a different folder than its source names" in finding.cause
    assert finding.where is not None
    assert finding.where.file == "live/stages/prod.yaml"


def reads(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [
        (each.address.removeprefix("module.this."), each.severity.value)
        for each in findings
        if each.rule == "ORCH_READS_FILE"
    ]


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


@pytest.mark.parametrize("changed", [True, False])
def test_in_ci_a_downloaded_module_is_told_of_only_in_what_was_merged(scan: Scan, *, changed: bool) -> None:
    fetched = {"this.net/main.tf": 'variable "p" {}\noutput "a" {\n  value = file(var.p)\n}\n'}
    call = 'module "net" {\n  source = "git::https://example.com/net.git?ref=v1"\n  p = base64decode("eA==")\n}\n'
    merged = MergedModules(frozenset(), frozenset({"prod/m"} if changed else ()))
    places = {"this.net": "../data/modules/this.net"}
    found = scan({"modules/m/main.tf": call}, fetched=fetched, manifest=places, merged=merged)
    assert reads(found) == [("module.net.output.a", "block" if changed else "warn")]
    assert ("in CI" in found[0].hint) == changed


VPC = "terraform-aws-modules/vpc/aws"


@pytest.mark.parametrize(
    ("packages", "findings"),
    [({VPC}, []), ({f"example.com/{VPC}"}, [("ORCH_UNTRUSTED_SOURCE", VPC, "modules/m/main.tf:2")])],
)
def test_in_ci_the_stacks_of_the_protected_commit_name_the_modules(
    scan: Scan, packages: set[str], findings: list[tuple[str, str, str]]
) -> None:
    merged = MergedModules(frozenset(packages), frozenset())
    found = scan({"modules/m/main.tf": f'module "x" {{\n  source = "{VPC}//modules/a"\n}}\n'}, merged=merged)
    assert [(rule, address.partition("//")[0], at) for rule, address, at in told(found)] == findings


def test_in_ci_the_module_of_the_stack_itself_must_be_merged_before_it_is_downloaded(scan: Scan) -> None:
    root = {"main.tf": f'module "this" {{\n  source  = "{VPC}"\n  version = "5.1.0"\n}}\n'}
    assert scan(root) == ()
    assert scan(root, merged=MergedModules(frozenset({VPC}), frozenset({"prod/m"}))) == ()
    (finding,) = scan(root, merged=MergedModules(frozenset(), frozenset()))
    assert (finding.rule, finding.address) == ("ORCH_UNTRUSTED_SOURCE", VPC)
    assert finding.where is not None
    assert finding.where.file == "live/stages/prod.yaml"
    assert "merge it" in finding.hint
    assert "orch plan prod/m" in finding.hint


def test_what_a_preview_does_not_know_yet_names_no_file(scan: Scan) -> None:
    preview = {
        "main.tf": 'module "this" {\n  source = "./modules/m"\n  name = local.upstream["prod/x"]["y"]\n}\n',
        "upstream.tf": 'locals {\n  upstream = { "prod/x" = { "y" = jsondecode(terraform_data.not_applied_yet.id) } }\n}\n'
        'resource "terraform_data" "not_applied_yet" {}\n',
    }
    text = 'variable "name" {}\noutput "x" {\n  value = file("${path.module}/${var.name}")\n}\n'
    assert reads(scan({"modules/m/main.tf": text}, preview, manifest={})) == []
