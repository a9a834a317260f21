"""Faults of what runs beside orch: the provider, a disk that is really full, the emulator itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.control import start, stop
from orchestrator.emulator.faults import Fault
from orchestrator.emulator.info import read_info
from tests.support.emulator import MANAGEMENT
from tests.support.faults import HOLD, Disturbed, wait, working_in
from tests.support.project import REPOSITORY

pytestmark = pytest.mark.integration

PARAMETER = """\
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_ssm_parameter" "this" {
  name  = "/t/first"
  type  = "String"
  value = "one"
}
output "name" {
  value = aws_ssm_parameter.this.name
}
"""
FULL = pytest.mark.full


@pytest.mark.parametrize("harm", ["provider", pytest.param("machine", marks=FULL), pytest.param("orch", marks=FULL)])
def test_something_is_killed_while_the_real_provider_makes_something(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str], harm: str
) -> None:
    modules = {"parameter/main.tf": PARAMETER}
    stage = Disturbed(tmp_path / "repo", emulator, account_ids(), {"first": "module: parameter\n"}, modules)
    # The call is held up and then lost: what would have been made is not made.
    delay = 5 if harm == "orch" else HOLD
    stage.inject(Fault(f"^ssm PutParameter {stage.account_id} ", times=1, delay=delay, drop=True))
    running = stage.start()
    running.wait_for("prod/first: aws_ssm_parameter.this: Creating...", seconds=180)
    if harm == "provider":
        running.kill_children("terraform-provider-aws")
        result = running.end()
        assert "the provider process crashed" in result.units()["prod/first"]["cause"]
    elif harm == "machine":
        running.kill_all()
    else:
        running.kill()
        wait(lambda: not working_in(stage.root), seconds=180)  # the provider tries the lost call again
    stage.inject()
    assert stage.recover(approved=True).code == 0
    assert stage.client("ssm").get_parameter(Name="/t/first")["Parameter"]["Value"] == "one"
    assert stage.final()["prod/first"]["outputs"]["name"]["value"] == "/t/first"
    assert stage.locks() == []
    assert stage.project.orch("plan", "prod", "--detailed-exitcode", "--json").code == 0


@pytest.mark.full
def test_the_emulator_is_killed_and_started_again(tmp_path: Path, account_ids: Callable[[], str]) -> None:
    """All that it had is gone, as nothing of AWS ever is. A state that could not be saved is all that is left."""
    folder = tmp_path / "emulator"
    account = account_ids()
    start(folder, accounts={}, management=MANAGEMENT, ttl_parent=os.getpid())
    try:
        stage = Disturbed(tmp_path / "repo", folder, account)
        stage.inject(stage.state_fault("PutObject", delay=HOLD))
        running = stage.start()
        running.wait_for("prod/first: terraform_data.this: Creation complete")
        info = read_info(folder)
        assert info is not None
        os.kill(info.pid, signal.SIGKILL)
        failed = running.end()
        assert failed.units()["prod/first"]["status"] == "failed"
        assert "AWS could not be reached" in failed.units()["prod/first"]["cause"]
        start(folder, accounts={}, management=MANAGEMENT, ttl_parent=os.getpid())
        shutil.copyfile(folder / "emulator.json", stage.root / ".orch" / "emulator" / "emulator.json")

        run = stage.runs()[0].run
        assert f"account main has no state bucket {stage.bucket}" in stage.resume(run, code=2).err
        stage.project.orch("bootstrap", "main", "--yes", "-q")
        resumed = stage.resume(run)
        assert resumed.units()["prod/first"]["status"] == "unchanged", "its state was saved, and says what it made"
        assert stage.final()["prod/second"]["outputs"]["value"]["value"]["text"] == "two one"
        assert stage.locks() == []
    finally:
        stop(folder)


FULL_DISK = """\
mkdir -p "$ROOT/.orch/runs"
mount -t tmpfs -o size=230m,mode=700 none "$ROOT/.orch/runs" || exit 77
( while [ ! -e "$ROOT/fill" ]; do sleep 0.05; done
  dd if=/dev/zero of="$ROOT/.orch/runs/filler" bs=64k 2>/dev/null; touch "$ROOT/full" ) &
"$@" apply prod --yes --json -v -j 1 >"$ROOT/one.json" 2>"$ROOT/one.err"; echo $? >"$ROOT/one.code"
wait; rm "$ROOT/.orch/runs/filler"
run=$("$@" runs --json | sed -n 's/.*"run": "\\(.*\\)".*/\\1/p' | head -1)
"$@" apply --resume "$run" --json >"$ROOT/two.json" 2>"$ROOT/two.err"; echo $? >"$ROOT/two.code"
"$@" apply prod --yes --json >"$ROOT/three.json" 2>"$ROOT/three.err"; echo $? >"$ROOT/three.code"
"""


def namespaces() -> bool:
    """Whether a file system of our own can be mounted without being root of this machine."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-Urm", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.full
@pytest.mark.parametrize(
    ("operation", "says"), [("HeadObject", "planning"), ("PutObject", "terraform_data.this: Creation complete")]
)
def test_the_disk_is_really_full(stage: Disturbed, undisturbed: dict[str, Any], operation: str, says: str) -> None:
    if not namespaces():
        pytest.skip("this system lets nobody mount a small file system")
    stage.inject(stage.state_fault(operation, delay=HOLD))
    process = subprocess.Popen(
        ["unshare", "-Urm", "sh", "-c", FULL_DISK, "sh", *stage.project.command()],
        env={**stage.project.environment(), "ROOT": str(stage.root)},
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
    )
    errors = stage.root / "one.err"
    try:
        wait(lambda: errors.is_file() and f"prod/first: {says}" in errors.read_text(), seconds=180)
        (stage.root / "fill").touch()
        wait((stage.root / "full").exists, seconds=60)
        stage.inject()
        process.wait(timeout=400)
    finally:
        process.kill()
        process.wait()
    code = {name: (stage.root / f"{name}.code").read_text().strip() for name in ("one", "two", "three")}
    assert code["one"] != "0"
    assert "Traceback" not in errors.read_text()
    assert "this is a bug" not in errors.read_text()
    # What a person does next: resume, and apply where nothing of the unit had been approved.
    if operation == "PutObject":
        assert code["two"] == "0", (stage.root / "two.err").read_text()
    assert code["three"] == "0", (stage.root / "three.err").read_text()
    assert stage.final() == undisturbed
    assert stage.locks() == []
