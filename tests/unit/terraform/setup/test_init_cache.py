from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.terraform.setup import init_cache
from orchestrator.terraform.setup.init_cache import init_key, is_initialized, remember_init

ROOT = {
    "terraform.tf": """\
terraform {
  required_version = ">=1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
  backend "s3" {
    bucket = "state" # } a comment
    key    = "prod/api"
  }
}
provider "aws" {
  region = "eu-west-1"
}
""",
    "main.tf": 'module "this" {\n  source = "./modules/api"\n  memory = local.inputs["memory"]\n}\n',
    "modules/api/main.tf": 'resource "aws_lambda_function" "this" {\n  memory_size = var.memory\n}\n',
    "modules/api/versions.tf.json": '{"terraform": {"required_version": ">=1.11"}}',
    ".terraform.lock.hcl": "# lock\n",
}


def write(folder: Path, changes: dict[str, str] | None = None) -> Path:
    for name, text in (ROOT | (changes or {})).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("terraform.tf", '"5.100.0"', '"5.99.0"'),
        ("terraform.tf", '"prod/api"', '"prod/other"'),
        ("terraform.tf", 'provider "aws"', 'provider "random"'),
        ("main.tf", "./modules/api", "./modules/other"),
        ("modules/api/main.tf", "aws_lambda_function", "random_id"),
        ("modules/api/main.tf", 'resource "aws', 'module "x" {\n  source = "../y"\n}\nresource "aws'),
        ("modules/api/versions.tf.json", ">=1.11", ">=1.12"),
        (".terraform.lock.hcl", "# lock", "# another"),
    ],
)
def test_what_init_depends_on_changes_the_key(tmp_path: Path, name: str, before: str, after: str) -> None:
    assert before in ROOT[name]
    changed = {name: ROOT[name].replace(before, after)}
    assert init_key(write(tmp_path / "a"), ("x",)) != init_key(write(tmp_path / "b", changed), ("x",))


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("main.tf", 'local.inputs["memory"]', 'local.inputs["more"]'),
        ("modules/api/main.tf", "var.memory", "var.memory * 2"),
        ("modules/api/main.tf", '"this" {', '"that" {'),
        ("modules/api/main.tf", "aws_lambda_function", "aws_sqs_queue"),
        ("modules/api/main.tf", ROOT["modules/api/main.tf"], ""),
        ("main.tf", 'module "this"', 'resource "terraform_data" "not_applied_yet" {}\nmodule "this"'),
    ],
)
def test_what_init_does_not_read_does_not(tmp_path: Path, name: str, before: str, after: str) -> None:
    assert before in ROOT[name]
    changed = {name: ROOT[name].replace(before, after)}
    assert init_key(write(tmp_path / "a"), ("x",)) == init_key(write(tmp_path / "b", changed), ("x",))


def test_a_file_that_init_reads_nothing_of_may_come_and_go(tmp_path: Path) -> None:
    outputs = {"modules/api/outputs.tf": 'output "arn" {\n  value = aws_lambda_function.this.arn\n}\n'}
    assert init_key(write(tmp_path / "a"), ("x",)) == init_key(write(tmp_path / "b", outputs), ("x",))
    call = {"modules/api/calls.tf": 'module "more" {\n  source = "../more"\n}\n'}
    assert init_key(write(tmp_path / "a"), ("x",)) != init_key(write(tmp_path / "c", call), ("x",))


def test_inputs_do_not_and_facts_do(tmp_path: Path) -> None:
    root = write(tmp_path)
    before = init_key(root, ("1.11.4", "config"))
    (root / "inputs.json").write_text("{}")
    assert init_key(root, ("1.11.4", "config")) == before
    assert init_key(root, ("1.12.0", "config")) != before
    (root / ".terraform.lock.hcl").unlink()
    assert init_key(root, ("1.11.4", "config")) != before


def prepared(tmp_path: Path) -> tuple[Path, Path]:
    """A root and a data folder as init leaves it."""
    root, data = write(tmp_path / "root"), tmp_path / "data"
    provider = data / "providers" / "registry.terraform.io" / "hashicorp" / "aws" / "5.100.0"
    provider.mkdir(parents=True)
    (tmp_path / "mirror").mkdir()
    (provider / "linux_amd64").symlink_to(tmp_path / "mirror")
    (data / "modules").mkdir()
    (data / "modules" / "modules.json").write_text(json.dumps({"Modules": [{"Dir": "."}, {"Dir": "modules/api"}]}))
    (data / "terraform.tfstate").write_text("{}")
    remember_init(data, root, "key")
    return root, data


def test_a_remembered_init_counts_for_its_key_only(tmp_path: Path) -> None:
    root, data = prepared(tmp_path)
    assert is_initialized(data, root, "key")
    assert not is_initialized(data, root, "other key")
    init_cache.forget_init(data)
    assert not is_initialized(data, root, "key")


def test_the_lock_file_of_that_init_comes_to_the_next_folder(tmp_path: Path) -> None:
    _, data = prepared(tmp_path)
    another = write(tmp_path / "another", {".terraform.lock.hcl": "# as in git\n"})
    assert is_initialized(data, another, "key")
    assert (another / ".terraform.lock.hcl").read_text() == "# lock\n"


@pytest.mark.parametrize("broken", ["link", "manifest", "module", "backend"])
def test_a_broken_data_folder_does_not_count(tmp_path: Path, broken: str) -> None:
    root, data = prepared(tmp_path)
    match broken:
        case "link":
            (tmp_path / "mirror").rmdir()
        case "manifest":
            (data / "modules" / "modules.json").write_text('{"Modules": [')
        case "module":
            (root / "modules" / "api").rename(root / "modules" / "gone")
        case "backend":
            (data / "terraform.tfstate").write_text("")
    assert not is_initialized(data, root, "key")


def test_wiping_keeps_only_what_is_locked(tmp_path: Path) -> None:
    _, data = prepared(tmp_path)
    (data / init_cache.INIT_LOCK).touch()
    init_cache.wipe(data)
    assert [path.name for path in data.iterdir()] == [init_cache.INIT_LOCK]
    assert init_cache.is_fresh(data)
    assert (tmp_path / "mirror").is_dir(), "links are removed, not what they point to"
