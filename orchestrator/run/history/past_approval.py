"""The approval that a resumed run continues, and how far each of its units got. Reads journals only."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from orchestrator.errors import ApprovalError, UsageError
from orchestrator.report.outcome import RunOutcome
from orchestrator.run.history.prune import APPROVAL_LASTS, approved_at
from orchestrator.run.history.runs import FINISHED_STATUSES, PastRun, continued, past_runs, read_run
from orchestrator.run.history.unsaved_state import unsaved_in
from orchestrator.util.plural import plural

_APPLY = "apply"


class ApplyState(StrEnum):
    """How far a unit got in earlier runs."""

    NOT_STARTED = "not begun"
    STARTED = "begun"
    """Its apply began and did not succeed, or its end was not recorded: state and lock must be checked."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one unit got.

    Attributes:
        state: how far.
        run: id of the run that began or ended its apply; empty when none did.
        plan: hash of the plan whose apply began.
        lineage, serial: of the state that its apply wrote, if the journal records it.
    """

    state: ApplyState = ApplyState.NOT_STARTED
    run: str = ""
    plan: str = ""
    lineage: str = ""
    serial: int | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """The approval of a past run, and the progress since.

    Attributes:
        runs: the approved run, followed by the runs that continued it.
        units: the units of that run, in order.
        planned: the journal's record of each unit's plan, as approved.
        progress: how far each unit got in all of these runs.
        at: when it was approved.
        yes: it was approved with ``--yes``.
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
        """The last run that continued it."""
        return self.runs[-1]


def find_chain(runs: Path, run: str | None) -> tuple[PastRun, ...]:
    """Return the approved run to continue, followed by the runs that continued it so far.

    Args:
        runs: the folder that contains the folders of all runs.
        run: id of a run; None selects the newest apply that was interrupted or cut off and not continued yet.

    Raises:
        UsageError: there is no such run, it still runs, or it cannot be resumed.
        ApprovalError: its journal is damaged.
    """
    past = list(past_runs(runs))
    continued_by = continued(past)
    if run is None:
        newest = next((each for each in past if each.run not in continued_by and _needs_resume(each)), None)
        if newest is None:
            message = "no apply on this machine was interrupted or cut off after it was approved"
            hint = "`orch runs` lists the runs; `orch apply --resume RUN` continues an approved one"
            raise UsageError(message, hint=hint)
    else:
        while run in continued_by:
            run = continued_by[run]
        newest = next((each for each in past if each.run == run), None)
        if newest is None:
            raise UsageError(f"there is no run {run!r} on this machine", hint="`orch runs` lists them")
    chain = [newest]
    while (before := chain[0].continues) is not None:
        chain.insert(0, _before(runs, chain[0].run, before))
    for each in chain:
        _check(each)
    return tuple(chain)


def _needs_resume(past: PastRun) -> bool:
    return past.resumable or (past.applies and any(unsaved_in(past.folder)))


def _before(runs: Path, run: str, before: str) -> PastRun:
    try:
        return read_run(runs / before)
    except OSError as error:
        message = f"run {run} continued run {before}, whose journal cannot be read: {error.strerror}"
        raise ApprovalError(message, hint="plan again: orch apply") from error


def _check(past: PastRun) -> None:
    if past.outcome is RunOutcome.RUNNING:
        raise UsageError(f"run {past.run} is still running", hint="wait until it ends; `orch runs` shows it")
    if past.outcome is RunOutcome.UNREADABLE:
        message = f"the journal of run {past.run} was written by another version of orch"
        raise UsageError(message, hint="resume with the version that wrote it, or plan again: orch apply")
    if past.records.damaged:
        lines = ", ".join(str(number) for number in past.records.damaged)
        message = f"the journal of run {past.run} is damaged in line {lines}: what was approved and done is uncertain"
        raise ApprovalError(message, hint=f"plan again: orch apply {' '.join(past.targets)}")


def approval_of(chain: tuple[PastRun, ...], now: datetime) -> Approval:
    """Return the approval of a run, if it is still valid.

    Args:
        chain: the result of `find_chain`.
        now: the current time, aware.

    Raises:
        UsageError: the run was not an apply.
        ApprovalError: its plans were made without refresh, nothing was approved, or the approval has expired.
    """
    first = chain[0]
    targets = " ".join(first.targets)
    again = f"plan again: orch apply {targets}"
    planned = _planned(first)
    if not first.refresh or any(record.get("refresh") is False for record in planned.values()):
        message = f"run {first.run} planned without refresh (--no-refresh), and such plans are never applied"
        raise ApprovalError(message, hint=again)
    if first.verb and first.verb != _APPLY:
        message = f"run {first.run} was orch {first.verb}; only an apply can be resumed"
        raise UsageError(message, hint=f"orch {first.verb} {targets}")
    approved = first.approved
    if approved is None:
        raise ApprovalError(f"run {first.run} ended before it was approved", hint=again)
    at = approved_at(approved)
    if now - at >= APPROVAL_LASTS:
        hours = int((now - at).total_seconds() // 3600)
        limit = int(APPROVAL_LASTS.total_seconds() // 3600)
        message = f"run {first.run} was approved {plural(hours, 'hour')} ago; an approval is valid for {limit}"
        raise ApprovalError(message, hint=again)
    return Approval(
        runs=chain,
        units=first.units,
        planned=planned,
        progress=progress_of(chain),
        at=at,
        yes=approved.get("how") == "--yes",
    )


def check_units(approval: Approval, known: Container[str]) -> None:
    """Check that ``live/`` still has the approved units.

    Raises:
        ApprovalError: a unit is no longer in ``live/``.
    """
    for unit in approval.units:
        if unit not in known:
            message = f"run {approval.first.run} approved {unit}, which is no longer in live/"
            raise ApprovalError(message, hint=f"plan again: orch apply {' '.join(approval.first.targets)}")


def _planned(first: PastRun) -> Mapping[str, Mapping[str, Any]]:
    """Return the plans recorded before the approval; later ones are not part of it."""
    found: dict[str, Mapping[str, Any]] = {}
    for record in first.records.records:
        if record["event"] == "approved":
            break
        if record["event"] == "planned":
            found[str(record["unit"])] = record
    return found


def progress_of(chain: tuple[PastRun, ...]) -> Mapping[str, Progress]:
    """Return how far every unit got, over several runs in order of time."""
    found: dict[str, Progress] = {unit: Progress() for past in chain for unit in past.units}
    for past in chain:
        for unit, step in _steps(past):
            # "ended" follows "apply-ended", which knows the state.
            if (
                step.state is ApplyState.DONE
                and step.serial is None
                and found.get(unit, Progress()).state is ApplyState.DONE
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
        elif record["event"] == "ended" and record.get("status") in FINISHED_STATUSES:
            yield unit, Progress(ApplyState.DONE, past.run)
