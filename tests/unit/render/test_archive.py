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
    with pytest.raises(SetupError, match="link that leads out of the repository"):
        zip_folder(root / "f", root=root)
