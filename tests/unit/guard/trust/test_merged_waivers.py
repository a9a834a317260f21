"""Which waivers of which commit count."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator.errors import CatalogueError, SetupError
from orchestrator.guard.model import Severity
from orchestrator.guard.trust.trust import load_trust
from orchestrator.util.git import Repository
from tests.support.git import Git
from tests.support.trust import CI, OWNERS, PULL, TODAY, allowed, judged, load, trust, waiver, write


def test_a_merged_waiver_counts_here_and_in_ci(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git.publish()
    assert allowed(trust(git))
    assert allowed(trust(git, CI))
    git.branch("change")
    write(git, "live/change.yaml", "x")
    git.commit("bob@example.com")
    assert allowed(trust(git, PULL))


def test_a_waiver_that_the_change_brings_does_not_count_in_ci(git: Git) -> None:
    git.branch("change")
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    found = judged(trust(git, PULL))
    assert found.severity is Severity.BLOCK
    assert "is not valid: it is not in" in found.hint
    assert "it must be merged first" in found.hint


def test_a_waiver_of_the_working_tree_does_not_count(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    found = judged(trust(git))
    assert found.severity is Severity.BLOCK
    assert "policies/waivers.yaml:1:3) is not valid: it is not in origin/main as it was fetched last" in found.hint
    assert not allowed(trust(git, CI))


def test_a_waiver_that_its_own_author_commits_in_the_name_of_another_does_not_count(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver("anna"))
    git.commit("bob@example.com")
    found = judged(trust(git))
    assert found.severity is Severity.BLOCK
    assert "it is not in origin/main as it was fetched last; it must be merged first, then: git fetch" in found.hint
    git("checkout", "-q", "-b", "origin/main")  # a branch of one's own is not the remote's
    assert not allowed(trust(git))
    write(git, "policies/owners.yaml", f"{OWNERS}dora: [dora@example.com]\n")
    git.commit("bob@example.com")
    assert not allowed(trust(git))


def test_of_a_remote_whose_default_branch_is_unknown_no_waiver_counts(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit()
    git.publish()
    git("symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    assert allowed(trust(git)), "main is the usual name"
    git("update-ref", "refs/remotes/origin/master", "HEAD~1")
    for remote in ("origin", "somewhere"):
        git("remote", "add", remote, "file:///nowhere")
        found = judged(trust(git))
        assert found.severity is Severity.BLOCK
        assert "git remote set-head origin --auto" in found.hint
        git("update-ref", "-d", "refs/remotes/origin/main")
        git("update-ref", "-d", "refs/remotes/origin/master")


def test_with_another_default_branch_it_is_that_one(git: Git) -> None:
    git("update-ref", "refs/remotes/origin/release", "HEAD")
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release")
    write(git, "policies/waivers.yaml", waiver())
    git.commit()
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert "it is not in origin/release" in judged(trust(git)).hint
    git("update-ref", "refs/remotes/origin/release", "HEAD")
    assert allowed(trust(git))


@pytest.mark.parametrize("restricted", [True, False])
def test_without_a_remote_a_waiver_counts_where_nothing_is_restricted(git: Git, restricted: bool) -> None:
    for ref in ("HEAD", "main"):
        git("update-ref", "--no-deref", "-d", f"refs/remotes/origin/{ref}")
    write(git, "policies/waivers.yaml", waiver())
    repository = Repository.find(git.root)
    found = judged(load_trust(git.root, repository, {}, lambda: TODAY, restricted=lambda _: restricted))
    assert "it is not committed yet" in found.hint
    git.commit("bob@example.com")
    asked: list[str] = []

    def ask(unit: str) -> bool:
        asked.append(unit)
        return restricted

    repository = Repository.find(git.root)
    found = judged(load_trust(git.root, repository, {}, lambda: TODAY, restricted=ask))
    assert asked == ["prod/identity"]
    assert (found.severity is Severity.BLOCK, "has no remote" in found.hint) == (restricted, restricted)


def test_what_a_local_commit_weakens_is_reported_outside_of_ci_too(git: Git) -> None:
    listed = git.root / "policies/protected.yaml"
    listed.write_text(listed.read_text().replace("aws_cognito_user_pool:", "aws_no_pool:"))
    git.commit()
    assert [each.subject for each in trust(git).weakened] == ["aws_cognito_user_pool"]
    git.publish()
    assert trust(git).weakened == ()


def test_a_waiver_that_the_change_takes_back_does_not_count(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "policies/waivers.yaml", "[]\n")
    git.commit()
    trusted = trust(git, PULL)
    assert not allowed(trusted)
    assert list(trusted.waiver_policy.unused("prod/identity")) == []


def test_the_owner_must_have_been_merged_too(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver("dora"))
    with pytest.raises(CatalogueError, match="who is not an owner"):
        trust(git)
    write(git, "policies/owners.yaml", f"{OWNERS}dora: [dora@example.com]\n")
    found = judged(trusted := trust(git))
    assert found.severity is Severity.BLOCK
    assert "dora would become an owner" in {each.what for each in trusted.weakened}


def test_an_owner_whom_the_change_lists_does_not_count_for_a_merged_waiver(git: Git) -> None:
    """An owner was removed; a change that lists them again makes none of their waivers valid."""
    write(git, "policies/waivers.yaml", waiver("dora"))
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "policies/owners.yaml", f"{OWNERS}dora: [dora@example.com]\n")
    git.commit()
    assert "dora is not in the merged policies/owners.yaml" in judged(trust(git, PULL)).hint


def test_a_prolonged_waiver_counts_only_as_it_was_merged(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver(days=-1))
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "policies/waivers.yaml", waiver(days=9))
    git.commit()
    assert "the merged version expires on 2026-11-25" in judged(trust(git, PULL)).hint


def test_an_old_commit_does_not_bring_a_waiver_back(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    old = git.commit()
    write(git, "policies/waivers.yaml", "[]\n")
    git.commit()
    git.publish()
    git("checkout", "-q", old)
    git.commit("bob@example.com")
    assert not allowed(trust(git, PULL))
    assert not allowed(trust(git, {"ORCH_BASE": "origin/main"}))


def test_expired_and_wide_ones_stop_everything(git: Git) -> None:
    for text, what in (
        (waiver(days=-1), "expired on"),
        (waiver(days=15), "expires too late"),
        ("- id: x\n", "is missing"),
    ):
        write(git, "policies/waivers.yaml", text)
        for env in ({}, CI):
            with pytest.raises(CatalogueError, match=what):
                trust(git, env)


def test_in_a_shallow_clone_no_waiver_is_valid(git: Git, tmp_path: Path) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("anna@example.com")
    git.commit("bob@example.com")
    shallow = tmp_path / "shallow"
    git("clone", "-q", "--depth=1", "--branch=main", git.root.as_uri(), str(shallow))
    found = judged(load(shallow, CI))
    assert found.severity is Severity.BLOCK
    assert "unknown in a shallow clone" in found.hint


def test_without_a_repository_no_waiver_counts(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit()
    shutil.rmtree(git.root / ".git")
    trusted = trust(git)
    assert trusted.base is None
    assert "this is not a git repository" in judged(trusted).hint
    with pytest.raises(SetupError, match="not a git repository"):
        trust(git, CI)
