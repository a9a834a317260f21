"""Each fault at each phase, then what a person does: in the end all is as if nothing had happened, and nothing is locked.

The phases are those of the unit ``prod/first``; a fault of AWS holds each of them open while harm is done. Up to the end
of the judging nothing is approved yet, so an apply follows; afterwards ``orch apply --resume`` goes on. The fastest of
each fault are in every run of the tests, the others in ``make test-all``.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator.emulator.faults import Fault
from tests.support.faults import HOLD, SLOW_POLICY, Disturbed, Running, wait, working_in
from tests.support.project import Result

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Phase:
    """Where a fault comes.

    Attributes:
        says: what orch says when it is there.
        call: pattern of the call of AWS that is made there, with ``{account}`` and ``{key}``; empty: none is.
        unit: whose state that call is about.
        approved: whether the approval was given before.
    """

    name: str
    says: str
    call: str
    unit: str = "prod/first"
    approved: bool = False

    def fault(self, stage: Disturbed, **more: Any) -> Fault:
        """A fault of the calls that are made in this phase."""
        key = rf"\S*/{self.unit}/[^/]+/terraform\.tfstate "
        return Fault(self.call.format(account=stage.account_id, key=key), **more)

    def hold(self, stage: Disturbed) -> None:
        """Keep the run in this phase."""
        if self.call:
            stage.inject(self.fault(stage, delay=HOLD))
        else:
            (stage.root / "slow-judge").touch()

    def let_go(self, stage: Disturbed) -> None:
        """Let everything go on."""
        stage.inject()
        (stage.root / "slow-judge").unlink(missing_ok=True)


PHASES = (
    Phase("init", "prod/first: init", r'^s3 ListObjectsV2 {account} .*"Prefix": "env:/"'),
    Phase("plan", "prod/first: planning", "^s3 HeadObject {account} {key}"),
    Phase("judge", "prod/first: judging", ""),
    Phase(
        "apply", "prod/first: terraform_data.this: Creation complete", "^s3 PutObject {account} {key}", approved=True
    ),
    Phase("between", "prod/second: planning", "^s3 HeadObject {account} {key}", unit="prod/second", approved=True),
)
LASTING: dict[str, dict[str, Any]] = {
    "outage": {"status": 500, "code": "InternalError"},
    "throttled": {"status": 503, "code": "SlowDown"},
    "expired": {"status": 400, "code": "ExpiredToken"},
    "no-connection": {"drop": True},
}
SAID = {
    "outage": ("AWS returned server errors",),
    "throttled": ("AWS throttled requests", "AWS was throttling or unavailable"),
    "expired": ("credentials have expired",),
    "no-connection": ("AWS could not be reached",),
}


def at(phases: tuple[Phase, ...], *quick: str) -> list[Any]:
    """Parameters: the phases, of which all but the quick ones are left to ``make test-all``."""
    return [pytest.param(p, id=p.name, marks=() if p.name in quick else pytest.mark.full) for p in phases]


def faults_at(quick: dict[str, str]) -> list[Any]:
    """Parameters: every fault of AWS at every phase that calls it; the quick phase of each is in every run."""
    return [
        pytest.param(
            fault, phase, id=f"{fault}-{phase.name}", marks=() if quick[fault] == phase.name else pytest.mark.full
        )
        for fault in LASTING
        for phase in PHASES
        if phase.call
    ]


@pytest.fixture
def slow(stage: Disturbed) -> Disturbed:
    """A stage whose judging can be held up."""
    stage.project.write("policies/slow/check.py", SLOW_POLICY)
    for name in ("pass", "fail"):
        stage.project.write(f"policies/slow/{name}.json", "{}")
    return stage


def disturbed(stage: Disturbed, phase: Phase) -> Iterator[Running]:
    """An apply that is in a phase, and stays there until it is let go."""
    phase.hold(stage)
    running = stage.start()
    running.wait_for(phase.says)
    yield running
    phase.let_go(stage)


def harm(stage: Disturbed, phase: Phase, do: Callable[[Running], None]) -> Running:
    """Do harm in a phase."""
    for running in disturbed(stage, phase):
        do(running)
    return running


def as_if_nothing(stage: Disturbed, undisturbed: dict[str, Any], phase: Phase) -> Result:
    """What a person does next; then the final state is the undisturbed one, and nothing is locked."""
    wait(lambda: not working_in(stage.root), seconds=90)  # a Terraform whose orch was killed comes to its own end
    result = stage.recover(approved=phase.approved)
    assert result.code == 0, result.text
    assert stage.final() == undisturbed
    assert stage.locks() == []
    stage.assert_recorded()
    assert stage.project.orch("plan", "prod", "--detailed-exitcode", "--json").code == 0
    return result


@pytest.mark.parametrize("phase", at(PHASES, "judge"))
def test_orch_is_killed(slow: Disturbed, undisturbed: dict[str, Any], phase: Phase) -> None:
    harm(slow, phase, Running.kill)
    assert slow.runs()[0].outcome == "cut off"
    as_if_nothing(slow, undisturbed, phase)


@pytest.mark.parametrize("phase", at(PHASES, "apply"))
def test_the_machine_is_lost(slow: Disturbed, undisturbed: dict[str, Any], phase: Phase) -> None:
    harm(slow, phase, Running.kill_all)
    if phase.name == "apply":
        told = slow.project.orch("plan", "prod", code=None).err
        assert "the state is locked by" in told, "an orphaned lock is told of before anything is done"
        assert f"has ended, of run {slow.runs()[0].run}" in told
    as_if_nothing(slow, undisturbed, phase)


@pytest.mark.parametrize("phase", at(tuple(p for p in PHASES if p.call), "apply"))
def test_terraform_is_killed(stage: Disturbed, undisturbed: dict[str, Any], phase: Phase) -> None:
    result = harm(stage, phase, lambda running: running.kill_children("terraform")).end()
    assert result.code == 1
    assert "the process was killed" in result.units()[phase.unit]["cause"]
    stage.assert_recorded()
    as_if_nothing(stage, undisturbed, phase)


@pytest.mark.parametrize("phase", at(PHASES, "judge"))
def test_a_sigterm_comes(slow: Disturbed, undisturbed: dict[str, Any], phase: Phase) -> None:
    running = harm(slow, phase, lambda running: running.process.send_signal(signal.SIGTERM))
    result = running.end()
    assert result.code == 130
    assert slow.runs()[0].outcome == "interrupted"
    slow.assert_recorded()
    as_if_nothing(slow, undisturbed, phase)


@pytest.mark.parametrize("phase", at(PHASES, "judge"))
def test_the_disk_of_orch_is_full(slow: Disturbed, undisturbed: dict[str, Any], phase: Phase) -> None:
    """A limit on the size of files stands for the disk: the system refuses each write of orch's as it does then."""
    result = harm(slow, phase, lambda running: running.limit_files(0)).end()
    assert result.code != 0
    as_if_nothing(slow, undisturbed, phase)


