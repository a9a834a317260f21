"""Repositories that the tests of trust change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.git import Git
from tests.support.trust import OWNERS, ROOT, write


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository whose main branch, by bob, has policies and owners."""
    git = Git(tmp_path / "repository")
    shutil.copytree(ROOT / "policies", git.root / "policies")
    write(git, "policies/owners.yaml", OWNERS)
    write(git, "policies/waivers.yaml", "[]\n")
    write(git, "live/orch.yaml", 'orch: "~=0.1"\n')
    git.commit()
    git.publish()
    return git


@pytest.fixture
def bare(tmp_path: Path) -> Git:
    """A repository whose main branch has a platform and no policies of its own, on the branch of a change."""
    git = Git(tmp_path / "bare")
    write(git, "live/orch.yaml", 'orch: "~=0.1"\n')
    git.commit()
    git.publish()
    git.branch("change")
    return git
