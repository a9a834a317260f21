"""Renames in ``live/``: every letter that is not a name stays, the catalogue means the same, and names in AWS stay."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.edit.rename import FileEdit, Rename, RenameKind, rename_edits
from orchestrator.config.load import load
from orchestrator.config.naming import aws_names
from orchestrator.errors import CatalogueError
from tests.support.catalogue import write

TEXT = """\
== accounts/main
id: "111111111111"
== stages/prod
# the one that matters
account: main
stacks:
  data:        # empty: with defaults
  api: {inputs: {b: "${{ data.x }}"}}
  "people":
    inputs:
      a: "${{data.y}} and ${{ api.x }}"
== stages/test
extends: "prod"
stacks:
  people: false
uses:
  people: prod/people
== stages/other
account: main
stacks: {api: , mine: {depends_on: [api]}}
uses: {data: prod/data}
== stacks/data
# yaml-language-server: $schema=../.schema/stacks/data.json
module: any    # first
== stacks/api
module: any
depends_on:
  - data
inputs:
  a: ${{ data.x.deep[0] }}
== stacks/people
{module: any}
== stacks/mine
module: any
== modules/any
variable "a" {
  type    = any
  default = null
}
variable "b" {
  type    = any
  default = null
}
output "x" { value = 1 }
output "y" { value = 2 }
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "repo", TEXT)


def renamed(root: Path, rename: Rename) -> Catalogue:
    """The catalogue after a rename, read from beside the repository."""
    beside = root.parent / "beside"
    shutil.copytree(root / "live", beside / "live")
    for edit in rename_edits(root, rename):
        if edit.path and edit.path != edit.to:
            (beside / edit.path).unlink()
        (beside / edit.to).write_text(edit.after)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    after = load(root, written=beside)
    assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}, "nothing is written"
    return after


def names_by_unit(catalogue: Catalogue) -> dict[str, dict[str, str]]:
    return {id_: dict(aws_names(catalogue, unit)) for id_, unit in catalogue.units.items()}


def test_a_renamed_stage_keeps_its_units_their_order_and_their_names_in_aws(root: Path) -> None:
    before = load(root)
    after = renamed(root, Rename(RenameKind.STAGE, "prod", "live"))
    swap = {id_: id_.replace("prod/", "live/") for id_ in before.units}
    assert set(after.units) == set(swap.values())
    assert {swap[id_]: name for id_, name in names_by_unit(before).items()} == names_by_unit(after)
    for id_, unit in before.units.items():
        assert after.units[swap[id_]].upstreams == tuple(sorted(swap[each] for each in unit.upstreams))
    assert after.stages["test"].lineage == ("test", "live")
    assert after.stages["test"].named is None, "a former name is not inherited"


def test_a_renamed_stack_is_renamed_everywhere_and_keeps_its_names_in_aws(root: Path) -> None:
    before = load(root)
    after = renamed(root, Rename(RenameKind.STACK, "data", "store"))
    swap = {id_: id_.replace("/data", "/store") for id_ in before.units}
    assert set(after.units) == set(swap.values())
    assert {swap[id_]: name for id_, name in names_by_unit(before).items()} == names_by_unit(after)
    for id_, unit in before.units.items():
        assert after.units[swap[id_]].upstreams == tuple(sorted(swap[each] for each in unit.upstreams))


@pytest.mark.parametrize(
    ("rename", "units"),
    [
        (Rename(RenameKind.UNIT, "mine", "ours", scope="other"), {"other/mine": "other/ours"}),
        (Rename(RenameKind.UNIT, "api", "front", scope="other"), None),
        (Rename(RenameKind.STACK, "people", "folk"), {"prod/people": "prod/folk"}),
    ],
)
def test_a_renamed_unit(root: Path, rename: Rename, units: dict[str, str] | None) -> None:
    if units is None:  # `mine` of the same stage names it, and is a stack that others could have: a person must decide
        with pytest.raises(CatalogueError, match="api"):
            renamed(root, rename)
        return
    before = load(root)
    after = renamed(root, rename)
    assert set(after.units) == {units.get(id_, id_) for id_ in before.units}
    assert {units.get(id_, id_): name for id_, name in names_by_unit(before).items()} == names_by_unit(after)


def test_all_that_is_no_name_stays_letter_by_letter(root: Path) -> None:
    edits = {edit.to: edit for edit in rename_edits(root, Rename(RenameKind.STACK, "data", "store"))}
    assert edits["live/stages/prod.yaml"].after == (
        "# the one that matters\naccount: main\nstacks:\n  store:        # empty: with defaults\n"
        '  api: {inputs: {b: "${{ store.x }}"}}\n  "people":\n    inputs:\n'
        '      a: "${{store.y}} and ${{ api.x }}"\n'
    )
    assert edits["live/stacks/store.yaml"].after == (
        "# yaml-language-server: $schema=../.schema/stacks/store.json\n"
        "named: data  # keeps its names in AWS\nmodule: any    # first\n"
    )
    assert edits["live/stages/other.yaml"].after.endswith("uses: {store: prod/store}\n")
    assert "-    - data\n" not in edits["live/stacks/api.yaml"].diff()
    assert "-  - data\n+  - store\n" in edits["live/stacks/api.yaml"].diff()


def test_what_was_renamed_before_keeps_its_first_name(root: Path) -> None:
    (root / "live/stacks/data.yaml").write_text("named: first\nmodule: any\n")
    (edit,) = [
        e for e in rename_edits(root, Rename(RenameKind.STACK, "data", "store")) if e.to == "live/stacks/store.yaml"
    ]
    assert edit.after == "named: first\nmodule: any\n"


@pytest.mark.parametrize(
    ("rename", "says"),
    [
        (Rename(RenameKind.STAGE, "prod", "other"), "'other' already exists"),
        (Rename(RenameKind.STACK, "data", "api"), "'api' already exists"),
        (Rename(RenameKind.UNIT, "data", "store", scope="test"), "from the stage it extends"),
        (Rename(RenameKind.UNIT, "data", "store", scope="nowhere"), "unknown stage or account 'nowhere'"),
    ],
)
def test_what_cannot_be_renamed_is_told(root: Path, rename: Rename, says: str) -> None:
    with pytest.raises(CatalogueError, match=says):
        rename_edits(root, rename)


def test_a_new_file_is_shown_as_one() -> None:
    assert FileEdit("", "live/stacks/x.yaml", "", "module: any\n").diff().startswith("--- /dev/null\n+++ live/stacks/x")
