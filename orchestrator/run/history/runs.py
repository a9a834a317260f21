"""Past runs, read from their journals: what was asked for, what was approved, how each unit ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.config.nodes import PlainValue
from orchestrator.report.model import Status
from orchestrator.report.outcome import RunOutcome, outcome_of
from orchestrator.run.history.journal import (
    STATUS_EVENTS,
    Records,
    UnknownFormatError,
    in_flight_units,
    is_active,
    load_journal,
)

JOURNAL = "journal.jsonl"
FINISHED_STATUSES = frozenset(
    status.value for status in (Status.APPLIED, Status.DESTROYED, Status.MOVED, Status.ADOPTED, Status.UNCHANGED)
)
"""Statuses of units that need no more work."""

_CHANGING = frozenset({"apply", "destroy", "bootstrap", "move", "adopt"})
"""Commands that change something in AWS."""

_READING = frozenset({"show", "terraform"})
"""Commands that only prepare the root of a unit."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run that began on this machine, as its journal records it.

    Attributes:
        run: its id.
        folder: the folder with its plans, roots and logs.
        outcome: how it ended.
        records: its journal.
    """

    run: str
    folder: Path
    outcome: RunOutcome
    records: Records = field(repr=False)

    @property
    def start(self) -> Mapping[str, Any]:
        """The first record; empty when the run was killed before it was written."""
        return self.first("run-started") or {}

    @property
    def verb(self) -> str:
        """``plan``, ``apply``, ``destroy`` and others."""
        return str(self.start.get("verb", ""))

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets as typed."""
        return tuple(self.start.get("targets", ()))

    @property
    def units(self) -> tuple[str, ...]:
        """The units of the run, in its order."""
        return tuple(self.start.get("units", ()))

    @property
    def refresh(self) -> bool:
        """False if its plans were made without reading the resources from AWS (``--no-refresh``)."""
        return self.start.get("refresh") is not False

    @property
    def values(self) -> Mapping[str, PlainValue]:
        """The values that the run was given, with those that it had by default."""
        found = (str(each).partition("=") for each in self.start.get("values", ()))
        return {name: json.loads(text) for name, _, text in found}

    @property
    def continues(self) -> str | None:
        """The run that it continued; None for a new run."""
        return self.start.get("continues")

    @property
    def approved(self) -> Mapping[str, Any] | None:
        """The record of the approval; None when nothing was approved."""
        return self.first("approved")

    @property
    def in_flight(self) -> dict[str, str]:
        """Units whose apply began and has no recorded end, with the time when it began."""
        return in_flight_units(self.records.records)

    @property
    def done(self) -> tuple[str, ...]:
        """Units that need no more work; for a plan and a dry run, those that were planned."""
        if self.verb in _READING and self.outcome is RunOutcome.DONE:
            return self.units
        ends = self.ends()
        # What orch adopt --pool planned and wrote into live/, the next apply imports: nothing is left to do for it.
        written = self.verb == "adopt" and self.outcome is RunOutcome.PLANNED
        finished = _LEFT_OR_FINISHED if self.applies and not written else _PLANNED
        return tuple(unit for unit in self.units if ends.get(unit) in finished)

    @property
    def applies(self) -> bool:
        """Whether the run was meant to change something. A run that was killed before its first record was not."""
        return self.verb in _CHANGING and not self.dry_run

    @property
    def dry_run(self) -> bool:
        """Whether the run was to show only (``--dry-run``)."""
        return self.start.get("dry_run") is True

    @property
    def resumable(self) -> bool:
        """Whether ``--resume`` without a run id selects the run: an approved apply that stopped before its end."""
        if self.verb != "apply" or self.approved is None or not set(self.units) - set(self.done):
            return False
        stopped = self.outcome in {RunOutcome.CUT_OFF, RunOutcome.INTERRUPTED}
        return stopped or bool(self.first("scheduler-lost")) or Status.UNKNOWN.value in self.ends().values()

    def first(self, event: str) -> Mapping[str, Any] | None:
        """The first record of an event, or None."""
        return next((record for record in self.records.records if record["event"] == event), None)

    def ends(self) -> dict[str, str]:
        """Return the last recorded status of each unit."""
        found: dict[str, str] = {}
        for record in self.records.records:
            if record["event"] in STATUS_EVENTS and "unit" in record:
                found[str(record["unit"])] = str(record.get("status", ""))
        return found


_LEFT_OR_FINISHED = FINISHED_STATUSES | {Status.DRIFTED.value}
"""Of an apply: what only AWS changed, and nobody approved to change back, is nothing that is left to do."""
_PLANNED = FINISHED_STATUSES | {Status.PLANNED.value, Status.AFTER_UPSTREAMS.value, Status.DRIFTED.value}


def past_runs(runs: Path) -> Iterator[PastRun]:
    """Yield every run on this machine, newest first.

    Args:
        runs: the folder that contains the folders of all runs.
    """
    for journal in sorted(runs.glob(f"*/{JOURNAL}"), reverse=True):
        yield read_run(journal.parent)


def read_run(folder: Path) -> PastRun:
    """Read one run from its folder. A journal of an unknown format is an outcome, not an error.

    Raises:
        OSError: there is no journal, or it cannot be read.
    """
    journal = folder / JOURNAL
    running = is_active(journal)  # Before reading: a run that ends in between counts as running.
    try:
        records = load_journal(journal)
    except UnknownFormatError:
        return PastRun(folder.name, folder, RunOutcome.UNREADABLE, Records(()))
    past = PastRun(folder.name, folder, RunOutcome.DONE, records)
    return PastRun(folder.name, folder, RunOutcome.RUNNING if running else _outcome(past), records)


def _outcome(past: PastRun) -> RunOutcome:
    """Return how a run that no longer runs ended: as its report says."""
    end = past.first("run-ended")
    if end is None:
        return RunOutcome.CUT_OFF
    try:
        return RunOutcome(str(end.get("outcome")))
    except ValueError:  # A journal from before the outcome was recorded.
        return _outcome_of_units(past, failed=bool(end.get("error")))


def _outcome_of_units(past: PastRun, *, failed: bool) -> RunOutcome:
    """Return how a run ended, from what is recorded of its units."""
    known = {status.value: status for status in Status}
    ends = {known[text] for text in past.ends().values() if text in known}
    if past.first("declined") is not None:
        ends.add(Status.DECLINED)
    stopped = past.first("interrupted") or past.first("scheduler-lost")
    return outcome_of(
        ends, verb=past.verb, dry_run=past.dry_run, interrupted=stopped is not None and not failed, failed=failed
    )


def continued(runs: list[PastRun]) -> Mapping[str, str]:
    """Return the runs that a later run continued: run -> the newest run that continues it."""
    found: dict[str, str] = {}
    for past in runs:  # Newest first.
        if past.continues is not None:
            found.setdefault(past.continues, past.run)
    return found


def time_of(record: Mapping[str, Any]) -> datetime:
    """Return the time of a record, aware."""
    return datetime.fromisoformat(str(record["time"]))
