"""Diagnostics as Terraform 1.11 prints them, and as ``validate -json`` has them."""

from __future__ import annotations

import json

import pytest

from orchestrator.terraform.diagnostics import Diagnostic, printed_errors, read_diagnostics

PRINTED = """\
Error: Missing required argument

  on main.tf line 7, in module "this":
   7: module "this" {

The argument "retention_in_days" is required, but no definition was
found.

Error: Unsupported argument

  on main.tf line 9, in module "this":
   9:   nosuch = local.inputs.nosuch

An argument named "nosuch" is not expected here.

Error: Invalid value for variable

  on main.tf line 10, in module "this":
  10:   b = local.inputs.b
    ├────────────────
    │ var.b is "x"

b is too short, it must have more than three characters so that it can be
told.

This was checked by the validation rule at mod/main.tf:6,3-13.

Error: creating IAM Role (ams-prod-api): operation error IAM: CreateRole, https
response error StatusCode: 409, EntityAlreadyExists: Role with name ams-prod-api
already exists.

  with module.this.aws_iam_role.this["a b"],
  on api/main.tf line 5, in resource "aws_iam_role" "this":
   5: resource "aws_iam_role" "this" {

Error: Something without a place

It says why."""


def test_errors_are_read_from_what_terraform_prints() -> None:
    missing, unsupported, invalid, existing, bare = printed_errors(PRINTED)
    assert [each.argument for each in (missing, unsupported, invalid)] == ["retention_in_days", "nosuch", "b"]
    assert (unsupported.file, unsupported.line) == ("main.tf", 9)
    assert unsupported.detail == 'An argument named "nosuch" is not expected here.'
    assert invalid.detail.startswith("b is too short, it must")
    assert invalid.detail.endswith("mod/main.tf:6,3-13.")
    assert existing.address == 'module.this.aws_iam_role.this["a b"]'
    assert existing.summary.endswith("EntityAlreadyExists: Role with name ams-prod-api already exists.")
    assert existing.argument == ""
    assert bare == Diagnostic("error", "Something without a place", "It says why.")
    assert list(printed_errors("")) == []


@pytest.mark.parametrize(
    ("code", "detail", "argument"),
    [
        ("  nosuch = local.inputs.nosuch", "An argument named…", "nosuch"),
        ('module "this" {', 'The argument "a" is required, but no definition was found.', "a"),
        ('  source = "./mod"', "", "source"),
    ],
)
def test_validate_names_the_same_arguments(code: str, detail: str, argument: str) -> None:
    place = {"filename": "main.tf", "start": {"line": 2}}
    entry = {"severity": "error", "summary": "s", "detail": detail, "range": place}
    entry["snippet"] = {"context": 'module "this"', "code": code}
    (found,) = read_diagnostics(json.dumps({"diagnostics": [entry]}).encode()) or ()
    assert found.argument == argument
    entry["range"] = {**place, "filename": "box/main.tf"}
    (other,) = read_diagnostics(json.dumps({"diagnostics": [entry]}).encode()) or ()
    assert other.argument == "", "a call in a module of the repository has the same name"


def test_what_is_no_answer_of_validate() -> None:
    assert read_diagnostics(b"") is None
    assert read_diagnostics(b"[]") is None
