"""The comparison of version constraints with the lock file, which Terraform does not make when it attaches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.terraform.warm.constraints import unmet_constraint

REGISTRY = "registry.terraform.io"
LOCKED = {f"{REGISTRY}/hashicorp/aws": "5.100.0", "registry.example.com/acme/fake": "1.2.3"}


def required(entries: str) -> str:
    return f"terraform {{\n  required_providers {{\n    {entries}\n  }}\n}}\n"


def unmet(folder: Path, locked: dict[str, str] | None = None) -> str | None:
    return unmet_constraint(folder, folder / "data", LOCKED if locked is None else locked, REGISTRY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'resource "aws_vpc" "x" {}',
        required('aws = { source = "hashicorp/aws", version = "~> 5.0" }'),
        required('aws = { source = "hashicorp/aws", version = ">= 5.1, < 6.0" }'),
        required('aws = { source = "registry.terraform.io/hashicorp/aws", version = "5.100.0" }'),
        required('aws = "~> 5.0"'),
        required('aws = { version = "!= 5.99.0" }'),
        required('aws = { source = "hashicorp/aws" }'),
        required('fake = { source = "registry.example.com/acme/fake", version = "1.2.3" }'),
        required('unknown = { source = "acme/unknown" }'),
        'provider "aws" {\n  version = "~> 5.0"\n}',
        'provider "aws" {\n  region = "x"\n}',
        'provider "unknown" {}',
        'provider "aws" {\n  version = var.x\n}',  # Terraform refuses it, attached or not.
    ],
)
def test_a_constraint_that_is_met_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "main.tf").write_text(text, encoding="utf-8")
    assert unmet(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (required('aws = { source = "hashicorp/aws", version = "~> 6.0" }'), "requires aws ~> 6.0"),
        (
            required('aws = { source = "hashicorp/aws", version = ">= 5.0, < 5.100.0" }'),
            "requires aws >= 5.0, < 5.100.0",
        ),
        (required('aws = "< 5"'), "requires aws < 5"),
        (required('aws = { source = "acme/aws", version = ">= 0" }'), "requires aws >= 0"),
        (required('unknown = { source = "acme/unknown", version = ">= 1" }'), "requires unknown >= 1"),
        (required('fake = { source = "registry.example.com/acme/fake", version = "1.2.4" }'), "requires fake 1.2.4"),
        ('provider "aws" {\n  version = "~> 6.0"\n}', "requires aws ~> 6.0"),
    ],
)
def test_a_constraint_that_is_not_met_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "main.tf").write_text(text, encoding="utf-8")
    assert unmet(tmp_path) == f"{tmp_path.name} {words}"


def test_json_and_overrides_count(tmp_path: Path) -> None:
    entry = {"source": "hashicorp/aws", "version": "~> 6.0"}
    data = {"terraform": [{"required_providers": {"aws": entry}}]}
    (tmp_path / "main.tf").write_text(required('aws = "~> 5.0"'), encoding="utf-8")
    assert unmet(tmp_path) is None
    (tmp_path / "more_override.tf.json").write_text(json.dumps(data), encoding="utf-8")
    assert unmet(tmp_path) == f"{tmp_path.name} requires aws ~> 6.0"


def test_every_module_counts(tmp_path: Path) -> None:
    for name, version in (("a", "~> 5.0"), ("b", "~> 4.0")):
        (tmp_path / "modules" / name).mkdir(parents=True)
        (tmp_path / "modules" / name / "main.tf").write_text(required(f'aws = "{version}"'), encoding="utf-8")
    manifest = tmp_path / "data" / "modules" / "modules.json"
    manifest.parent.mkdir(parents=True)
    listed = [{"Dir": "."}, {"Dir": "modules/a"}]
    manifest.write_text(json.dumps({"Modules": listed}), encoding="utf-8")
    assert unmet(tmp_path) is None  # No module calls b.
    manifest.write_text(json.dumps({"Modules": [*listed, {"Dir": "modules/b"}]}), encoding="utf-8")
    assert unmet(tmp_path) == "b requires aws ~> 4.0"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("main.tf", "provider {{{"),
        ("main.tf", required('aws = { source = "hashicorp/aws", version = "newest" }')),
        ("main.tf", 'provider {\n  version = "1"\n}'),
        ("main.tf.json", '{"provider": '),
        ("main.tf.json", '["provider"]'),
        ("data/modules/modules.json", "["),
        ("data/modules/modules.json", "[]"),
        ("data/modules/modules.json", '{"Modules": [{}]}'),
        ("data/modules/modules.json", '{"Modules": [{"Dir": "gone"}]}'),
        ("data/modules/modules.json", '{"Modules": [{"Dir": 1}]}'),
    ],
)
def test_what_cannot_be_read_is_a_reason(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert (unmet(tmp_path) or "").startswith("its version constraints cannot be read: ")


def test_a_locked_version_that_is_none_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(required('aws = "~> 5.0"'), encoding="utf-8")
    assert unmet(tmp_path, {}) == f"{tmp_path.name} requires aws ~> 5.0"
    assert "cannot be read" in (unmet(tmp_path, {f"{REGISTRY}/hashicorp/aws": "x"}) or "")
