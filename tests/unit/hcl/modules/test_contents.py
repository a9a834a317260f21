"""The types of resources in a module and in those that it calls."""

from __future__ import annotations

from pathlib import Path

from orchestrator.hcl.modules.contents import resource_types


def test_types_of_a_module_and_of_the_modules_that_it_calls(tmp_path: Path) -> None:
    for name, text in {
        "modules/a/main.tf": 'module "b" {\n  source = "../b"\n}\nresource "aws_s3_bucket" "x" {}\ndata "aws_region" "x" {}\n',
        "modules/b/main.tf": 'resource "aws_sqs_queue" "x" {}\n',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert resource_types(tmp_path / "modules/a", tmp_path) == {"aws_s3_bucket", "aws_sqs_queue"}
    assert resource_types(tmp_path / "modules/b", tmp_path) == {"aws_sqs_queue"}
