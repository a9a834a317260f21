"""Which folders of past runs stay on disk: never those that something of value would be lost with."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.run.history.journal import is_active
from orchestrator.run.history.runs import JOURNAL, PastRun, read_run, time_of
from orchestrator.run.history.unsaved_state import unsaved_in

RUNS_TO_KEEP = 20
"""How many runs stay on disk in any case; older ones are removed when a new one begins."""

APPROVAL_LASTS = timedelta(hours=24)
"""How old an approval may be when ``--resume`` goes on with it. The world moves on; so does what a person remembers."""


def remove_old(runs: Path, *, now: datetime | None = None) -> None:
    """Remove the oldest runs, but for those that are still needed.

    Needed are: a run that goes on, one whose approval ``--resume`` could still go on with together with the runs that
    it continues, and one that holds a state which could not be saved.

    Args:
        runs: the folder that holds the folders of all runs.
        now: the current time, aware.
    """
    folders = sorted(path for path in runs.iterdir() if path.is_dir())
    surplus = folders[:-RUNS_TO_KEEP]
    if not surplus:
        return
    needed = {name for folder in folders for name in _continued_by(folder, now or datetime.now(UTC))}
    for folder in surplus:
        if folder.name in needed or is_active(folder / JOURNAL) or any(unsaved_in(folder)):
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _continued_by(folder: Path, now: datetime) -> set[str]:
    """A run that could be resumed, and those before it whose plans it would need; empty for any other."""
    try:
        past = read_run(folder)
    except OSError:
        return set()
    if not can_resume(past, now):
        return set()
    needed = {past.run}
    while past.continues is not None and past.continues not in needed:
        needed.add(past.continues)
        try:
            past = read_run(folder.parent / past.continues)
        except OSError:
            break
    return needed


def can_resume(past: PastRun, now: datetime) -> bool:
    """Whether something was approved not too long ago and is not all done."""
    approved = past.approved
    if approved is None or not set(past.units) - set(past.done):
        return False
    return now - approved_at(approved) < APPROVAL_LASTS


def approved_at(approved: object) -> datetime:
    """When a person (or ``--yes``) approved; a resumed run keeps the time of the run that it continues."""
    record = approved if isinstance(approved, dict) else {}
    since = record.get("since")
    return datetime.fromisoformat(since) if isinstance(since, str) else time_of(record)