@pytest.mark.longest
@pytest.mark.parametrize(
    ("fault", "phase"),
    faults_at({"outage": "apply", "throttled": "init", "expired": "plan", "no-connection": "plan"}),
)
def test_aws_fails_for_long(stage: Disturbed, undisturbed: dict[str, Any], fault: str, phase: Phase) -> None:
    with stage.faults(phase.fault(stage, **LASTING[fault])):
        result = stage.apply(code=1)
    unit = result.units()[phase.unit]
    assert unit["status"] == "failed"
    assert any(words in unit["cause"] for words in SAID[fault]), unit["cause"]
    if phase.name != "init":  # there the calls are the same for every unit
        assert result.units()["prod/alone"]["status"] in {"applied", "unchanged"}, "the rest goes on"
    if phase.unit == "prod/first":
        assert result.units()["prod/second"]["status"] == "skipped"
    if phase.name == "apply":
        assert "errored.tfstate" in unit["cause"]
    as_if_nothing(stage, undisturbed, phase)


@pytest.mark.parametrize(
    "fault",
    [
        "outage",
        pytest.param("throttled", marks=pytest.mark.full),
        pytest.param("no-connection", marks=pytest.mark.full),
    ],
)
@pytest.mark.parametrize("phase", at(tuple(p for p in PHASES if p.call), "plan"))
def test_aws_fails_for_a_moment(stage: Disturbed, undisturbed: dict[str, Any], fault: str, phase: Phase) -> None:
    with stage.faults(phase.fault(stage, times=2, **LASTING[fault])):
        stage.apply()
    assert stage.final() == undisturbed
    assert stage.locks() == []
