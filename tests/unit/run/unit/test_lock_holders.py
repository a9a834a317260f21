"""Who holds a lock: Terraform's locks name no process, so it is found out from journals and from processes that run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.run.unit.lock_holders import Holder, find_holder, lock_message
from orchestrator.terraform.state.lock import StateLock, own_lock
from tests.support.aws import unit

NOW = datetime.now(UTC)
UNIT = unit("prod/data", "production")
Begin = Callable[..., None]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Makes a run that began to apply the unit some seconds ago, with a process or without."""
    processes: list[subprocess.Popen[bytes]] = []

    def make(run: str, *, ago: float, works: bool = False, ended: bool = False, silent: float = 0.0) -> None:
        folder = tmp_path / ".orch" / "runs" / run
        root = folder / "units" / UNIT.folder
        root.mkdir(parents=True)
        at = (NOW - timedelta(seconds=ago)).isoformat()
        events = ["apply-started", *(["apply-ended"] if ended else [])]
        records = [{"format": 1, "time": at, "event": event, "unit": UNIT.id} for event in events]
        journal = folder / "journal.jsonl"
        journal.write_text("".join(json.dumps(each) + "\n" for each in records))
        os.utime(journal, (NOW.timestamp() - silent,) * 2)
        if works:
            processes.append(subprocess.Popen(["sleep", "600"], cwd=root))

    yield make
    for process in processes:
        process.kill()
        process.wait()


def lock(*, ago: float = 0.0) -> StateLock:
    """Terraform's lock on this machine."""
    made = own_lock("OperationTypeApply", path="p", version="1.11.4", purpose="", pid=1)
    return StateLock(made.id, made.operation, made.who, made.version, NOW - timedelta(seconds=ago))


def test_the_run_that_found_the_lock_taken_is_not_its_holder(tmp_path: Path, begin: Begin) -> None:
    begin("20261101-100000-0001", ago=6, works=True)
    begin("20261101-100000-0002", ago=5)  # It began before the other's Terraform took the lock, and lost.
    found = find_holder(lock(), UNIT, tmp_path, asking="20261101-100000-0002")
    assert (found.run, found.alive) == ("20261101-100000-0001", True)
    told = lock_message(lock(), UNIT, tmp_path, asking="20261101-100000-0002")
    assert "still runs, of run 20261101-100000-0001" in told
    assert "has ended" not in told


def test_a_third_run_takes_the_loser_for_the_holder_neither(tmp_path: Path, begin: Begin) -> None:
    begin("20261101-100000-0001", ago=6, works=True)
    begin("20261101-100000-0002", ago=5)
    assert find_holder(lock(), UNIT, tmp_path).run == "20261101-100000-0001"


def test_of_two_that_work_neither_is_named_for_sure(tmp_path: Path, begin: Begin) -> None:
    begin("20261101-100000-0001", ago=6, works=True)
    begin("20261101-100000-0002", ago=5, works=True)
    found = find_holder(lock(), UNIT, tmp_path)
    assert (found.run, found.alive, len(found.pids)) == ("", True, 2)
    assert "still runs (pid" in found.sentence()


def test_a_run_that_ended_or_began_after_the_lock_was_taken_does_not_hold_it(tmp_path: Path, begin: Begin) -> None:
    begin("20261101-100000-0001", ago=60, ended=True)
    begin("20261101-100000-0002", ago=5, works=True)
    held = lock(ago=30)
    assert find_holder(held, UNIT, tmp_path) == Holder(held)


def test_a_run_that_died_with_the_lock_is_named_but_not_one_that_died_before(tmp_path: Path, begin: Begin) -> None:
    begin("20261101-100000-0001", ago=100, silent=90)
    died = find_holder(lock(ago=98), UNIT, tmp_path)
    assert (died.run, died.alive) == ("20261101-100000-0001", False)
    # An hour later somebody runs Terraform by hand: that is not the dead run's lock.
    begin("20261031-100000-0001", ago=9000, silent=8999)
    other = find_holder(lock(), UNIT, tmp_path, asking="20261101-100000-0001")
    assert (other.run, other.alive) == ("", None)
    assert "its process is unknown" in other.sentence()
