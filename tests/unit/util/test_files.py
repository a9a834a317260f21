"""Locks between processes, and writes that a reader sees whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from orchestrator.util.files import atomic_file, file_lock, write_atomic


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_private_file_has_mode_0600_from_its_creation_and_its_new_folder_0700(tmp_path: Path, umask: int) -> None:
    file = tmp_path / "keys" / "a.json"
    before = os.umask(umask)
    try:
        with atomic_file(file) as part:
            (temporary,) = file.parent.iterdir()
            assert mode_of(temporary) == 0o600
            part.write(b"one")
        write_atomic(file, b"two")
    finally:
        os.umask(before)
    assert file.read_bytes() == b"two"
    assert mode_of(file) == 0o600
    assert mode_of(file.parent) == 0o700
    assert list(file.parent.iterdir()) == [file], "no temporary file remains"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_another_mode_is_exact_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "file", b"", mode=0o644)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "file") == 0o644


def test_the_folder_of_a_public_file_is_not_closed(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_atomic(tmp_path / "folder" / "file", b"", mode=0o644)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "folder") == 0o755


@pytest.mark.parametrize("durable", [False, True])
def test_a_reader_sees_the_old_bytes_until_all_new_ones_are_written(tmp_path: Path, durable: bool) -> None:
    file = tmp_path / "file"
    write_atomic(file, b"old")
    with atomic_file(file, durable=durable) as part:
        part.write(b"new")
        part.flush()
        assert file.read_bytes() == b"old"
    assert file.read_bytes() == b"new"


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_atomic(file, b"old")

    def fail() -> None:
        with atomic_file(file) as part:
            part.write(b"half of it")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomic(target, b"data")
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    write_atomic(tmp_path / "link", b"ours")
    assert (tmp_path / "elsewhere").read_bytes() == b"theirs"
    assert not (tmp_path / "link").is_symlink()


def test_a_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []
    pause = threading.Event()

    def work() -> None:
        with file_lock(tmp_path / "lock"):
            inside.append(1)
            most.append(len(inside))
            pause.wait(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
