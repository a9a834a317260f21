"""A sealed plan: what was hashed is what is read, whatever happens to the file or is tried on the copy."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import UnitError
from orchestrator.terraform.plan.sealed import SealedPlan, seal_plan

PLAN = b"PK\x03\x04" + bytes(range(256)) * 8192  # larger than a chunk


def read_by_a_child(plan: SealedPlan) -> bytes:
    """What a process that inherits the handles reads, twice: Terraform opens its plan more than once."""
    script = (
        "import sys; d=[open(sys.argv[1],'rb').read() for _ in 'ab']; assert d[0]==d[1]; sys.stdout.buffer.write(d[0])"
    )
    argv = [sys.executable, "-c", script, str(plan.path)]
    return subprocess.run(argv, check=True, capture_output=True, pass_fds=plan.handles).stdout


@pytest.fixture(params=["linux", "darwin"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "linux" and sys.platform != "linux":
        pytest.skip("memory files are Linux's")
    monkeypatch.setattr(sys, "platform", request.param)
    path = tmp_path / "prod.tfplan"
    path.write_bytes(PLAN)
    return path


def test_what_is_read_is_what_was_hashed_although_the_file_changes(file: Path) -> None:
    with seal_plan(file) as plan:
        file.write_bytes(b"other")
        file.unlink()
        assert plan.sha256 == hashlib.sha256(PLAN).hexdigest()
        assert read_by_a_child(plan) == PLAN
    assert not plan.path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="memory files are Linux's")
def test_the_copy_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "prod.tfplan"
    path.write_bytes(PLAN)
    with seal_plan(path) as plan:
        (handle,) = plan.handles
        for attempt in (
            lambda: os.pwrite(handle, b"x", 0),
            lambda: os.ftruncate(handle, 0),
            lambda: plan.path.write_bytes(b"x"),
        ):
            with pytest.raises(OSError, match="Operation not permitted"):
                attempt()
        assert read_by_a_child(plan) == PLAN


def test_a_plan_that_is_gone_is_told(file: Path) -> None:
    file.unlink()
    with pytest.raises(UnitError, match="cannot read the plan"), seal_plan(file):
        pass
