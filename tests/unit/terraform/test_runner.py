"""How many commands a runner lets run at the same time, with real processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.root import Root
from orchestrator.terraform.runner import Runner
from orchestrator.terraform.setup.binary import Binary

THREADS = 5
PROGRAM = """\
touch "running.$$"
sleep 0.3
ls running.* | wc -l >> seen
sleep 0.3
rm "running.$$"
"""


@pytest.mark.parametrize(("slots", "expected"), [(1, {1}), (2, {2}), (None, {3, 4, 5})])
def test_commands_without_an_effect_wait_for_a_slot(tmp_path: Path, slots: int | None, expected: set[int]) -> None:
    runner = runner_of(tmp_path, slots)
    root = Root("prod/a", tmp_path, tmp_path / "data", {"PATH": "/usr/bin:/bin"}, tmp_path / "log")
    with ThreadPoolExecutor(THREADS) as threads:
        calls = [threads.submit(runner.repeatable, root, ["sh", "-c", PROGRAM], None) for _ in range(THREADS)]
        assert [each.result().code for each in calls] == [0] * THREADS
    assert max(map(int, (tmp_path / "seen").read_text().split())) in expected


def test_an_apply_waits_for_none(tmp_path: Path) -> None:
    """An apply has begun when its unit has; what it waits for would be changed by others meanwhile."""
    runner = runner_of(tmp_path, 1)
    root = Root("prod/a", tmp_path, tmp_path / "data", {"PATH": "/usr/bin:/bin"}, tmp_path / "log")
    with ThreadPoolExecutor(2) as threads:
        plan = threads.submit(runner.repeatable, root, ["sh", "-c", PROGRAM], None)
        apply = threads.submit(runner.once, root, ["sh", "-c", PROGRAM], None)
        assert (plan.result().code, apply.result().code) == (0, 0)
    assert max(map(int, (tmp_path / "seen").read_text().split())) == 2


def test_a_command_that_waits_when_the_run_is_stopped_does_not_start(tmp_path: Path) -> None:
    processes = Processes()
    runner = runner_of(tmp_path, 1, processes)
    root = Root("prod/a", tmp_path, tmp_path / "data", {"PATH": "/usr/bin:/bin"}, tmp_path / "log")
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(runner.repeatable, root, ["sh", "-c", "touch begun.$$; exec sleep 60"], None)]
        while not list(tmp_path.glob("begun.*")):
            pass
        calls.append(threads.submit(runner.repeatable, root, ["sh", "-c", "touch begun.$$"], None))
        assert processes.ask_stop() == ("prod/a",)
        assert all(each.result(30).stopped for each in calls)
    assert len(list(tmp_path.glob("begun.*"))) == 1


def runner_of(folder: Path, slots: int | None, processes: Processes | None = None) -> Runner:
    binary = Binary(Path("/bin/sh"), "1.11.4", "terraform")
    return Runner(
        binary,
        processes or Processes(),
        folder / "terraform.rc",
        plugin_cache=folder,
        warm=None,
        passed=(),
        slots=slots,
    )
