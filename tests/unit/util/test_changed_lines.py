"""The lines that a change touches, from real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.util.git import Repository


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.email", "person@example.com")
    git(tmp_path, "config", "user.name", "A Person")
    return tmp_path


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def commit(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "x")


def changed(root: Path, *names: str) -> dict[str, tuple[tuple[int, int], ...]]:
    repository = Repository.find(root)
    assert repository is not None
    return repository.changed_lines(repository.commit("HEAD~1") or "", names or ("live",))


def test_added_and_changed_lines_and_no_lost_ones(root: Path) -> None:
    commit(root, {"live/a.yaml": "1\n2\n3\n4\n5\n6\n", "live/b c.yaml": "1\n", "other": "1\n", "live/gone": "1\n"})
    (root / "live/gone").unlink()
    commit(
        root,
        {"live/a.yaml": "1\nx\n3\n5\n6\n7\n8", "live/b c.yaml": "2", "live/é.yaml": "1\n2\n", "other": "2\n"},
    )
    assert changed(root) == {"live/a.yaml": ((2, 2), (6, 7)), "live/b c.yaml": ((1, 1),), "live/é.yaml": ((1, 2),)}
    (root / "live/a.yaml").write_text("0\n")  # what is not committed yet counts, too
    assert changed(root, "live/a.yaml") == {"live/a.yaml": ((1, 1),)}


def test_what_looks_like_a_header_of_a_diff_is_content(root: Path) -> None:
    commit(root, {"live/a": "x\n-- a/live/z\n", "live/b": "1\n"})
    commit(root, {"live/a": "x\n++ b/live/z\n@@ -1 +1 @@\ndiff --git\n", "live/b": "2\n"})
    assert changed(root) == {"live/a": ((2, 4),), "live/b": ((1, 1),)}


def test_settings_of_git_change_nothing(root: Path) -> None:
    for name, value in {"diff.noprefix": "true", "diff.external": "false", "color.diff": "always"}.items():
        git(root, "config", name, value)
    commit(root, {"live/a": "1\n"})
    commit(root, {"live/a": "2\n"})
    assert changed(root) == {"live/a": ((1, 1),)}


@given(old=st.lists(st.sampled_from("ab+-@"), max_size=8), new=st.lists(st.sampled_from("ab+-@"), max_size=8))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_that_is_not_marked_was_there_before(root: Path, old: list[str], new: list[str]) -> None:
    commit(root, {"live/a": "".join(f"{each}\n" for each in old)})
    commit(root, {"live/a": "".join(f"{each}\n" for each in new)})
    marked = {line for first, last in changed(root).get("live/a", ()) for line in range(first, last + 1)}
    kept = iter(old)
    assert all(each in kept for number, each in enumerate(new, start=1) if number not in marked)
