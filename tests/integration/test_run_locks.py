"""State locks: Terraform's and orch's own keep each other out, their holder is named, and only what was shown is released."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.locks import StateLockedError, StateLocks
from orchestrator.config.catalogue import Unit
from orchestrator.config.load import load
from orchestrator.emulator.info import read_info
from orchestrator.report.model import Status
from orchestrator.run.plan import plan_units
from orchestrator.terraform.state.lock import LOCK_SUFFIX, lock_bytes, own_lock
from tests.support.project import REPOSITORY, Project
from tests.support.session import session_of

pytestmark = pytest.mark.integration

UNIT = "prod/slow"
SLOW = "module: tool\ninputs: {{value: {value}, replace_on: {value}, run: '{run}'}}\n"


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {slow: }\n")
    made.write("live/stacks/slow.yaml", SLOW.format(value="one", run="true"))
    made.allow(UNIT)
    return made.ready()


class Locks:
    """The locks of a project, seen past orch."""

    def __init__(self, project: Project) -> None:
        catalogue = load(project.root)
        self.identities = Identities(catalogue, read_info(project.root / ".orch" / "emulator"))
        self.locks = StateLocks(catalogue, self.identities)
        self.unit: Unit = catalogue.units[UNIT]
        self.bucket = catalogue.account_of(self.unit).state_bucket
        self.key = self.unit.state_key + LOCK_SUFFIX
        self.s3: Any = self.identities.client("s3", self.unit.account, Role.APPLY)

    def plant(self, who: str = "maria@build-7", operation: str = "OperationTypeApply", pid: int = 1) -> str:
        """A lock of somebody else."""
        lock = own_lock(operation, path="p", version="1.11.4", purpose="", pid=pid)
        document = json.loads(lock_bytes(lock)) | {"Who": who, "Info": ""}
        self.s3.put_object(Bucket=self.bucket, Key=self.key, Body=json.dumps(document).encode())
        return lock.id


def test_unlock_shows_the_holder_first_and_releases_only_when_told(project: Project) -> None:
    assert f"{UNIT} is not locked" in project.orch("unlock", UNIT).out
    assert project.orch("unlock", UNIT, "--json").json["lock"] is None

    locks = Locks(project)
    id_ = locks.plant()
    shown = project.orch("unlock", UNIT, code=2)
    for part in ("maria", "build-7", "apply", "is on another machine", id_, "age"):
        assert part in shown.out, shown.out
    assert "--yes" in shown.err
    assert locks.locks.read(locks.unit) is not None, "asked nobody, so it stays"

    done = project.orch("unlock", UNIT, "--yes", "--json").json
    assert (done["format"], done["kind"], done["released"]) == (1, "unlock", True)
    assert (done["lock"]["holder"], done["lock"]["host"], done["lock"]["id"]) == ("maria", "build-7", id_)
    assert locks.locks.read(locks.unit) is None
    project.orch("apply", UNIT, "--yes")


def test_a_lock_that_changed_in_between_stays(project: Project) -> None:
    locks = Locks(project)
    locks.plant()
    seen = locks.locks.read(locks.unit)
    assert seen is not None
    second = locks.plant(who="peter@laptop")
    with pytest.raises(StateLockedError, match="peter@laptop"):
        locks.locks.release(locks.unit, seen)
    still = locks.locks.read(locks.unit)
    assert still is not None
    assert still.lock.id == second
    assert locks.locks.release(locks.unit, still)
    assert not locks.locks.release(locks.unit, still), "it is gone already"


def test_yes_does_not_release_the_lock_of_a_process_that_runs_here(project: Project) -> None:
    locks = Locks(project)
    with locks.locks.holding([locks.unit], "orch move", purpose="m"):
        refused = project.orch("unlock", UNIT, "--yes", code=2)
        assert f"still runs (pid {os.getpid()})" in refused.err
        assert locks.locks.read(locks.unit) is not None
    assert locks.locks.read(locks.unit) is None


def test_a_lock_of_orch_keeps_terraform_out_and_terraforms_lock_keeps_orch_out(project: Project) -> None:
    locks = Locks(project)
    with locks.locks.holding([locks.unit], "orch move", purpose="m"):
        failed = project.orch("apply", UNIT, "--yes", "--json", code=1).units()[UNIT]
        assert failed["status"] == "failed"
        for part in ("locked by", f"@{socket.gethostname()}", "orch move", str(os.getpid()), f"orch unlock {UNIT}"):
            assert part in failed["cause"], failed["cause"]
        with pytest.raises(StateLockedError):
            locks.locks.take(locks.unit, "orch adopt", purpose="another")
    locks.plant()
    with pytest.raises(StateLockedError, match="maria@build-7"):
        locks.locks.take(locks.unit, "orch move", purpose="m", wait=1.5)
    assert "locked by maria@build-7" in project.orch("plan", UNIT).err


def test_a_lock_that_a_killed_process_left_is_taken_over_for_the_same_purpose_only(project: Project) -> None:
    locks = Locks(project)
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = own_lock("orch move", path="p", version="v", purpose="move-7", pid=dead.pid)
    locks.s3.put_object(Bucket=locks.bucket, Key=locks.key, Body=lock_bytes(left))
    with pytest.raises(StateLockedError):
        locks.locks.take(locks.unit, "orch move", purpose="move-8")
    mine = locks.locks.take(locks.unit, "orch move", purpose="move-7")
    assert mine.lock.id != left.id
    assert mine.lock.pid == os.getpid()


def start(project: Project, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        project.command("apply", UNIT, "--yes", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=REPOSITORY,
        env=project.environment(),
    )


def until_it_applies(project: Project) -> None:
    deadline = time.monotonic() + 120
    while not list(project.root.glob(".orch/runs/*/units/prod/slow/*/started")):
        assert time.monotonic() < deadline, "the apply did not begin"
        time.sleep(0.05)


def until_it_says(process: subprocess.Popen[str], text: str) -> str:
    """The line on which it does; a process that never does is killed, so that the test ends."""
    assert process.stderr is not None
    limit = threading.Timer(120, process.kill)
    limit.start()
    try:
        for line in process.stderr:
            if text in line:
                return line
    finally:
        limit.cancel()
    raise AssertionError(f"it ended without saying {text!r}")


def test_of_two_runs_at_once_one_stops_with_the_holders_name_or_waits(project: Project) -> None:
    go = project.root / "go"
    hold = f"touch started; while [ ! -e {go} ]; do sleep 0.1; done"
    project.write("live/stacks/slow.yaml", SLOW.format(value="one", run=hold))
    first = start(project)
    until_it_applies(project)
    run = sorted(path.name for path in (project.root / ".orch" / "runs").iterdir())[-1]

    shown = project.orch("unlock", UNIT, "--json", "--yes", code=2)
    assert "still runs" in shown.err
    stopped = project.orch("apply", UNIT, "--yes", "--json", code=1).units()[UNIT]
    for part in (f"@{socket.gethostname()}", f"still runs, of run {run}", "--lock-timeout 5m", f"orch unlock {UNIT}"):
        assert part in stopped["cause"], stopped["cause"]

    project.write("live/stacks/slow.yaml", SLOW.format(value="two", run="true"))
    second = start(project, "--lock-timeout", "5m")
    line = until_it_says(second, "waiting for the state lock, held by")
    assert f"of run {run}" in line
    assert first.poll() is None, "the one works, the other waits"
    go.touch()
    first.communicate(timeout=60)
    second.communicate(timeout=120)
    assert (first.returncode, second.returncode) == (0, 0)
    assert project.orch("output", UNIT, "value", "--raw").out == "two", "first the one's, then the other's"
    assert project.orch("unlock", UNIT, "--json").json["lock"] is None
    project.orch("plan", UNIT, "--detailed-exitcode", code=0)


@pytest.mark.full
def test_two_that_begin_together_apply_one_after_the_other(project: Project) -> None:
    made = project.root / "made"
    run = f"echo made >> {made}; sleep 1"
    project.write("live/stacks/slow.yaml", SLOW.format(value="one", run=run))
    both = [start(project, "--lock-timeout", "5m") for _ in range(2)]
    ends = [(each.communicate(timeout=240), each.returncode) for each in both]
    assert [code for _, code in ends] == [0, 0], ends
    project.orch("plan", UNIT, "--detailed-exitcode", code=0)
    assert made.read_text() == "made\n", "whoever came second found it done"


BUCKET = """\
variable "bucket" { type = string }
resource "aws_s3_bucket" "this" {
  bucket = var.bucket
}
"""


def test_a_plan_that_contradicts_what_another_run_just_makes_names_that_run_and_no_lost_bucket(
    project: Project,
) -> None:
    project.write("modules/one_bucket/main.tf", BUCKET)
    name = f"made-{project.accounts['main']}"
    project.write("live/stacks/slow.yaml", f"module: one_bucket\ninputs: {{bucket: {name}}}\n")
    project.write("policies/waivers.yaml", "[]\n")
    locks = Locks(project)
    with session_of(project, UNIT) as session:  # It begins before the other run takes the lock.
        locks.plant(operation="OperationTypeApply")
        locks.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        planned = plan_units(session.context, applies=True)[UNIT].report
        session.finish([planned])
    assert (planned.status, planned.findings) == (Status.FAILED, ())
    assert "locked by maria@build-7" in planned.cause

    stopped = project.orch("apply", UNIT, "--yes", "--json", code=1).units()[UNIT]
    assert stopped["status"] == "failed"
    assert "locked by maria@build-7" in stopped["cause"]
    assert stopped["seconds"] < 1, "it was not even planned"
    refused = project.orch("destroy", UNIT, "--yes", "--json", code=1).units()[UNIT]
    assert "locked by maria@build-7" in refused["cause"]

    locks.s3.delete_object(Bucket=locks.bucket, Key=locks.key)
    blocked = project.orch("apply", UNIT, "--yes", "--json", code=3).units()[UNIT]
    assert [each["rule"] for each in blocked["findings"]] == ["ORCH_VANISHED"], "now nobody makes it"
