"""Archives are byte for byte the same, whatever the clock, the umask and the order of creation."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
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
    with pytest.raises(SetupError, match="empty") as empty:
        zip_folder(root / "empty", root=root)
    assert "git submodule update --init" in (empty.value.hint or "")
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
    with pytest.raises(SetupError, match=r"the link leads to .*, which is (outside|in \.)") as caught:
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


def names_in(data: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(data)).namelist()


def test_a_linked_folder_is_zipped_at_any_depth(tmp_path: Path) -> None:
    fill(tmp_path, ["f/main.py", "shared/lib/a.py", "shared/data/b.json", "other/c.py"])
    (tmp_path / "f" / "lib").symlink_to("../shared/lib")
    (tmp_path / "shared" / "lib" / "more").symlink_to(tmp_path / "other")
    (tmp_path / "f" / "deep").mkdir()
    (tmp_path / "f" / "deep" / "data").symlink_to("../lib/../data")
    (tmp_path / "f" / "again").symlink_to("lib")
    found = names_in(zip_folder(tmp_path / "f", root=tmp_path))
    assert found == ["again/a.py", "again/more/c.py", "deep/data/b.json", "lib/a.py", "lib/more/c.py", "main.py"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere", "which does not exist"),
        ("../shared/dead", "which does not exist"),
        ("..", "the repository itself|a folder that contains it"),
        (".", "a folder that contains it"),
        ("../shared/up", "a folder that contains it"),
        ("loop", "does not exist|contains it"),
        ("../../elsewhere", "outside the repository"),
    ],
)
def test_a_link_that_cannot_be_followed_is_refused_where_it_is(tmp_path: Path, target: str, said: str) -> None:
    root = tmp_path / "repo"
    fill(root, ["f/main.py", "shared/a.py", "../elsewhere/x"])
    (root / "shared" / "dead").symlink_to("gone")
    (root / "shared" / "up").symlink_to("../f")
    (root / "f" / "loop").symlink_to(target)
    with pytest.raises(SetupError, match=said) as caught:
        zip_folder(root / "f", root=root)
    assert str(caught.value.where) == "f/loop"


def test_what_a_linked_folder_holds_is_refused_like_what_the_folder_holds(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    fill(root, ["f/main.py", "shared/a.py", "../secret"])
    (root / "f" / "lib").symlink_to("../shared")
    (root / "shared" / "out").symlink_to("../../secret")
    with pytest.raises(SetupError, match="outside the repository") as caught:
        zip_folder(root / "f", root=root)
    assert str(caught.value.where) == "f/lib/out"


def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, ["f/main.py"])
    os.mkfifo(tmp_path / "f" / "pipe")
    with pytest.raises(SetupError, match="neither a file nor a folder"):
        zip_folder(tmp_path / "f", root=tmp_path)


def test_the_bytes_do_not_depend_on_zlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deflated zip differs between versions of zlib, so that a Lambda flipped between a laptop and CI."""
    fill(tmp_path, ["f/main.py", "f/lib/a.py"])
    (tmp_path / "f" / "run").write_text("x")
    (tmp_path / "f" / "run").chmod(0o755)

    def no_compressor(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(zlib, "compressobj", no_compressor)
    data = zip_folder(tmp_path / "f", root=tmp_path)
    assert {each.compress_type for each in zipfile.ZipFile(io.BytesIO(data)).infolist()} == {zipfile.ZIP_STORED}
    assert hashlib.sha256(data).hexdigest() == "9bfc9b1ae189de476cec2038644a82163c04de61f85f98b825b50d6b9775d729"


@pytest.mark.parametrize("folder", ["fn", "fn/vendor/lib"])
def test_a_submodule_that_is_not_checked_out_is_an_error(tmp_path: Path, folder: str) -> None:
    """git leaves an empty folder, and the zip would silently lack what should be in it."""
    fill(tmp_path, ["fn/main.py"] if folder != "fn" else [])
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = {folder}\n\turl = https://example.com/x.git\n')
    with pytest.raises(SetupError, match="this git submodule is not checked out") as raised:
        zip_folder(tmp_path / "fn", root=tmp_path)
    assert str(raised.value.where) == folder
    assert raised.value.hint == "git submodule update --init"
    fill(tmp_path, [f"{folder}/there.py"])
    assert zip_folder(tmp_path / "fn", root=tmp_path)


def test_an_empty_folder_that_is_no_submodule_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, ["fn/main.py"])
    (tmp_path / "fn/empty").mkdir()
    (tmp_path / ".gitmodules").write_text('[submodule "x"]\n\tpath = empty\n')
    assert zipfile.ZipFile(io.BytesIO(zip_folder(tmp_path / "fn", root=tmp_path))).namelist() == ["main.py"]
