"""A commit checked out beside a clone, without its hooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.util.git import Repository
from tests.support.git import Git


def test_a_commit_is_checked_out_and_removed_again(tmp_path: Path) -> None:
    git = Git(tmp_path / "repo")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    hook = hooks / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    git("config", "core.hooksPath", str(hooks))
    (git.root / "file").write_text("old")
    old = git.commit()
    git.publish()
    (git.root / "file").write_text("new")
    git.commit()
    repository = Repository.find(git.root)
    assert repository is not None
    repository.add_worktree(old, tmp_path / "tree")
    assert (tmp_path / "tree" / "file").read_text() == "old"
    beside = Repository.find(tmp_path / "tree")
    assert beside is not None
    assert beside.head == old
    assert not beside.dirty()
    assert [ref.name for ref in beside.remote_refs()] == ["refs/remotes/origin/HEAD", "refs/remotes/origin/main"]
    assert not (tmp_path / "hooked").exists()
    (tmp_path / "tree" / "more").write_text("x")
    repository.remove_worktree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    assert git("worktree", "list").count("\n") == 0
    repository.remove_worktree(tmp_path / "tree")  # never fails


def test_an_unknown_commit_is_an_error(tmp_path: Path) -> None:
    git = Git(tmp_path / "repo")
    git.commit()
    repository = Repository.find(git.root)
    assert repository is not None
    with pytest.raises(SetupError, match="worktree"):
        repository.add_worktree("0" * 40, tmp_path / "tree")
