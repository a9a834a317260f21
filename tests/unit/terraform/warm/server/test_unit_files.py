"""What a unit's files say about its providers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.terraform.warm.server.unit_files import UnitFiles, read_unit_files


def read(folder: Path, files: dict[str, str], *modules: tuple[str, str, str]) -> UnitFiles:
    """The files of a root in ``folder/root``; ``modules``: key, source and folder."""
    root, data = folder / "root", folder / "data"
    entries = [{"Key": key, "Source": source, "Dir": where} for key, source, where in (("", "", "."), *modules)]
    for path, text in {
        **{root / name: text for name, text in files.items()},
        data / "modules/modules.json": json.dumps({"Modules": entries}),
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_unit_files(root, data)


def test_types_are_words_of_the_root_its_modules_and_its_tests(tmp_path: Path) -> None:
    files = {
        "main.tf": 'resource "aws_sns_topic" "a" {}',
        "more.tf.json": '{"data": {"aws_ami": {}}}',
        "modules/m/main.tf": 'ephemeral "aws_kms_secrets" "b" {}',
        "tests/a.tftest.hcl": 'mock_resource "aws_sqs_queue" {}',
        "unused/main.tf": 'resource "aws_vpc" "c" {}',
        "inputs.json": '["aws_subnet"]',
    }
    words = read(tmp_path, files, ("m", "./modules/m", "modules/m")).words
    assert {word for word in words if word.startswith("aws_")} == {
        "aws_sns_topic",
        "aws_ami",
        "aws_kms_secrets",
        "aws_sqs_queue",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("main.tf", 'resource "aws_s3_object" "a" {\n  source = "${path.module}/../file"\n}\n'),
        ("main.tf", 'locals {\n  folder = ".."\n}\n'),
        ("main.tf", 'locals {\n  file = join("/", ["a", "..", "b"])\n}\n'),
        ("main.tf", 'module "b" {\n  source = "../b"\n  file = "../file"\n}\n'),
        ("main.tf.json", '{"locals": {"file": "../file"}}'),
        ("inputs.json", '{"file": "x/../../file"}'),
        ("terraform.tfvars", 'file = "../file"\n'),
        ("values.yaml", "file: ../file\n"),
    ],
)
def test_a_path_that_goes_up_leaves_the_folder(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path, {f"modules/a/{name}": text}, ("a", "./modules/a", "modules/a")).leaves_folder


def test_the_source_of_a_module_is_no_such_path(tmp_path: Path) -> None:
    modules = (("a", "./modules/a", "modules/a"), ("a.b", "../b", "modules/b"))
    files = {"modules/a/main.tf": 'module "b" {\n  for_each = {}\n  source   = "../b"\n}\n# Wait ...\n'}
    assert not read(tmp_path, files, *modules).leaves_folder
    # The same text elsewhere is not the source of a module.
    files["main.tf"] = 'resource "aws_s3_object" "a" {\n  source = "../b"\n}\n'
    assert read(tmp_path, files, *modules).leaves_folder


def test_a_module_elsewhere_leaves_the_folder(tmp_path: Path) -> None:
    assert read(tmp_path, {"main.tf": ""}, ("a", "../a", "../a")).leaves_folder
    assert not read(tmp_path, {"main.tf": ""}, ("a", "/modules/a", "/modules/a")).leaves_folder


@pytest.mark.parametrize(
    "text",
    [
        'x = file("${path.module}/..")',
        'x = "${path.module}../x"',
        'x = join("/",[".."])',
        "<<EOT\n../x\nEOT",
        'x = "a ../b"',
        "x = 1 // ../b",
        'source = "./m"\n  other = "../b.zip"',
        'source = "${path.module}/x" == "" ? "../a.zip" : "b"',
        '{"source": "./m", "x": "../b"}',
        'filename = "../lambda.zip" # source = "./m"',
        'module "m" {\n  file = "../x.zip"\n  source = "./m"\n}',
        'module "m" {\n  data-source = "../x"\n}',
        'module "m" {\n  objects = { source = "../x" }\n}',
    ],
)
def test_a_step_upwards_is_seen_wherever_it_stands(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, {"main.tf": text}, ("m", "./m", "m")).leaves_folder


@pytest.mark.parametrize(
    "text",
    [
        'x = "a..b"',
        'x = "1...2"',
        "x = f(var.list...)",
        "x = [for k, v in m : k => v...]",
        'x = "v1..v2 and so on"',
        "# from 1 to 9 ... or more",
        'x = "file..json"',
        'x = "a;../b"',  # A folder whose name is "a;..".
        'module "m" { source = "./m" }',
    ],
)
def test_other_dots_are_no_step_upwards(tmp_path: Path, text: str) -> None:
    assert not read(tmp_path, {"main.tf": text}, ("m", "./m", "m")).leaves_folder


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", '{"Modules": 1}', '{"Modules": [{}]}', '{"Modules": [1]}'])
def test_a_damaged_list_of_modules_is_an_error(tmp_path: Path, text: str) -> None:
    read(tmp_path, {"main.tf": ""})
    (tmp_path / "data/modules/modules.json").write_text(text)
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_unit_files(tmp_path / "root", tmp_path / "data")


def test_bytes_that_are_no_text_are_read_too(tmp_path: Path) -> None:
    read(tmp_path, {"main.tf": ""})
    (tmp_path / "root/main.tf").write_bytes(b"\xff\xfe aws_vpc \x00")
    assert read_unit_files(tmp_path / "root", tmp_path / "data").words == {"aws_vpc"}
