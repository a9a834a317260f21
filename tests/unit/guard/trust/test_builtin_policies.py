"""When the built-in policies judge."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator import __version__
from orchestrator.errors import CatalogueError
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.trust.trust import weakened_against
from tests.support.git import Git
from tests.support.trust import CI, OWNERS, PULL, ROOT, allowed, load, trust, waiver, write


def without_pools(git: Git) -> None:
    """Write policies like the built-in ones that do not protect user pools."""
    shutil.copytree(ROOT / "policies", git.root / "policies")
    (git.root / "policies/owners.yaml").unlink()
    listed = git.root / "policies/protected.yaml"
    listed.write_text(listed.read_text().replace("aws_cognito_user_pool:", "aws_no_pool:"))


@pytest.mark.parametrize("env", [{}, PULL], ids=["here", "ci"])
def test_without_policies_the_built_in_ones_judge(bare: Git, env: Mapping[str, str]) -> None:
    trusted = trust(bare, env)
    assert trusted.policies.builtin
    assert trusted.policies.source == f"built-in (orch {__version__})"
    assert trusted.policies.protected == Policies.load(ROOT).protected
    assert trusted.weakened == ()
    here = f"policies: built-in (orch {__version__})"
    ci = f"policies: built-in (orch {__version__}); waivers and owners come from {bare('rev-parse', 'main').strip()[:10]}"
    assert [each.split(" (GITHUB")[0] for each in trusted.notices] == [ci if env else here]


def test_policies_of_the_repository_are_a_notice_only_in_ci(git: Git) -> None:
    assert trust(git).notices == ()
    (found,) = trust(git, CI).notices
    assert found.startswith("Policies, waivers and owners come from ")


def test_without_a_repository_the_built_in_policies_are_a_notice(tmp_path: Path) -> None:
    assert load(tmp_path).notices == (f"policies: built-in (orch {__version__})",)


@pytest.mark.parametrize("env", [{}, PULL], ids=["here", "ci"])
def test_a_mistyped_policies_file_is_an_error_and_a_change_can_repair_it(bare: Git, env: Mapping[str, str]) -> None:
    listed = (ROOT / "policies/protected.yaml").read_text()
    write(bare, "policies/protected.yml", listed)
    bare.commit()
    with pytest.raises(CatalogueError, match=r"policies/protected\.yml"):
        trust(bare, env)
    bare.publish()
    bare("mv", "policies/protected.yml", "policies/README.md")
    bare.commit()
    assert trust(bare, env).policies.builtin


def test_the_built_in_policies_bring_no_owners(bare: Git) -> None:
    assert trust(bare, PULL).waiver_policy.waivers.owners.emails == {}
    assert "owners.yaml" not in trust(bare, PULL).policies.files


def test_owners_and_waivers_alone_leave_the_built_in_policies_in_force(bare: Git) -> None:
    bare("checkout", "-q", "main")
    write(bare, "policies/owners.yaml", OWNERS)
    write(bare, "policies/waivers.yaml", waiver())
    bare.commit()
    bare.publish()
    trusted = trust(bare, CI)
    assert trusted.policies.builtin
    assert allowed(trusted)


def test_weaker_policies_that_a_change_adds_count_only_once_merged(bare: Git) -> None:
    without_pools(bare)
    assert [each.subject for each in trust(bare).weakened] == ["aws_cognito_user_pool"]
    bare.commit()
    trusted = trust(bare, PULL)
    assert trusted.policies.builtin
    assert "aws_cognito_user_pool" in trusted.policies.protected
    assert [each.subject for each in trusted.weakened] == ["aws_cognito_user_pool"]
    assert weakened_against(bare.root, "origin/main") == trusted.weakened
    bare.publish()
    merged = trust(bare, CI)
    assert (merged.policies.builtin, merged.weakened) == (False, ())
    assert "aws_cognito_user_pool" not in merged.policies.protected


def test_a_check_that_a_change_adds_in_place_of_a_built_in_one_counts_only_once_merged(bare: Git) -> None:
    shutil.copytree(ROOT / "policies", bare.root / "policies")
    (bare.root / "policies/owners.yaml").unlink()
    check = bare.root / "policies/protected/check.py"
    check.write_text(check.read_text() + "weaker = True\n")
    shutil.rmtree(bare.root / "policies/weakened")
    bare.commit()
    assert {each.what for each in trust(bare, PULL).weakened} == {
        "the check would change",
        "the policy weakened would be removed",
    }


def test_stronger_policies_that_a_change_adds_weaken_nothing(bare: Git) -> None:
    shutil.copytree(ROOT / "policies", bare.root / "policies")
    (bare.root / "policies/owners.yaml").unlink()
    listed = bare.root / "policies/protected.yaml"
    listed.write_text(
        listed.read_text() + "aws_new:\n  lost: all of it\n  severity: data\n  delete_apis: [x:DeleteX]\n"
    )
    bare.commit()
    assert trust(bare, PULL).weakened == ()


def test_an_owner_whom_a_change_adds_beside_the_built_in_policies_is_reported(bare: Git) -> None:
    write(bare, "policies/owners.yaml", OWNERS)
    bare.commit()
    assert {each.subject for each in trust(bare, PULL).weakened} == {"owner anna", "owner carl"}


def test_a_new_platform_with_weaker_policies_is_judged_by_the_built_in_ones_in_ci(tmp_path: Path) -> None:
    git = Git(tmp_path / "new")
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "live/orch.yaml", 'orch: "~=0.1"\n')
    without_pools(git)
    write(git, "policies/owners.yaml", OWNERS)
    git.commit()
    trusted = trust(git, PULL)
    assert trusted.policies.builtin
    assert [each.subject for each in trusted.weakened] == ["aws_cognito_user_pool"]


def test_policies_that_a_change_removes_are_weaker_though_the_built_in_ones_would_follow(git: Git) -> None:
    shutil.rmtree(git.root / "policies")
    trusted = trust(git)
    assert trusted.policies.builtin
    gone = {each.what for each in trusted.weakened}
    assert {"the list of protected resources would be removed", "the policy protected would be removed"} <= gone


def test_a_policies_folder_that_cannot_be_read_is_not_replaced_by_the_built_in_policies(bare: Git) -> None:
    write(bare, "policies", "")
    with pytest.raises(CatalogueError, match="cannot be read"):
        trust(bare)
    (bare.root / "policies").unlink()
    (bare.root / "policies").symlink_to("nowhere")
    with pytest.raises(CatalogueError, match="cannot be read"):
        trust(bare)


def test_a_submodule_of_policies_is_no_policy(git: Git, tmp_path: Path) -> None:
    other = Git(tmp_path / "other")
    other.commit()
    git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.root), "policies/other")
    git.commit()
    git.publish()
    with pytest.raises(CatalogueError, match="symbolic links and submodules are not allowed"):
        trust(git, CI)


def test_a_copy_inside_a_repository_that_git_does_not_know_weakens_nothing(tmp_path: Path) -> None:
    """`make demo` works on a copy in `.orch/` of its clone, where HEAD has no policies."""
    Git(tmp_path).commit()
    copy = tmp_path / ".orch" / "demo"
    shutil.copytree(Path(__file__).parents[4] / "policies", copy / "policies")
    assert load(copy).weakened == ()
