"""Errors of Terraform about the arguments of a generated root, at their places in ``live/``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.run.failure.wrong_inputs import is_wrong_for_sure, wrong_inputs
from orchestrator.terraform.diagnostics import Diagnostic, printed_errors
from orchestrator.terraform.failures import TerraformError
from tests.support.catalogue import loaded

LIVE = """\
== orch
format: 1
name: ams
orch: "~=0.1"
region: eu-west-1
providers: {aws: "5.100.0"}
module_sources: ["terraform-aws-modules/sqs/aws"]
management: "999999999999"
state: {bucket: "ams-${{ account_id }}"}
== stages/prod
account: main
stacks:
  box:
  queue:
== stacks/box
module: any
== stacks/queue
module: terraform-aws-modules/sqs/aws
version: 4.0.0
inputs:
  nosuch: 1
  name: "${{ box.x }}"
secrets: {token: "ssm:/t"}
"""
BLOCK = """\
Error: Unsupported argument

  on main.tf line 9, in module "this":
   9:   nosuch = local.inputs.nosuch

An argument named "nosuch" is not expected here.

Error: Missing required argument

  on main.tf line 7, in module "this":
   7: module "this" {

The argument "size" is required, but no definition
was found."""
OF_UPSTREAM = """\
Error: Invalid value for variable

  on main.tf line 10, in module "this":
  10:   name = local.upstream["prod/box"].x

It is too short."""


def error(block: str) -> TerraformError:
    return TerraformError("w", block=block, first_line="f", code=1)


def test_a_wrong_input_is_told_at_its_place(tmp_path: Path) -> None:
    unit = loaded(tmp_path, LIVE).units["prod/queue"]
    assert [str(each) for each in wrong_inputs(unit, printed_errors(f"{BLOCK}\n\n{OF_UPSTREAM}"))] == [
        'live/stacks/queue.yaml:4:11: Unsupported argument: nosuch: An argument named "nosuch" is not expected here',
        f'{unit.at}: Missing required argument: size: The argument "size" is required, but no definition was found',
        "live/stacks/queue.yaml:5:9: Invalid value for variable: name: It is too short",
    ]
    secret = Diagnostic("error", "Unsupported argument", "", "main.tf", 3, 'module "this"', "  token = ephemeral.x")
    elsewhere = Diagnostic("error", "Invalid", "", "box/main.tf", 3, 'module "this"', "  nosuch = 1")
    (found,) = wrong_inputs(unit, [secret, elsewhere])
    assert str(found) == "live/stacks/queue.yaml:6:18: Unsupported argument"


def test_a_preview_fails_on_what_no_apply_of_an_upstream_mends(tmp_path: Path) -> None:
    unit = loaded(tmp_path, LIVE).units["prod/queue"]
    assert is_wrong_for_sure(unit, error(BLOCK))
    assert not is_wrong_for_sure(unit, error(OF_UPSTREAM))
    assert not is_wrong_for_sure(unit, error("Error: Invalid for_each argument\n\n  on any/main.tf line 1:\n"))
