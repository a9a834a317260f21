"""The lock file that the repository shares."""

from __future__ import annotations

from pathlib import Path

from orchestrator.terraform.provider_lock import write_lock


def test_the_shared_lock_file_can_be_read_by_all(tmp_path: Path) -> None:
    path = write_lock(tmp_path, "# lock\n")
    assert path == tmp_path / "live" / "providers.lock.hcl"
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.read_text() == "# lock\n"
