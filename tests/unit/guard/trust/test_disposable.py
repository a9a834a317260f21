"""``disposable: true`` counts only as the protected commit has it: stage, account and access."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.guard.trust.base_commit import find_base
from orchestrator.guard.trust.disposable import merged_as_disposable
from orchestrator.util.git import Repository
from tests.support.catalogue import write
from tests.support.git import Git

DEV = '== accounts/dev\nid: "222222222222"\naccess: open\n'
FEAT = f"{DEV}== stages/feat\naccount: dev\ndisposable: true\n"
LASTING = f"{DEV}== stages/feat\naccount: dev\n"
CI = {"CI": "true", "ORCH_BASE": "origin/main"}


def merged(root: Path, before: str, after: str, env: dict[str, str] | None = None) -> frozenset[str]:
    """Which stages count when ``before`` is merged and ``after`` is the change."""
    git = Git(root)
    write(root, before)
    git.commit()
    git.publish()
    git.branch("change")
    write(root, after)
    git.commit()
    repository = Repository.find(root)
    return merged_as_disposable(load(root), repository, find_base(repository, env or CI), {"feat"})


def test_merged_it_counts(tmp_path: Path) -> None:
    assert merged(tmp_path, FEAT, FEAT) == {"feat"}


@pytest.mark.parametrize(
    "before",
    [
        LASTING,
        DEV,
        FEAT.replace("access: open\n", ""),
        FEAT.replace("222222222222", "333333333333"),
        FEAT.replace("disposable: true", "disposable: false"),
        FEAT.replace("account: dev", "account: none"),
        f"{FEAT}== orch\nnot: valid\n",
    ],
    ids=["lasting", "no stage", "restricted", "another account", "false", "no account", "invalid"],
)
def test_what_the_change_makes_of_it_does_not_count(tmp_path: Path, before: str) -> None:
    git = Git(tmp_path)
    write(tmp_path, before)
    git.commit()
    git.publish()
    for file in tmp_path.rglob("live/orch.yaml"):
        file.unlink()
    git.branch("change")
    write(tmp_path, FEAT)
    git.commit()
    repository = Repository.find(tmp_path)
    base = find_base(repository, CI)
    assert merged_as_disposable(load(tmp_path), repository, base, {"feat"}) == frozenset()


def test_the_key_of_a_parent_does_not_count(tmp_path: Path) -> None:
    before = f"{DEV}== stages/base\naccount: dev\ndisposable: true\n== stages/feat\nextends: base\n"
    assert merged(tmp_path, before, FEAT) == frozenset()


def test_without_a_repository_or_a_commit_nothing_counts(tmp_path: Path) -> None:
    write(tmp_path, FEAT)
    assert merged_as_disposable(load(tmp_path), None, None, {"feat"}) == frozenset()
    Git(tmp_path)
    repository = Repository.find(tmp_path)
    base = find_base(repository, {})
    assert merged_as_disposable(load(tmp_path), repository, base, {"feat"}) == frozenset()


def test_a_link_in_live_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "repo", FEAT)
    file = tmp_path / "repo/live/stages/feat.yaml"
    file.rename(tmp_path / "repo/feat.yaml")
    file.symlink_to("../../feat.yaml")
    git = Git(tmp_path / "repo")
    git.commit()
    git.publish()
    repository = Repository.find(tmp_path / "repo")
    base = find_base(repository, CI)
    assert merged_as_disposable(load(tmp_path / "repo"), repository, base, {"feat"}) == frozenset()
