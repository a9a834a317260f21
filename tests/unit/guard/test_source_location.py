"""The line that a change comes from: found by parsing, whatever the text around it looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.nodes import Node
from orchestrator.errors import Location
from orchestrator.guard.source_location import SourceLocator
from orchestrator.terraform.model import Action, ResourceChange
from tests.support.plans import a_unit

ENTRY = a_unit().at


def change(address: str = "module.this.aws_cognito_user_pool.this", **more: Any) -> ResourceChange:
    module, _, local = address.rpartition(".aws_")
    kind, name = f"aws_{local}".split(".")
    fields: dict[str, Any] = {"action": Action.UPDATE, "before": {}, "after": {}, "module_address": module or None}
    return ResourceChange(
        address=address, type=kind, name=name.split("[")[0], provider="aws", mode="managed", **{**fields, **more}
    )


def located(root: Path, files: dict[str, str], *names: str, of: ResourceChange | None = None) -> str:
    """Write files of the repository, and say where the change of the unit with module ``modules/pool`` comes from."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    unit = a_unit(module=root / "modules/pool")
    return str(SourceLocator(unit, root).locate(of or change(), names))


POOL = 'resource "aws_cognito_user_pool" "this" {\n  name = "x"\n\n  schema {\n    name = "a"\n  }\n}\n'


@pytest.mark.parametrize(
    ("text", "names", "place"),
    [
        (POOL, ("name",), "2:3"),
        (POOL, ("schema",), "4:3"),
        (POOL, ("alias_attributes", "schema"), "4:3"),
        (POOL, (), "1:1"),
        (POOL, ("alias_attributes",), "1:1"),
        (POOL.replace("  schema {", '  dynamic "schema" {'), ("schema",), "4:3"),
        ("# " + POOL.replace("\n", "\n# ") + "\n" + POOL, ("name",), "10:3"),
        ("/*\n" + POOL + "*/\n" + POOL, ("name",), "11:3"),
        ("locals {\n  text = <<-EOT\n" + POOL + "  EOT\n}\n" + POOL, ("name",), "13:3"),
        ('locals {\n  text = "resource \\"aws_cognito_user_pool\\" \\"this\\" {"\n}\n' + POOL, ("name",), "5:3"),
        (POOL.replace('{\n  name = "x"\n', '{\n  # name = "y"\n  name = "x"\n'), ("name",), "3:3"),
        ('resource aws_cognito_user_pool this {\n  name = "x"\n}\n', ("name",), "2:3"),
        ('resource "aws_cognito_user_pool" "that" {\n  name = "x"\n}\n' + POOL, ("name",), "5:3"),
        ("locals {\n}\n  " + POOL.replace("\n", "\n  "), ("name",), "4:5"),
    ],
    ids=["attribute", "block", "second name", "nothing named", "not set", "dynamic", "comment", "long comment",
         "heredoc", "quoted", "commented attribute", "bare labels", "another resource", "indented"],
)  # fmt: skip
def test_the_attribute_or_block_is_found_in_the_module(
    tmp_path: Path, text: str, names: tuple[str, ...], place: str
) -> None:
    assert located(tmp_path, {"modules/pool/main.tf": text}, *names) == f"modules/pool/main.tf:{place}"


def test_json_syntax_is_read(tmp_path: Path) -> None:
    text = '{\n "resource": {\n  "aws_cognito_user_pool": {\n   "this": {\n    "name": "x"\n   }\n  }\n }\n}\n'
    assert located(tmp_path, {"modules/pool/main.tf.json": text}, "name") == "modules/pool/main.tf.json:5:5"


def test_an_override_file_is_where_the_value_comes_from(tmp_path: Path) -> None:
    files = {
        "modules/pool/main.tf": POOL,
        "modules/pool/a_override.tf": 'resource "aws_cognito_user_pool" "this" {\n  name = "y"\n}\n',
    }
    assert located(tmp_path, files, "name") == "modules/pool/a_override.tf:2:3"


def test_called_modules_are_followed(tmp_path: Path) -> None:
    files = {
        "modules/pool/main.tf": 'module "deep" {\n  for_each = toset(["a.b"])\n  source   = "../deep"\n}\n',
        "modules/deep/main.tf": 'module "deeper" {\n  source = "./inner"\n}\n',
        "modules/deep/inner/main.tf": POOL,
    }
    address = 'module.this.module.deep["a.b"].module.deeper[0].aws_cognito_user_pool.this'
    found = located(tmp_path, files, "name", of=change(address))
    assert found == "modules/deep/inner/main.tf:2:3"


def test_the_call_of_a_downloaded_module_is_the_nearest_line_of_the_repository(tmp_path: Path) -> None:
    files = {"modules/pool/main.tf": POOL + 'module "vpc" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n'}
    address = "module.this.module.vpc.aws_vpc.this"
    assert located(tmp_path, files, "cidr", of=change(address)) == "modules/pool/main.tf:8:1"


def test_a_source_that_is_no_path_of_this_system_is_no_error(tmp_path: Path) -> None:
    call = 'module "sub" {\n  source = "./' + "a" * 5000 + '"\n}\n'
    inside = change("module.this.module.sub.aws_cognito_user_pool.this")
    assert located(tmp_path, {"modules/pool/main.tf": call}, of=inside) == str(ENTRY)


def test_the_input_of_a_unit_comes_first(tmp_path: Path) -> None:
    at = Location("live/stacks/identity.yaml", 7, 5)
    unit = a_unit({"name": Node(value="x", at=at)}, module=tmp_path)
    (tmp_path / "main.tf").write_text(POOL)
    assert SourceLocator(unit, tmp_path).locate(change(), ["name"]) == at


@pytest.mark.parametrize(
    ("reason", "place"),
    [
        ("delete_because_each_key", "modules/pool/main.tf:2:3"),
        ("delete_because_count_index", "modules/pool/main.tf:2:3"),
        (None, str(ENTRY)),
    ],
)
def test_an_instance_that_disappears_comes_from_its_for_each(tmp_path: Path, reason: str | None, place: str) -> None:
    files = {"modules/pool/main.tf": POOL.replace("{\n", "{\n  for_each = local.names\n", 1)}
    gone = change('module.this.aws_cognito_user_pool.this["b"]', action=Action.DELETE, after=None, reason=reason)
    assert located(tmp_path, files, of=gone) == place


@pytest.mark.parametrize(
    "address",
    ["module.this.aws_sns_topic.this", "aws_cognito_user_pool.this", "module.this.module.gone.aws_vpc.x"],
)
def test_what_is_not_in_the_module_comes_from_the_units_entry(tmp_path: Path, address: str) -> None:
    assert located(tmp_path, {"modules/pool/main.tf": POOL}, "name", of=change(address)) == str(ENTRY)


def test_a_file_that_cannot_be_parsed_does_not_hide_the_others(tmp_path: Path) -> None:
    files = {"modules/pool/a.tf": "resource {", "modules/pool/main.tf": POOL, "modules/pool/c.tf": "\0"}
    assert located(tmp_path, files, "name") == "modules/pool/main.tf:2:3"


def test_a_unit_whose_module_is_downloaded_or_gone_has_only_its_entry(tmp_path: Path) -> None:
    assert SourceLocator(a_unit(), tmp_path).locate(change(), ["name"]) == ENTRY
    assert SourceLocator(a_unit(module=tmp_path / "gone"), tmp_path).locate(change(), ["name"]) == ENTRY
