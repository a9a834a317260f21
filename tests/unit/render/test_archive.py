"""Archives are byte for byte the same, whatever the clock, the umask and the order of creation."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.render.archive import zip_folder


def fill(folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    names = ["main.py", "lib/a.py", "lib/b.py"]
    fill(tmp_path / "one", names)
    fill(tmp_path / "two", list(reversed(names)))
    for path in (tmp_path / "two").rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    assert zip_folder(tmp_path / "one", root=tmp_path) == zip_folder(tmp_path / "two", root=tmp_path)


def test_content_names_and_the_executable_bit_count(tmp_path: Path) -> None:
    fill(tmp_path / "f", ["main.py"])
    before = zip_folder(tmp_path / "f", root=tmp_path)
    (tmp_path / "f" / "main.py").chmod(0o755)
    assert zip_folder(tmp_path / "f", root=tmp_path) != before
    names = zipfile.ZipFile(io.BytesIO(before)).namelist()
    assert names == ["main.py"]


def test_caches_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "f", ["main.py", "__pycache__/main.pyc", "old.pyc", ".git/config"])
    assert zipfile.ZipFile(io.BytesIO(zip_folder(tmp_path / "f", root=tmp_path))).namelist() == ["main.py"]


def test_a_missing_or_empty_folder_and_a_link_out_are_errors(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    (root / "empty").mkdir(parents=True)
    with pytest.raises(SetupError, match="does not exist"):
        zip_folder(root / "nope", root=root)
    with pytest.raises(SetupError, match="empty"):
        zip_folder(root / "empty", root=root)
    (tmp_path / "secret").write_text("x")
    (root / "f").mkdir()
    (root / "f" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(SetupError, match="which is outside the repository"):
        zip_folder(root / "f", root=root)


@pytest.mark.parametrize(
    "target", [".git/config", ".orch/credentials", ".ORCH/x", "sub/.git/config", "../outside", "f/loop"]
)
def test_a_link_to_what_is_no_part_of_the_archive_is_an_error(tmp_path: Path, target: str) -> None:
    """As in a module: `.git/config` has the token of the remote, `.orch` credentials and saved plans."""
    root = tmp_path / "repo"
    fill(root, ["f/main.py", ".git/config", ".orch/credentials", ".ORCH/x", "sub/.git/config", "../outside"])
    (root / "f" / "loop").symlink_to("../.git/config")
    (root / "f" / "deep").mkdir()
    (root / "f" / "deep" / "link").symlink_to(root / target)
    with pytest.raises(SetupError, match=r"is a link that leads to .*, which is (outside|in \.)") as caught:
        zip_folder(root / "f", root=root)
    assert caught.value.where is not None
    assert caught.value.hint


@pytest.mark.parametrize("target", [".git", ".orch", "."])
def test_a_private_folder_is_not_zipped_under_another_name(tmp_path: Path, target: str) -> None:
    fill(tmp_path, [".git/config", ".orch/credentials"])
    (tmp_path / "f").symlink_to(target)
    with pytest.raises(SetupError, match="the folder to zip is"):
        zip_folder(tmp_path / "f", root=tmp_path)


def test_a_link_to_a_file_of_the_repository_is_followed(tmp_path: Path) -> None:
    fill(tmp_path, ["f/main.py", "shared/a.py"])
    (tmp_path / "f" / "a.py").symlink_to("../shared/a.py")
    assert zipfile.ZipFile(io.BytesIO(zip_folder(tmp_path / "f", root=tmp_path))).read("a.py") == b"# shared/a.py\n"
