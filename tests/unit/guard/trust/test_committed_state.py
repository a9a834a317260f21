"""No file in ``.orch`` may be committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import BlockedError
from orchestrator.guard.trust.committed_state import refuse_committed, refuse_committed_programs
from orchestrator.util.git import Repository
from tests.support.escapes import commit, git


def test_a_folder_without_git_and_one_with_nothing_of_it_committed_are_fine(tmp_path: Path) -> None:
    (tmp_path / ".orch").mkdir()
    (tmp_path / ".orch" / "x").write_text("")
    refuse_committed(Repository.find(tmp_path))
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text(".orch/\n")
    commit(tmp_path, "all but .orch")
    refuse_committed(Repository.find(tmp_path))


@pytest.mark.parametrize("below", ["", "infra"])
def test_a_committed_file_is_named(tmp_path: Path, below: str) -> None:
    git(tmp_path, "init", "-q")
    root = tmp_path / below
    (root / ".orch" / "units").mkdir(parents=True)
    (root / ".orch" / "units" / "provider").write_text("#!/bin/sh\n")
    (root / ".orch" / "other").symlink_to("/etc")
    commit(tmp_path, "A program of mine")
    with pytest.raises(BlockedError, match=r"git tracks \.orch/other and 1 more"):
        refuse_committed(Repository.find(root))


def test_a_link_in_its_place_is_named(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".orch").symlink_to("/tmp")
    commit(tmp_path, "A folder of mine")
    with pytest.raises(BlockedError, match=r"git tracks \.orch:"):
        refuse_committed(Repository.find(tmp_path))


@pytest.mark.parametrize("below", ["", "infra"])
def test_programs_and_what_chooses_them_do_not_come_from_the_change(tmp_path: Path, below: str) -> None:
    git(tmp_path, "init", "-q")
    root = tmp_path / below
    cache, outside = tmp_path / "plugins", tmp_path.parent / f"{tmp_path.name}-outside"
    for folder in (root, cache, outside):
        folder.mkdir(exist_ok=True)
    (outside / "provider").write_text("")
    (cache / "provider").write_text("")
    (tmp_path / ".gitignore").write_text("plugins/\n")
    commit(tmp_path, "A cache that git ignores")
    repository = Repository.find(root)
    refuse_committed_programs(repository, [cache, outside, tmp_path / "none"])
    refuse_committed_programs(None, [cache])
    git(tmp_path, "add", "-f", "plugins")
    with pytest.raises(BlockedError, match=r"git tracks .*plugins/provider"):
        refuse_committed_programs(repository, [outside, cache])
    with pytest.raises(BlockedError, match=r"git tracks .*plugins/provider"):
        refuse_committed_programs(repository, [cache / "provider"])
