"""What a resumed run goes on with: the approval of a past run, and how far each of its units came.

Pure of Terraform and AWS: journals are read, nothing else.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from orchestrator.errors import ApprovalError, UsageError
from orchestrator.run.history.prune import APPROVAL_LASTS, approved_at
from orchestrator.run.history.runs import DONE, PastRun, RunOutcome, continued, past_runs, read_run
from orchestrator.run.history.unsaved_state import unsaved_in

_APPLY = "apply"


class ApplyState(StrEnum):
    """How far a unit came in the runs before."""

    NOWHERE = "not begun"
    STARTED = "begun"
    """Its apply began, and did not end well or no end is recorded: its state and its lock must be looked at."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one unit came.

    Attributes:
        came: how far.
        run: the run that began or ended its apply; empty when nothing was begun.
        plan: hash of the plan whose apply began.
        lineage, serial: of the state that its apply wrote, where the journal says so.
    """

    came: ApplyState = ApplyState.NOWHERE
    run: str = ""
    plan: str = ""
    lineage: str = ""
    serial: int | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """What was approved in a past run, and what has become of it since.

    Attributes:
        runs: the run that was approved, then those that went on with it.
        units: the units of that run, in its order.
        planned: the journal's record of each unit's plan, as it was when it was approved.
        progress: how far each unit came, in all of these runs.
        at: when it was approved.
        yes: nobody was asked then (``--yes``).
    """

    runs: tuple[PastRun, ...]
    units: tuple[str, ...]
    planned: Mapping[str, Mapping[str, Any]]
    progress: Mapping[str, Progress]
    at: datetime
    yes: bool

    @property
    def first(self) -> PastRun:
        """The run that was approved."""
        return self.runs[0]

    @property
    def newest(self) -> PastRun:
        """The last run that went on with it."""
        return self.runs[-1]


def find_chain(runs: Path, run: str | None) -> tuple[PastRun, ...]:
    """The run to go on with: the one that a person approved, then those that went on with it.

    Args:
        runs: the folder that holds the folders of all runs.
        run: its id; None: the newest apply that was interrupted or cut off and that no run has gone on with.

    Raises:
        UsageError: there is no such run, it still goes on, or it is none that can be resumed.
        ApprovalError: its journal is damaged.
    """
    past = list(past_runs(runs))
    gone_on = continued(past)
    if run is None:
        newest = next((each for each in past if each.run not in gone_on and _wants_resume(each)), None)
        if newest is None:
            message = "no apply on this machine was interrupted or cut off"
            raise UsageError(
                message, hint="`orch runs` lists the runs; `orch apply --resume RUN` goes on with any of them"
            )
    else:
        while run in gone_on:
            run = gone_on[run]
        newest = next((each for each in past if each.run == run), None)
        if newest is None:
            raise UsageError(f"there is no run {run!r} on this machine", hint="`orch runs` lists them")
    chain = [newest]
    while (before := chain[0].continues) is not None:
        chain.insert(0, _before(runs, chain[0].run, before))
    for each in chain:
        _check(each)
    return tuple(chain)


def _wants_resume(past: PastRun) -> bool:
    return past.applies and (past.outcome.resumable or any(unsaved_in(past.folder)))


def _before(runs: Path, run: str, before: str) -> PastRun:
    try:
        return read_run(runs / before)
    except OSError as error:
        message = f"run {run} went on with run {before}, whose journal cannot be read: {error.strerror}"
        raise ApprovalError(message, hint="plan again: orch apply") from error


def _check(past: PastRun) -> None:
    if past.outcome is RunOutcome.RUNNING:
        raise UsageError(f"run {past.run} still goes on", hint="wait for its end; `orch runs` tells of it")
    if past.outcome is RunOutcome.UNREADABLE:
        message = f"the journal of run {past.run} is of another version of orch"
        raise UsageError(message, hint="resume with the version that wrote it, or plan again: orch apply")
    if past.records.damaged:
        lines = ", ".join(str(number) for number in past.records.damaged)
        message = f"the journal of run {past.run} is damaged in line {lines}: what was approved and done is not certain"
        raise ApprovalError(message, hint=f"plan again: orch apply {' '.join(past.targets)}")


def approval_of(chain: tuple[PastRun, ...], now: datetime) -> Approval:
    """What was approved, if it still holds.

    Args:
        chain: of `find_chain`.
        now: the current time, aware.

    Raises:
        UsageError: the run was no apply.
        ApprovalError: nothing was approved, or too long ago.
    """
    first = chain[0]
    targets = " ".join(first.targets)
    again = f"plan again: orch apply {targets}"
    if first.verb and first.verb != _APPLY:
        message = f"run {first.run} was orch {first.verb}; only an apply is resumed"
        raise UsageError(message, hint=f"orch {first.verb} {targets}")
    approved = first.approved
    if approved is None:
        raise ApprovalError(f"nothing had been approved in run {first.run} when it ended", hint=again)
    at = approved_at(approved)
    if now - at >= APPROVAL_LASTS:
        hours = int((now - at).total_seconds() // 3600)
        limit = int(APPROVAL_LASTS.total_seconds() // 3600)
        message = f"run {first.run} was approved {hours} hours ago; an approval holds for {limit}"
        raise ApprovalError(message, hint=again)
    return Approval(
        runs=chain,
        units=first.units,
        planned=_planned(first),
        progress=progress_of(chain),
        at=at,
        yes=approved.get("how") == "--yes",
    )


def check_units(approval: Approval, known: Container[str]) -> None:
    """Check that there still are the units that were approved.

    Raises:
        ApprovalError: ``live/`` has one of them no more.
    """
    for unit in approval.units:
        if unit not in known:
            message = f"run {approval.first.run} was about {unit}, which live/ has no more"
            raise ApprovalError(message, hint=f"plan again: orch apply {' '.join(approval.first.targets)}")


def _planned(first: PastRun) -> Mapping[str, Mapping[str, Any]]:
    """The plans that were there when the approval was given; what was planned after is no part of it."""
    found: dict[str, Mapping[str, Any]] = {}
    for record in first.records.records:
        if record["event"] == "approved":
            break
        if record["event"] == "planned":
            found[str(record["unit"])] = record
    return found


def progress_of(chain: tuple[PastRun, ...]) -> Mapping[str, Progress]:
    """How far every unit came, over several runs in the order of time."""
    found: dict[str, Progress] = {unit: Progress() for past in chain for unit in past.units}
    for past in chain:
        for unit, step in _steps(past):
            # "ended" follows "apply-ended", which knows the state.
            if (
                step.came is ApplyState.DONE
                and step.serial is None
                and found.get(unit, Progress()).came is ApplyState.DONE
            ):
                continue
            found[unit] = step
    return found


def _steps(past: PastRun) -> Iterator[tuple[str, Progress]]:
    for record in past.records.records:
        unit = str(record.get("unit", ""))
        if record["event"] == "apply-started":
            yield unit, Progress(ApplyState.STARTED, past.run, plan=str(record.get("plan", "")))
        elif record["event"] == "apply-ended" and record.get("ok") is True:
            serial = record.get("serial")
            yield (
                unit,
                Progress(
                    ApplyState.DONE,
                    past.run,
                    lineage=str(record.get("lineage") or ""),
                    serial=serial if isinstance(serial, int) else None,
                ),
            )
        elif record["event"] == "ended" and record.get("status") in DONE:
            yield unit, Progress(ApplyState.DONE, past.run)
