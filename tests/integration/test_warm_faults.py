"""Warm providers when something is killed or interrupted: what is repeated, and that nothing is left running.

Each test holds one call of the provider in the emulator, and does harm meanwhile.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.emulator.faults import Fault
from tests.support.calls import read_calls
from tests.support.faults import HOLD, Disturbed, Running, children_of, program, wait
from tests.support.terraform import alive

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.environ.get("ORCH_COLD", "0") not in {"", "0"}, reason="nothing is warm"),
]

PROVIDER = "terraform-provider-aws"
MODULE = """\
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
data "aws_availability_zones" "this" {}
resource "aws_ssm_parameter" "this" {
  name  = "/t/first"
  type  = "String"
  value = join(",", data.aws_availability_zones.this.names)
}
"""
READING = "data.aws_availability_zones.this: Reading..."
CREATING = "prod/first: aws_ssm_parameter.this: Creating..."
COLD = "each Terraform command starts its own providers"


@pytest.fixture
def stage(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Iterator[Disturbed]:
    made = Disturbed(
        tmp_path / "repo", emulator, account_ids(), {"first": "module: zones\n"}, {"zones/main.tf": MODULE}
    )
    yield made
    made.inject()


def hold_plan(stage: Disturbed) -> Running:
    """A plan whose provider waits for an answer of AWS."""
    stage.inject(Fault(f"^ec2 DescribeAvailabilityZones {stage.account_id} ", times=1, delay=HOLD))
    running = stage.start("plan", "prod", "--json")
    wait(lambda: READING in log_of(stage) or running.process.poll() is not None, seconds=60)
    assert READING in log_of(stage), running.told
    return running


def log_of(stage: Disturbed) -> str:
    """What Terraform has said: the console leaves out the beginning of a read."""
    return "".join(file.read_text() for file in stage.root.glob(".orch/runs/*/logs/prod/first/*.log"))


def hold_apply(stage: Disturbed, seconds: float = HOLD) -> Running:
    """An apply whose provider waits for an answer of AWS."""
    stage.inject(Fault(f"^ssm PutParameter {stage.account_id} ", times=1, delay=seconds))
    running = stage.start()
    running.wait_for(CREATING)
    return running


def server_of(running: Running) -> int:
    """The provider server: the parent of the providers."""
    return next(
        pid
        for pid in children_of(running.process.pid)
        if any(PROVIDER in program(child) for child in children_of(pid)) and "terraform" not in Path(program(pid)).name
    )


def harm(running: Running, what: str) -> None:
    if what == "server":
        os.kill(server_of(running), signal.SIGKILL)
    else:
        running.kill_children(PROVIDER)


def assert_none_left(pids: list[int]) -> None:
    """The processes end with orch, or as soon as the system has ended them."""
    wait(lambda: not any(alive(pid) for pid in pids), seconds=5)


def attempts(stage: Disturbed) -> list[int]:
    """The status of each entry about the call that makes the parameter; 0: it was held, and can be answered later."""
    calls = read_calls(stage.emulator)
    return [each.status for each in calls if each.action == "PutParameter" and each.account == stage.account_id]


@pytest.mark.parametrize("what", ["provider", pytest.param("server", marks=pytest.mark.full)])
def test_a_plan_is_repeated_cold_when_something_is_killed(stage: Disturbed, what: str) -> None:
    running = hold_plan(stage)
    pids = running.children()
    harm(running, what)
    stage.inject()
    result = running.end()
    assert result.code == 0, result.text
    unit = result.units()["prod/first"]
    assert unit["counts"]["create"] == 1
    assert unit["providers"].startswith("cold: the provider"), unit["providers"]
    assert result.err.count(COLD) == 1, result.err
    assert_none_left(pids)


@pytest.mark.parametrize("what", ["provider", pytest.param("server", marks=pytest.mark.full)])
def test_an_apply_is_never_repeated_when_something_is_killed(stage: Disturbed, what: str) -> None:
    running = hold_apply(stage)
    pids = running.children()
    harm(running, what)
    result = running.end()
    assert result.code == 1, result.text
    unit = result.units()["prod/first"]
    assert unit["status"] == "failed"
    assert result.err.count("aws_ssm_parameter.this: Creating...") == 1
    assert attempts(stage) in ([], [0]), "only the call that was held, if the harm did not come before it"
    assert stage.final()["prod/first"] is not None, "its state was written"
    assert stage.locks() == []
    assert_none_left(pids)
    if what == "provider":
        assert "The provider crashed:" in (stage.root / unit["log"]).read_text()


def test_terraform_ends_its_apply_when_orch_is_killed(stage: Disturbed) -> None:
    running = hold_apply(stage, seconds=3)
    pids = running.children()
    run = stage.runs()[0].run
    running.kill()
    wait(lambda: not any(alive(pid) for pid in pids), seconds=30)
    stage.inject()
    assert attempts(stage) == [0, 200], "held, then answered"
    assert [each["type"] for each in stage.final()["prod/first"]["resources"]].count("aws_ssm_parameter") == 1
    assert stage.locks() == []
    assert stage.resume(run).units()["prod/first"]["status"] == "unchanged"


@pytest.mark.parametrize("times", [1, 2, pytest.param(3, marks=pytest.mark.full)])
def test_an_interrupted_apply_leaves_no_provider(stage: Disturbed, times: int) -> None:
    running = hold_apply(stage, seconds=2 if times == 1 else HOLD)
    pids = running.children()
    said = ("will finish", "Stopping prod/first", "Killing prod/first")
    for words in said[:times]:
        running.process.send_signal(signal.SIGINT)
        running.wait_for(words)
    result = running.end(seconds=30)
    assert result.code == 130, result.text
    assert_none_left(pids)
    if times < 3:
        assert stage.locks() == []


def test_an_interrupted_plan_leaves_no_provider_and_is_not_repeated(stage: Disturbed) -> None:
    running = hold_plan(stage)
    pids = running.children()
    running.process.send_signal(signal.SIGINT)
    result = running.end(seconds=30)
    assert result.code == 130, result.text
    assert COLD not in result.err
    assert log_of(stage).count(READING) == 1
    assert_none_left(pids)
