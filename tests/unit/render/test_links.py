"""Links in modules: those that would bring along what is not the module's, or never end, are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.catalogue import ModuleSource
from orchestrator.errors import CatalogueError, Location
from orchestrator.render.module_tree import ModuleTrees, copy_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / "modules/m").mkdir(parents=True)
    (root / "modules/m/main.tf").write_text("locals {}\n")
    for folder in (".orch/runs", ".git", "shared", "../elsewhere"):
        (root / folder).mkdir(parents=True)
        (root / folder / "x").write_text("x")
    return root


def module(root: Path) -> ModuleSource:
    return ModuleSource("modules/m", None, root / "modules/m", Location("live/stacks/m.yaml"))


@pytest.mark.parametrize(
    "target", ["../..", "..", ".", "../../.orch/runs", "../../.git/x", "../../../elsewhere", "/etc/passwd", "nowhere"]
)
def test_a_link_that_must_not_be_followed_is_refused(root: Path, target: str) -> None:
    (root / "modules/m/deep").mkdir()
    (root / "modules/m/deep/link").symlink_to(Path("..") / target if target.startswith(".") else target)
    with pytest.raises(CatalogueError) as caught:
        ModuleTrees(root).of(module(root))
    (problem,) = caught.value.problems
    assert problem.where is not None
    assert problem.where.file == "modules/m/deep/link"
    assert problem.hint


def test_a_link_to_another_folder_of_the_repository_is_copied(root: Path, tmp_path: Path) -> None:
    (root / "modules/m/shared").symlink_to("../../shared")
    found = ModuleTrees(root).of(module(root))
    assert found is not None
    copy_tree(found, root, tmp_path / "copy")
    assert (tmp_path / "copy/modules/m/shared/x").read_text() == "x"


@pytest.mark.parametrize("target", ["../../elsewhere/x", "../.git", "gone", "../modules/m"])
def test_a_link_in_a_linked_folder_is_looked_at_as_well(root: Path, target: str) -> None:
    (root / "modules/m/shared").symlink_to("../../shared")
    (root / "shared/link").symlink_to(target)
    with pytest.raises(CatalogueError) as caught:
        ModuleTrees(root).of(module(root))
    assert [each.where.file for each in caught.value.problems if each.where] == ["modules/m/shared/link"]


def test_everything_is_copied_but_git_states_plans_and_terraforms_folder(root: Path, tmp_path: Path) -> None:
    """`file("${path.module}/src/.npmrc")` failed, and `fileset` silently lacked files."""
    wanted = {
        "main.tf", ".npmrc", "src/.npmrc", "src/.well-known/x", "tests/data.json", "src/tests/x", "__pycache__/x.pyc",
        ".terraform.lock.hcl", ".terraformignore", "plan.json", "my.tfstate-notes", ".gitignore", ".env", "a.tfvars",
    }  # fmt: skip
    unwanted = {
        ".git/config", "src/.git/x", ".terraform/providers/x", ".orch/runs/x", "terraform.tfstate", "src/x.tfstate",
        "terraform.tfstate.backup", ".terraform.tfstate.lock.info", "saved.tfplan", "terraform.tfstate.d/dev/x",
    }  # fmt: skip
    for name in sorted(wanted | unwanted):
        path = root / "modules/m" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("locals {}\n")
    found = ModuleTrees(root).of(module(root))
    assert found is not None
    copy_tree(found, root, tmp_path / "copy")
    copied = tmp_path / "copy/modules/m"
    assert {path.relative_to(copied).as_posix() for path in copied.rglob("*") if path.is_file()} == wanted
