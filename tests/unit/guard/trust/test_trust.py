"""Which commit policies come from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator.errors import CatalogueError
from orchestrator.guard.trust.trust import weakened_against
from tests.support.git import Git
from tests.support.trust import CI, PULL, allowed, load, trust, waiver, write


def test_in_ci_the_policies_are_those_that_were_merged(git: Git) -> None:
    merged = trust(git, CI).policies.digest
    git.branch("change")
    listed = git.root / "policies/protected.yaml"
    listed.write_text(listed.read_text().replace("aws_cognito_user_pool:", "aws_no_pool:"))
    check = git.root / "policies/protected/check.py"
    source = check.read_bytes()
    check.write_bytes(source + b"\nweaker = True\n")
    git.commit()
    trusted = trust(git, PULL)
    assert "aws_cognito_user_pool" in trusted.policies.protected
    assert trusted.policies.digest == merged
    assert next(each for each in trusted.policies.policies if each.name == "protected").source == source
    first, second = trusted.weakened
    end = len(source.splitlines()) + 2
    assert (str(second.where), second.what) == (f"policies/protected/check.py:{end}", "the check would change")
    assert first.what == "aws_cognito_user_pool would no longer be protected"


def test_locally_the_policies_are_those_of_the_working_tree_and_weakening_is_reported(git: Git) -> None:
    whole = trust(git).policies.digest
    listed = git.root / "policies/protected.yaml"
    listed.write_text(
        listed.read_text() + "aws_new:\n  lost: all of it\n  severity: data\n  delete_apis: [x:DeleteX]\n"
    )
    trusted = trust(git)
    assert "aws_new" in trusted.policies.protected
    assert trusted.weakened == ()
    assert trusted.policies.digest != whole
    listed.write_text(listed.read_text().replace("aws_cognito_user_pool:", "aws_no_pool:"))
    assert [each.subject for each in trust(git).weakened] == ["aws_cognito_user_pool"]


def test_a_policies_folder_that_the_change_removes_judges_all_the_same(git: Git) -> None:
    git.branch("change")
    shutil.rmtree(git.root / "policies")
    git.commit()
    trusted = trust(git, PULL)
    assert "aws_cognito_user_pool" in trusted.policies.protected
    assert "the list of protected resources would be removed" in {each.what for each in trusted.weakened}


def test_what_main_gained_since_is_not_taken_for_weakened(git: Git) -> None:
    git.branch("change")
    write(git, "live/change.yaml", "x")
    git.commit()
    git("checkout", "-q", "main")
    listed = git.root / "policies/protected.yaml"
    listed.write_text(
        listed.read_text() + "aws_new:\n  lost: all of it\n  severity: data\n  delete_apis: [x:DeleteX]\n"
    )
    git.commit()
    git.publish()
    git("checkout", "-q", "change")
    trusted = trust(git, PULL)
    assert trusted.weakened == ()
    assert "aws_new" in trusted.policies.protected


def test_the_version_of_orch_belongs_to_the_judge(git: Git) -> None:
    git.branch("change")
    write(git, "live/orch.yaml", 'orch: ">=0.0.1"\n')
    git.commit()
    (found,) = trust(git, PULL).weakened
    assert (str(found.where), found.what) == (
        "live/orch.yaml:1:1",
        "the version of orch would change from ~=0.1 to >=0.0.1",
    )
    assert weakened_against(git.root, "origin/main") == (found,)
    git("checkout", "-q", "main")
    assert trust(git, PULL).weakened == ()


def test_a_catalogue_in_a_folder_of_a_repository(git: Git, tmp_path: Path) -> None:
    outer = Git(tmp_path / "outer")
    shutil.copytree(git.root, outer.root / "infra", ignore=shutil.ignore_patterns(".git"))
    (outer.root / "infra/policies/waivers.yaml").write_text(waiver())
    outer.commit("bob@example.com")
    outer.publish()
    for env in ({}, CI):
        trusted = load(outer.root / "infra", env)
        assert trusted.weakened == ()
        assert allowed(trusted)


def test_committed_caches_of_python_are_ignored(git: Git, bare: Git) -> None:
    for each in (git, bare):
        each("checkout", "-q", "main")
        before = trust(each, CI).policies
        cached = ("policies/__pycache__/x.pyc", "policies/protected/__pycache__/check.pyc")
        for name in cached[: 1 if before.builtin else 2]:
            write(each, name, "x")
        each("add", "--force", "policies")
        each.commit()
        each.publish()
        for env in ({}, CI):
            trusted = trust(each, env)
            assert (trusted.policies.builtin, trusted.policies.digest) == (before.builtin, before.digest)
            assert trusted.weakened == ()
        each.branch("without")
        each("rm", "-q", "-r", "policies/__pycache__")
        each.commit()
        for env in ({}, PULL):
            assert trust(each, env).weakened == ()


def test_a_link_among_the_policies_is_no_policy(git: Git) -> None:
    (git.root / "policies/protected/check.py").unlink()
    (git.root / "policies/protected/check.py").symlink_to("../weakened/check.py")
    git.commit()
    git.publish()
    with pytest.raises(CatalogueError, match="symbolic links are not allowed"):
        trust(git, CI)
