"""Modules whose protected resources could be destroyed, or are created without their protection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.guard.modules.check import check_modules
from orchestrator.guard.policies.protected import Protected

ROOT = Path(__file__).parents[4]
PROTECTED = Protected.read(ROOT / "policies/protected.yaml")
ORCH = """\
format: 1
name: t
orch: "~=0.1"
region: eu-west-1
state: {bucket: "${{ name }}-${{ account_id }}-tfstate"}
management: "999999999999"
"""
KEPT = "  lifecycle {\n    prevent_destroy = true\n  }\n"
Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    put("live/orch.yaml", ORCH)
    put("live/accounts/main.yaml", 'id: "111111111111"\naccess: open\n')
    put("live/stages/prod.yaml", "account: main\nstacks: {pool: }\n")
    put("live/stages/feat-login.yaml", "account: main\ndisposable: true\nstacks: {}\n")
    put("live/stacks/pool.yaml", "module: pool\n")
    return put


def pool(protection: str = '  deletion_protection = "ACTIVE"\n', lifecycle: str = KEPT) -> str:
    return f'resource "aws_cognito_user_pool" "this" {{\n  name = "x"\n{protection}{lifecycle}}}\n'


def told(root: Path) -> list[str]:
    return [
        f"{each.where.file}:{each.where.line}: {each.what}" for each in check_modules(load(root), PROTECTED).problems
    ]


def noted(root: Path) -> list[str]:
    return [f"{each.where.file}:{each.where.line}: {each.what}" for each in check_modules(load(root), PROTECTED).notes]


def test_the_modules_of_this_repository_protect_their_resources() -> None:
    found = check_modules(load(ROOT), PROTECTED)
    assert found.problems == ()
    assert len(found.folders) >= 6


def test_a_protected_resource_passes_and_one_that_may_be_destroyed_does_not(write: Write, tmp_path: Path) -> None:
    write("modules/pool/main.tf", pool())
    assert told(tmp_path) == []
    write("modules/pool/main.tf", pool(lifecycle=""))
    (what,) = told(tmp_path)
    assert what.startswith("modules/pool/main.tf:1: aws_cognito_user_pool.this is not protected by")
    assert "every user" in what


@pytest.mark.parametrize(
    "lifecycle",
    [
        "  lifecycle {\n    prevent_destroy = false\n  }\n",
        "  lifecycle {\n    ignore_changes = [name]\n  }\n",
        "  # prevent_destroy = true\n",
    ],
)
def test_what_only_looks_like_it_does_not_count(write: Write, tmp_path: Path, lifecycle: str) -> None:
    write("modules/pool/main.tf", pool(lifecycle=lifecycle))
    assert len(told(tmp_path)) == 1


def test_override_files_and_json_are_read_as_terraform_reads_them(write: Write, tmp_path: Path) -> None:
    write("modules/pool/main.tf", pool())
    write(
        "modules/pool/x_override.tf",
        'resource "aws_cognito_user_pool" "this" {\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n',
    )
    assert len(told(tmp_path)) == 1
    write(
        "modules/pool/x_override.tf",
        'resource "aws_cognito_user_pool" "this" {\n  deletion_protection = "INACTIVE"\n}\n',
    )
    (what,) = told(tmp_path)
    assert what.startswith("modules/pool/x_override.tf:2:")
    (tmp_path / "modules/pool/x_override.tf").unlink()
    (tmp_path / "modules/pool/main.tf").unlink()
    body = '{"name": "x", "deletion_protection": "ACTIVE", "lifecycle": {"prevent_destroy": %s}}'
    for value, problems in (("true", 0), ('"true"', 0), ("false", 1)):
        write("modules/pool/main.tf.json", f'{{"resource": {{"aws_cognito_user_pool": {{"this": {body % value}}}}}}}')
        assert len(told(tmp_path)) == problems, value


def test_a_protection_that_is_unset_or_off_is_reported_with_its_line(write: Write, tmp_path: Path) -> None:
    write("modules/pool/main.tf", pool(protection=""))
    assert told(tmp_path) == [
        "modules/pool/main.tf:1: aws_cognito_user_pool.this does not set deletion_protection, its deletion protection"
    ]
    write("modules/pool/main.tf", pool(protection='  deletion_protection = "INACTIVE"\n'))
    assert told(tmp_path)[0].startswith("modules/pool/main.tf:3: aws_cognito_user_pool.this: deletion_protection")
    either = '  deletion_protection = terraform.workspace == "x" ? "INACTIVE" : "ACTIVE"\n'
    write("modules/pool/main.tf", pool(protection=either))
    assert len(told(tmp_path)) == 1, "one branch is off"


def test_a_variable_counts_by_its_default_and_by_what_live_gives(write: Write, tmp_path: Path) -> None:
    variable = 'variable "protect" {\n  type    = string\n  default = "%s"\n}\n'
    write(
        "modules/pool/main.tf",
        pool(protection="  deletion_protection = local.p\n") + "locals {\n  p = var.protect\n}\n",
    )
    write("modules/pool/variables.tf", variable % "ACTIVE")
    assert told(tmp_path) == []
    write("modules/pool/variables.tf", variable % "INACTIVE")
    assert told(tmp_path)[0].startswith("modules/pool/variables.tf:3:")
    write("modules/pool/variables.tf", variable % "ACTIVE")
    write("live/stacks/pool.yaml", "module: pool\ninputs:\n  protect: INACTIVE\n")
    (what,) = told(tmp_path)
    assert what.startswith("live/stacks/pool.yaml:3:")
    # A stage that may be thrown away says by that what becomes of its resources.
    write("live/stacks/pool.yaml", "module: pool\n")
    write(
        "live/stages/feat-login.yaml",
        "account: main\ndisposable: true\nstacks: {pool: {inputs: {protect: INACTIVE}}}\n",
    )
    assert told(tmp_path) == []


def test_what_a_module_passes_to_another_counts(write: Write, tmp_path: Path) -> None:
    inner = 'variable "protect" {\n  type = bool\n}\n'
    table = (
        'resource "aws_dynamodb_table" "this" {\n  name = "x"\n  deletion_protection_enabled = var.protect\n'
        + KEPT
        + "}\n"
    )
    write("modules/table/main.tf", inner + table)
    write("modules/pool/main.tf", 'module "t" {\n  source  = "../table"\n  protect = false\n}\n')
    (what,) = told(tmp_path)
    assert what.startswith("modules/pool/main.tf:3: aws_dynamodb_table.this: deletion_protection_enabled")
    write("modules/pool/main.tf", 'module "t" {\n  source  = "../table"\n  protect = true\n}\n')
    assert told(tmp_path) == []


def test_what_the_text_does_not_say_is_a_note(write: Write, tmp_path: Path) -> None:
    write(
        "modules/pool/main.tf",
        pool(protection='  deletion_protection = upper("active")\n'),
    )
    assert told(tmp_path) == []
    (note,) = noted(tmp_path)
    assert note.startswith(
        "modules/pool/main.tf:3: aws_cognito_user_pool.this: the value of deletion_protection is known only in a plan"
    )


def test_where_off_is_how_it_must_be_leaving_it_out_is_fine(write: Write, tmp_path: Path) -> None:
    bucket = 'resource "aws_s3_bucket" "this" {{\n  bucket = "x"\n{more}{kept}}}\n'
    write("modules/pool/main.tf", bucket.format(more="", kept=KEPT))
    assert told(tmp_path) == []
    write("modules/pool/main.tf", bucket.format(more="  force_destroy = true\n", kept=KEPT))
    assert told(tmp_path)[0].startswith(
        "modules/pool/main.tf:3: aws_s3_bucket.this: force_destroy, its deletion protection, is true"
    )


def test_a_safeguard_that_is_off_from_the_beginning_is_reported(write: Write, tmp_path: Path) -> None:
    database = (
        'resource "aws_db_instance" "this" {\n  deletion_protection = true\n  skip_final_snapshot = true\n'
        + KEPT
        + "}\n"
    )
    table = (
        'resource "aws_dynamodb_table" "t" {\n  deletion_protection_enabled = true\n'
        "  point_in_time_recovery {\n    enabled = false\n  }\n" + KEPT + "}\n"
    )
    write("modules/pool/main.tf", database + table)
    problems = told(tmp_path)
    assert [each.split(" = ")[0] for each in problems] == [
        "modules/pool/main.tf:3: aws_db_instance.this: skip_final_snapshot",
        "modules/pool/main.tf:8: aws_dynamodb_table.t: point_in_time_recovery.enabled",
    ]
