"""Remembered digests of files: never another one than that of the content."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from orchestrator.terraform.warm.server.digests import DigestCache
from orchestrator.util.file_cache import SMALL

SETTLED = 0.05
"""Seconds: longer than a tick of the kernel's clock, which ctime counts in."""
CONTENT = b"a" * (SMALL + 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "terraform-provider"
    made.write_bytes(CONTENT)
    time.sleep(2 * SETTLED)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> DigestCache:
    return DigestCache(tmp_path / "digests", settled=SETTLED)


def remembered(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "digests").glob("*.json"))


def true_digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_that_did_not_change_is_hashed_once(file: Path, cache: DigestCache, tmp_path: Path) -> None:
    assert cache.sha256(file) == true_digest(file)
    (entry,) = remembered(tmp_path)
    assert entry.stat().st_mode & 0o777 == 0o600
    entry.write_text(entry.read_text().replace(true_digest(file), "of the entry"))
    assert cache.sha256(file) == "of the entry"


@pytest.mark.parametrize("how", ["in place", "replaced", "longer", "back in time", "linked", "touched"])
def test_every_change_is_seen(file: Path, cache: DigestCache, tmp_path: Path, how: str) -> None:
    cache.sha256(file)
    before = file.stat()
    other = tmp_path / "other"
    other.write_bytes(b"b" * len(CONTENT))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    match how:
        case "in place" | "back in time":
            file.write_bytes(b"b" * len(CONTENT))
        case "replaced":
            other.replace(file)
        case "longer":
            file.write_bytes(CONTENT + b"b")
        case "linked":
            file.unlink()
            file.symlink_to(other)
        case "touched":
            file.touch()
    if how == "back in time":
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.sha256(file) == true_digest(file)


def test_a_file_that_changed_a_moment_ago_is_not_remembered(file: Path, tmp_path: Path) -> None:
    cache = DigestCache(tmp_path / "digests")
    assert cache.sha256(file) == true_digest(file)
    assert not remembered(tmp_path)


@pytest.mark.parametrize("damage", ["text", "empty", "list", "no digest", "writable", "unreadable"])
def test_an_entry_that_cannot_be_trusted_is_no_entry(
    file: Path, cache: DigestCache, tmp_path: Path, damage: str
) -> None:
    cache.sha256(file)
    (entry,) = remembered(tmp_path)
    lie = entry.read_text().replace(true_digest(file), "a lie")
    entry.write_text({"text": "{", "empty": "", "list": "[]", "no digest": '{"file": []}'}.get(damage, lie))
    if damage == "writable":
        entry.chmod(0o622)
    if damage == "unreadable":
        entry.unlink()
        entry.mkdir()
    assert cache.sha256(file) == true_digest(file)


def test_a_folder_that_cannot_be_written_only_costs_time(file: Path, tmp_path: Path) -> None:
    (tmp_path / "digests").touch()
    assert DigestCache(tmp_path / "digests", settled=SETTLED).sha256(file) == true_digest(file)


def test_a_small_file_is_always_hashed(tmp_path: Path, cache: DigestCache) -> None:
    small = tmp_path / "LICENSE"
    small.write_bytes(b"a")
    time.sleep(2 * SETTLED)
    assert cache.sha256(small) == true_digest(small)
    assert not remembered(tmp_path)
