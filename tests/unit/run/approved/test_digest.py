"""The digest of a unit: the same wherever and whenever it is made, another for every change of the unit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.render.write import RootRenderer
from orchestrator.run.approved.digest import folder_digest, unit_digest
from tests.support.catalogue import loaded

CATALOGUE = """\
== stages/prod
account: main
stacks:
  one: {inputs: {a: 1}}
  two: {inputs: {a: "${{ one.x }}"}}
== stacks/one
module: any
== stacks/two
module: any
"""


def digests(root: Path) -> dict[str, str]:
    catalogue = load(root)
    renderer = RootRenderer(catalogue)
    found = {
        unit: unit_digest(catalogue, renderer, catalogue.units[unit], root / ".orch" / "digests")
        for unit in sorted(catalogue.units)
    }
    assert not list((root / ".orch" / "digests").rglob("*.tf")), "nothing of it stays"
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    loaded(tmp_path / "repo", CATALOGUE)
    return tmp_path / "repo"


def test_it_does_not_depend_on_the_checkout_and_files_of_others(root: Path, tmp_path: Path) -> None:
    before = digests(root)
    assert before == digests(root)
    assert len(set(before.values())) == len(before)
    other = tmp_path / "a" / "longer" / "path"
    shutil.copytree(root, other)
    for path in other.rglob("*"):
        path.touch()
    (other / "README.md").write_text("unrelated")
    (other / "modules/unused").mkdir()
    (other / "modules/unused/main.tf").write_text("# unrelated\n")
    (other / "live/stages/test.yaml").write_text("account: main\nstacks: {one: }\n")
    after = digests(other)
    assert {unit: after[unit] for unit in before} == before
    assert after["test/one"] != before["prod/one"]


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("live/stages/prod.yaml", "a: 1", "a: 2", {"prod/one"}),
        ("live/stages/prod.yaml", "one.x", "one.y", {"prod/two"}),
        ("live/orch.yaml", "eu-west-1", "eu-west-3", {"prod/one", "prod/two"}),
        ("live/accounts/main.yaml", "111111111111", "222222222222", {"prod/one", "prod/two"}),
        ("modules/any/main.tf", "value = 1", "value = 3", {"prod/one", "prod/two"}),
    ],
)
def test_it_changes_with_what_the_unit_is(root: Path, file: str, old: str, new: str, changed: set[str]) -> None:
    before = digests(root)
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new))
    after = digests(root)
    assert {unit for unit in before.keys() | after.keys() if before.get(unit) != after.get(unit)} == changed


def test_names_content_and_mode_of_every_file_count(tmp_path: Path) -> None:
    found: set[str] = set()
    for name, text, mode in (
        ("a", "x", 0o600),
        ("b", "x", 0o600),
        ("a", "y", 0o600),
        ("a", "x", 0o700),
        (".a", "x", 0o600),
    ):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        (folder / name).write_text(text)
        (folder / name).chmod(mode)
        found.add(folder_digest(folder))
    assert len(found) == 5
