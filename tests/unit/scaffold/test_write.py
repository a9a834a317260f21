"""New files are written all or not at all, and nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SetupError, UsageError
from orchestrator.scaffold.write import refuse_existing, write_new

FILES = {"a/b/one": b"1", "a/two": b"2", "three": b"3"}


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_does_not_exist_is_created(tmp_path: Path) -> None:
    write_new(tmp_path / "new" / "platform", FILES)
    assert content(tmp_path / "new" / "platform") == FILES


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/own").write_bytes(b"own")
    write_new(tmp_path, FILES)
    assert content(tmp_path) == {**FILES, "a/own": b"own"}


def test_an_existing_file_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/two").write_bytes(b"own")
    with pytest.raises(UsageError, match="a/two already exists"):
        write_new(tmp_path, FILES)
    assert content(tmp_path) == {"a/two": b"own"}


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"own")
    with pytest.raises(UsageError, match=r"^a already exists"):
        refuse_existing(tmp_path, FILES)
    with pytest.raises(UsageError, match="already exists"):
        refuse_existing(tmp_path / "a", FILES)


@pytest.mark.parametrize("link", ["a", "a/b", "three"])
def test_nothing_is_written_through_a_link(tmp_path: Path, link: str) -> None:
    elsewhere, target = tmp_path / "elsewhere", tmp_path / "target"
    elsewhere.mkdir()
    (target / link).parent.mkdir(parents=True)
    (target / link).symlink_to(elsewhere)
    with pytest.raises(UsageError, match=f"{link} already exists"):
        write_new(target, FILES)
    assert list(elsewhere.iterdir()) == []


def test_many_existing_files_are_counted(tmp_path: Path) -> None:
    files = {f"{number}": b"" for number in range(9)}
    write_new(tmp_path, files)
    with pytest.raises(UsageError, match=r"^0, 1, 2, 3, 4 and 4 more already exist in"):
        write_new(tmp_path, files)


def test_a_file_that_cannot_be_written_takes_the_others_with_it(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    files = {**FILES, "own/" + "x" * 300: b"a name that no file system takes"}
    with pytest.raises(SetupError, match="cannot be written: File name too long"):
        write_new(tmp_path, files)
    assert list(tmp_path.iterdir()) == [tmp_path / "own"]
