"""Ctrl-C in its three steps, SIGTERM and a CI's cancel, on real applies that take a while."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.run.history.journal import in_flight, load_journal
from tests.support.project import REPOSITORY, Project
from tests.support.states import States

pytestmark = pytest.mark.integration

SLOW = "module: tool\ninputs: {value: slow, run: 'touch started; sleep 4; touch ended'}\n"
ENDLESS = "module: tool\ninputs: {value: slow, run: 'touch started; sleep 300'}\n"


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {slow: , after: }\n")
    made.write("live/stacks/after.yaml", "module: box\ndepends_on: [slow]\n")
    made.write("live/stacks/slow.yaml", SLOW)
    made.allow("prod/slow")
    return made.ready()


class Running:
    """An apply in the background."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self.project = project
        self.process = subprocess.Popen(
            project.command("apply", "prod", "--yes", "-j", "2", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=REPOSITORY,
            env=project.environment(),
            start_new_session=True,
        )

    def wait_for_apply(self) -> None:
        """Until the slow unit's provisioner runs."""
        deadline = time.monotonic() + 60
        while not list(self.project.root.glob(".orch/runs/*/units/prod/slow/*/started")):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "the apply did not begin"
            time.sleep(0.05)

    def end(self, timeout: float = 60) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err


@contextmanager
def applying(project: Project, *arguments: str) -> Iterator[Running]:
    running = Running(project, *arguments)
    try:
        running.wait_for_apply()
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()


def journal_of(project: Project) -> Path:
    return sorted(project.root.glob(".orch/runs/*/journal.jsonl"))[-1]


def test_the_first_interrupt_lets_the_apply_finish_and_starts_nothing_new(project: Project) -> None:
    with applying(project, "--json") as running:
        running.process.send_signal(signal.SIGINT)
        code, out, err = running.end()
    assert code == 130
    assert "prod/slow will finish" in err
    units = {unit["unit"]: unit for unit in json.loads(out)["units"]}
    assert units["prod/slow"]["status"] == "applied"
    assert units["prod/after"]["status"] == "interrupted"
    assert list(project.root.glob(".orch/runs/*/units/prod/slow/*/ended"))
    States(project).assert_recorded("prod/slow")
    # Its state is whole and its lock is gone: the next apply has nothing to do for it, and goes on.
    again = project.orch("apply", "prod", "--yes", "--json").units()
    assert again["prod/slow"]["status"] == "unchanged"
    assert again["prod/after"]["status"] == "applied"


def test_sigterm_counts_as_the_first_however_often_it_comes(project: Project) -> None:
    with applying(project) as running:
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)
        code, _, err = running.end()
    assert code == 130
    assert "Stopping prod/slow" not in err
    assert project.orch("apply", "prod", "--yes", "--json").units()["prod/slow"]["status"] == "unchanged"


def test_the_second_interrupt_asks_terraform_to_stop_and_leaves_no_lock(project: Project) -> None:
    project.write("live/stacks/slow.yaml", ENDLESS)
    with applying(project) as running:
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        running.process.send_signal(signal.SIGINT)
        code, _, err = running.end()
    assert code == 130
    assert "Stopping prod/slow" in err
    assert "the next apply replaces" in err
    states = States(project)
    assert states.resources("prod/slow") == 1
    states.assert_recorded("prod/slow")
    project.write("live/stacks/slow.yaml", SLOW.replace("sleep 4", "true"))
    again = project.orch("plan", "prod/slow", "--json").units()["prod/slow"]
    assert again["counts"]["replace"] == 1, "what was being made is tainted, as the notice said"
    project.orch("apply", "prod/slow", "--yes")


def test_the_third_interrupt_kills_and_leaves_no_process(project: Project) -> None:
    project.write("live/stacks/slow.yaml", ENDLESS)
    with applying(project) as running:
        for pid in children_in(project.root):
            os.kill(pid, signal.SIGSTOP)  # a Terraform that does not react to being asked
        for _ in range(3):
            running.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        code, _, err = running.end(timeout=20)
    assert code == 130
    assert "Killing prod/slow" in err
    States(project).assert_recorded("prod/slow")
    assert not children_in(project.root)


def test_a_cancelled_ci_job_leaves_a_record_of_what_was_in_flight(project: Project) -> None:
    project.write("live/stacks/slow.yaml", ENDLESS)
    with applying(project) as running:
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        running.process.kill()
        running.process.wait()
    journal = journal_of(project)
    assert list(in_flight(journal)) == ["prod/slow"]
    interrupted = [record for record in load_journal(journal).records if record["event"] == "interrupted"]
    assert interrupted[0]["in_flight"] == ["prod/slow"]
    # The apply itself was not killed with orch: it belongs to itself until it is done.
    left = children_in(project.root)
    assert left
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    # The next run tells of it.
    told = project.orch("plan", "prod")
    assert f"Run {journal.parent.name} was cut off while it applied prod/slow" in told.err


def test_an_interrupt_while_planning_stops_the_plans(project: Project) -> None:
    project.write("live/stages/prod.yaml", "account: main\nstacks: {plans: }\n")
    project.write(
        "modules/plans/main.tf",
        'data "terraform_remote_state" "x" {\n  backend = "http"\n  config = { address = "http://192.0.2.1" }\n}\n',
    )
    project.write("live/stacks/plans.yaml", "module: plans\n")
    started = time.monotonic()
    running = Running(project)
    while not list(project.root.glob(".orch/runs/*/logs/prod/plans/*.log")):  # its Terraform has begun
        assert time.monotonic() - started < 60, "nothing was planned"
        time.sleep(0.05)
    running.process.send_signal(signal.SIGINT)
    code, _, _ = running.end(timeout=30)
    assert code in {130, 1}
    assert time.monotonic() - started < 30


def children_in(root: Path) -> list[int]:
    """Processes whose working folder lies in the project."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink().is_relative_to(root):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
