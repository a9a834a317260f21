"""Files that a provider reads by a relative path: those of the unit, whichever unit its process served before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.emulator import Account
from tests.support.warm import PROVIDER, Pair, aws_root

pytestmark = pytest.mark.integration

HEAD = PROVIDER + 'provider "aws" {\n  region            = "eu-west-1"\n  s3_use_path_style = true\n}\n'
OBJECT = """
resource "aws_s3_object" "@key" {
  bucket = "@bucket"
  key    = "@key"
  source = @source
}
"""
TIMES = ("first", "second")


class Uploads:
    """Units of one account that upload files; the same processes serve all of them.

    Args:
        emulator: folder of the emulator.
        folder: where the roots go.
    """

    def __init__(self, emulator: Path, folder: Path) -> None:
        self.account = Account(emulator)
        self.pair = Pair.make(folder)
        self.folder = folder
        self.bucket = f"files-{self.account.id}"
        where = {"LocationConstraint": "eu-west-1"}
        self.account.client("s3").create_bucket(Bucket=self.bucket, CreateBucketConfiguration=where)

    def run(self, unit: str, text: str, files: Mapping[str, str]) -> None:
        """Plan and apply a unit, warm."""
        main = HEAD + text.replace("@bucket", self.bucket)
        root = aws_root(self.folder / unit, {"main.tf": main, **files}, self.account, unit=unit)
        root = replace(root, identity="all")
        self.pair.warm.init(root, timeout=120)
        self.pair.plan(self.pair.warm, root, "warm")
        self.pair.apply(root)
        assert self.pair.warm.providers_of(unit) == "warm"

    def body(self, key: str) -> str:
        """What an object contains."""
        answer = self.account.client("s3").get_object(Bucket=self.bucket, Key=key)
        body: bytes = answer["Body"].read()
        return body.decode()


def upload(key: str, expression: str) -> str:
    """A resource that uploads a file."""
    return OBJECT.replace("@key", key).replace("@source", expression)


def uploading_module(key: str, expression: str) -> str:
    """A module that uploads a file."""
    return 'variable "bucket" {}\n' + upload(key, expression).replace('"@bucket"', "var.bucket")


@pytest.fixture
def uploads(emulator: Path, tmp_path: Path) -> Uploads:
    return Uploads(emulator, tmp_path)


def test_two_units_have_different_files_at_the_same_path(uploads: Uploads) -> None:
    for time in TIMES:
        text = upload(f"{time}-root", '"${path.module}/file"') + upload(f"{time}-bare", '"file"')
        text += 'module "this" {\n  source = "./modules/m"\n  bucket = "@bucket"\n}\n'
        module = uploading_module(f"{time}-module", '"${path.module}/data/file"')
        files = {"file": f"{time} root", "modules/m/main.tf": module, "modules/m/data/file": f"{time} module"}
        uploads.run(time, text, files)
    for time in TIMES:
        assert uploads.body(f"{time}-root") == uploads.body(f"{time}-bare") == f"{time} root"
        assert uploads.body(f"{time}-module") == f"{time} module"


def test_a_path_leaves_the_folder_of_the_unit(uploads: Uploads) -> None:
    for time in TIMES:
        uploads.run(
            f"{time}/unit", upload(f"{time}-outside", '"${path.module}/../file"'), {"../file": f"{time} outside"}
        )
        assert uploads.body(f"{time}-outside") == f"{time} outside"


def test_a_value_leads_out_of_the_folder_of_the_unit(uploads: Uploads) -> None:
    read = upload("value", 'jsondecode(file("${path.module}/inputs.json")).path')
    uploads.run("value/unit", read, {"inputs.json": '{"path": "../file"}', "../file": "by a value"})
    assert uploads.body("value") == "by a value"
    given = 'variable "path" {}\n' + upload("variable", "var.path")
    uploads.run("variable/unit", given, {"terraform.tfvars": 'path = "../file"\n', "../file": "by a variable"})
    assert uploads.body("variable") == "by a variable"


def test_a_module_is_outside_of_the_folder_of_the_unit(uploads: Uploads) -> None:
    for time in TIMES:
        module = uploading_module(f"{time}-beside", '"${path.module}/file"')
        call = 'module "this" {\n  source = "../m"\n  bucket = "@bucket"\n}\n'
        uploads.run(f"{time}/unit", call, {"../m/main.tf": module, "../m/file": f"{time} beside"})
        assert uploads.body(f"{time}-beside") == f"{time} beside"


def test_a_file_is_made_during_the_apply(uploads: Uploads) -> None:
    """As by ``archive_file`` whose content is known only then. Nobody but the provider has read its folder before."""
    makes = """
resource "terraform_data" "this" {
  provisioner "local-exec" {
    command = "sleep 1.5; echo made > made-now"
  }
}
"""
    reads = upload("made", '"${path.module}/made-now"').replace("key ", "depends_on = [terraform_data.this]\n  key ")
    uploads.run("made", makes + reads, {})
    assert uploads.body("made") == "made\n"
