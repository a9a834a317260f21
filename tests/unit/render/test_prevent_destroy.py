"""Where prevent_destroy is lifted: beside the one block that an address means, and nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from orchestrator.render.prevent_destroy import Override, lift_prevent_destroy, override_resources

KEPT = """\
resource "aws_cognito_user_pool" "this" {
  name = "a"
  lifecycle {
    prevent_destroy = true
  }
}
resource "aws_dynamodb_table" "free" {
  lifecycle {
    ignore_changes = [tags]
  }
}
"""
FILES = {
    "main.tf": 'module "this" {\n  source = "./modules/top"\n}\n',
    "modules/top/main.tf": KEPT
    + 'module "each" {\n  for_each = {}\n  source = "../below"\n}\nmodule "far" {\n  source = "acme/x/aws"\n}\n'
    + 'module "out" {\n  source = "../../../elsewhere"\n}\n',
    "modules/below/main.tf": KEPT,
    "modules/other/main.tf": KEPT,
}
OVERRIDE = "orch_waiver_override.tf"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "main.tf").write_text(KEPT)
    return tmp_path / "root"


def written(root: Path) -> dict[str, str]:
    return {p.parent.relative_to(root).as_posix(): p.read_text() for p in root.parent.rglob(OVERRIDE)}


@pytest.mark.parametrize("address", ["aws_cognito_user_pool.this", "module.this.aws_cognito_user_pool.this"])
def test_beside_the_block_of_the_units_own_module(root: Path, address: str) -> None:
    assert lift_prevent_destroy(root, [address]) == ()
    assert written(root).keys() == {"modules/top"}
    assert written(root)["modules/top"].endswith(
        'resource "aws_cognito_user_pool" "this" {\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n'
    )
    assert stat.S_IMODE((root / "modules/top" / OVERRIDE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "address",
    [
        'module.each["a"].aws_cognito_user_pool.this',
        'module.each["a.b]"].aws_cognito_user_pool.this["x.y"]',
        "module.this.module.each[0].aws_cognito_user_pool.this[3]",
        'module.each["a"].aws_cognito_user_pool.this (deposed 0a1b2c3d)',
    ],
)
def test_beside_the_block_of_a_module_below(root: Path, address: str) -> None:
    assert lift_prevent_destroy(root, [address]) == ()
    assert written(root).keys() == {"modules/below"}


@pytest.mark.parametrize(
    "address",
    [
        "aws_dynamodb_table.free",
        "aws_dynamodb_table.gone",
        "module.gone.aws_cognito_user_pool.this",
    ],
)
def test_what_has_no_prevent_destroy_or_no_block_any_more_needs_no_file(root: Path, address: str) -> None:
    assert lift_prevent_destroy(root, [address]) == ()
    assert written(root) == {}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("module.far.aws_cognito_user_pool.this", "far comes from acme/x/aws"),
        ("module.out.aws_cognito_user_pool.this", "out comes from ../../../elsewhere"),
        ("aws_cognito_user_pool", "not a resource address"),
        ("data.aws_cognito_user_pool.this", "not a resource address"),
    ],
)
def test_what_cannot_be_lifted_is_told(root: Path, address: str, why: str) -> None:
    (told,) = lift_prevent_destroy(root, [address])
    assert why in told
    assert address in told
    assert written(root) == {}


def test_several_waivers_of_one_folder_make_one_file(root: Path) -> None:
    path = root / "modules/top/main.tf"
    path.write_text(path.read_text() + KEPT.replace('"this"', '"second"').replace('"free"', '"more"'))
    addresses = ["aws_cognito_user_pool.second", "aws_cognito_user_pool.this", "module.far.x.y"]
    assert len(lift_prevent_destroy(root, addresses)) == 1
    assert written(root)["modules/top"].count("prevent_destroy = false") == 2


def test_a_fetched_module_of_a_unit_is_told(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('module "this" {\n  source = "git::https://example.com/x.git"\n}\n')
    (told,) = lift_prevent_destroy(tmp_path, ["aws_cognito_user_pool.this"])
    assert "copy the module to modules/" in told


def test_attributes_are_set_in_every_block_that_is_named(root: Path) -> None:
    problems = override_resources(
        root,
        {
            'module.this.aws_cognito_user_pool.this["a"]': Override({"deletion_protection": "IN${x}ACTIVE"}, ("days",)),
            'module.this.aws_cognito_user_pool.this["b"]': Override({"days": 0}, ("name", "schema")),
            "module.this.aws_dynamodb_table.free": Override({"force_destroy": True}),
            "module.this.module.each[0].aws_dynamodb_table.free": Override(),
            "module.this.module.far.aws_x.y": Override({"force_destroy": True}),
            "module.this.aws_x.gone": Override({"force_destroy": True}),
        },
        required=True,
    )
    assert list(problems) == ["module.this.aws_x.gone", "module.this.module.far.aws_x.y"]
    assert problems["module.this.aws_x.gone"] == "the configuration no longer has its block"
    assert "outside this repository" in problems["module.this.module.far.aws_x.y"]
    assert written(root).keys() == {"modules/top"}, "a block that nothing keeps needs no file"
    assert written(root)["modules/top"].partition("\n\n")[2] == (
        'resource "aws_cognito_user_pool" "this" {\n  days = 0\n  deletion_protection = "IN$${x}ACTIVE"\n'
        "  lifecycle {\n    prevent_destroy = false\n    ignore_changes  = [name, schema]\n  }\n}\n\n"
        'resource "aws_dynamodb_table" "free" {\n  force_destroy = true\n'
        "  lifecycle {\n    prevent_destroy = false\n  }\n}\n"
    )
