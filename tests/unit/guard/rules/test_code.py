"""Programs, providers and modules that no plan shows are found in the configuration, with their location."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scanned import SCANNED_ORCH, Scan, told

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
    (tmp_path / "live/orch.yaml").write_text(SCANNED_ORCH + "binary: tofu\n")
    assert [each.rule for each in scan(file)] == ["ORCH_UNREADABLE"]


def test_a_source_that_is_no_address_is_an_error_of_the_catalogue(tmp_path: Path, scan: Scan) -> None:
    (tmp_path / "live/orch.yaml").write_text(SCANNED_ORCH.replace("git::https://example.com/net.git?ref=v1", "../x"))
    with pytest.raises(Exception, match="invalid module address"):
        scan()


def test_a_module_that_terraform_loads_from_elsewhere_is_reported_at_the_units_entry(scan: Scan) -> None:
    """orch wrote the call itself, so the location is in ``live/``."""
    (finding,) = scan(fetched={"evil/main.tf": "locals {}\n"}, manifest={"this": "../data/modules/evil"})
    assert (finding.rule, finding.address) == ("ORCH_UNREADABLE", "module.this")
    assert "from a different folder than its source names" in finding.cause
    assert finding.where is not None
    assert finding.where.file == "live/stages/prod.yaml"
