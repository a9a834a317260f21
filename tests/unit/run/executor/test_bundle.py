"""Archives hold content, keep the executable bit, and write nowhere else than they may."""

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from orchestrator.errors import UnitError
from orchestrator.run.executor.bundle import pack, unpack


def test_files_arrive_private_with_their_paths(tmp_path: Path) -> None:
    source = tmp_path / "a"
    (source / "live" / ".git").mkdir(parents=True)
    (source / "live" / "x.yaml").write_text("x")
    (source / "live" / "run.sh").write_text("y")
    (source / "live" / "run.sh").chmod(0o755)
    (source / "live" / ".git" / "config").write_text("z")
    (source / "live" / "loop").symlink_to(source / "live")
    (source / "live" / "linked.yaml").symlink_to(source / "live" / "x.yaml")
    archive = tmp_path / "archive"
    pack(archive, source, [source / "live", source / "missing"])
    assert archive.stat().st_mode & 0o777 == 0o600
    unpack(archive, tmp_path / "b", below=["."])
    found = {path.relative_to(tmp_path / "b").as_posix() for path in (tmp_path / "b").rglob("*") if path.is_file()}
    assert found == {"live/x.yaml", "live/run.sh", "live/linked.yaml"}
    assert (tmp_path / "b/live/run.sh").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "b/live/x.yaml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "live/../../out", "other/file", "live-2/file"])
def test_an_archive_writes_nowhere_else(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "archive"
    with tarfile.open(archive, "w:gz") as packed:
        info = tarfile.TarInfo(name)
        info.size = 1
        packed.addfile(info, BytesIO(b"x"))
    with pytest.raises(UnitError, match="unexpected entry"):
        unpack(archive, tmp_path / "to", below=["live"])
    assert not list(tmp_path.rglob("out"))


def test_an_archive_brings_no_links(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    with tarfile.open(archive, "w:gz") as packed:
        info = tarfile.TarInfo("live/link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(info)
    with pytest.raises(UnitError, match="unexpected entry"):
        unpack(archive, tmp_path / "to", below=["live"])


def test_a_damaged_archive_is_an_error_of_its_unit(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"no archive")
    with pytest.raises(UnitError, match="cannot unpack"):
        unpack(tmp_path / "archive", tmp_path / "to", below=["."])
