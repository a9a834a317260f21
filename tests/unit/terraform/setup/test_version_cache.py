"""A program is asked for its version until the file system says that it changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.terraform.setup.version_cache import remembered_version

LARGE = b"x" * ((1 << 20) + 1)


class Asked:
    """Answers with one version after the other, and counts."""

    def __init__(self, *answers: str | None) -> None:
        self._answers: Iterator[str | None] = iter(answers)
        self.times = 0

    def __call__(self) -> str | None:
        self.times += 1
        return next(self._answers)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that was installed a minute ago."""
    made = tmp_path / "terraform"
    made.write_bytes(LARGE)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 60)
    return made


def test_a_program_is_asked_once(program: Path, tmp_path: Path) -> None:
    asked = Asked("1.11.4")
    assert [remembered_version(program, tmp_path / "v", asked) for _ in range(3)] == ["1.11.4"] * 3
    assert asked.times == 1
    assert (tmp_path / "v").stat().st_mode & 0o077 == 0


def test_a_program_that_was_replaced_or_changed_is_asked_again(program: Path, tmp_path: Path) -> None:
    asked = Asked("1.11.4", "1.12.0", "1.13.0")
    assert remembered_version(program, tmp_path / "v", asked) == "1.11.4"
    times = program.stat()
    new = tmp_path / "new"
    new.write_bytes(LARGE)
    os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
    new.replace(program)
    assert remembered_version(program, tmp_path / "v", asked) == "1.12.0"
    program.write_bytes(b"y" * len(LARGE))
    os.utime(program, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert remembered_version(program, tmp_path / "v", asked) == "1.13.0"


def test_a_script_is_asked_each_time(program: Path, tmp_path: Path) -> None:
    program.write_bytes(b"#!/bin/sh")
    asked = Asked("1.11.4", "1.12.0")
    assert [remembered_version(program, tmp_path / "v", asked) for _ in range(2)] == ["1.11.4", "1.12.0"]


def test_a_program_that_does_not_run_is_asked_again(program: Path, tmp_path: Path) -> None:
    asked = Asked(None, "1.11.4")
    assert [remembered_version(program, tmp_path / "v", asked) for _ in range(2)] == [None, "1.11.4"]
    assert remembered_version(tmp_path / "missing", tmp_path / "v", Asked(None)) is None


def test_a_program_that_was_just_written_is_asked_again(tmp_path: Path) -> None:
    program = tmp_path / "terraform"
    program.write_bytes(LARGE)
    asked = Asked("1.11.4", "1.12.0")
    assert [remembered_version(program, tmp_path / "v", asked) for _ in range(2)] == ["1.11.4", "1.12.0"]


@pytest.mark.parametrize("damage", ["mode", "text", "kind"])
def test_what_is_damaged_or_could_be_of_somebody_else_does_not_count(
    program: Path, tmp_path: Path, damage: str
) -> None:
    asked = Asked("1.11.4", "1.12.0")
    assert remembered_version(program, tmp_path / "v", asked) == "1.11.4"
    (entry,) = (tmp_path / "v").iterdir()
    if damage == "mode":
        entry.chmod(0o666)
    else:
        entry.write_text("{" if damage == "text" else "[]")
    assert remembered_version(program, tmp_path / "v", asked) == "1.12.0"


def test_a_folder_that_cannot_be_written_is_no_error(program: Path, tmp_path: Path) -> None:
    (tmp_path / "v").write_text("")
    asked = Asked("1.11.4", "1.11.4")
    assert [remembered_version(program, tmp_path / "v", asked) for _ in range(2)] == ["1.11.4"] * 2
