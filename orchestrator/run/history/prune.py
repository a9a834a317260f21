"""Removes old run folders, except those that are still needed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.run.history.journal import is_active
from orchestrator.run.history.runs import JOURNAL, PastRun, read_run, time_of
from orchestrator.run.history.unsaved_state import unsaved_in

RUNS_TO_KEEP = 20
"""Number of newest runs that always stay on disk; older ones are removed when a new run begins."""

APPROVAL_LASTS = timedelta(hours=24)
"""How long ``--resume`` accepts an approval."""


def remove_old(runs: Path, *, now: datetime | None = None) -> None:
    """Remove the oldest runs that are no longer needed.

    A run is needed while it runs, while it can be resumed (with the runs that it continues), and while it contains a
    state that could not be saved.

    Args:
        runs: the folder that contains the folders of all runs.
        now: the current time, aware.
    """
    folders = sorted(path for path in runs.iterdir() if path.is_dir())
    surplus = folders[:-RUNS_TO_KEEP]
    if not surplus:
        return
    required = {name for folder in folders for name in _continued_by(folder, now or datetime.now(UTC))}
    for folder in surplus:
        if folder.name in required or is_active(folder / JOURNAL) or any(unsaved_in(folder)):
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _continued_by(folder: Path, now: datetime) -> set[str]:
    """Return a run that can be resumed and the runs whose plans it needs; empty for any other run."""
    try:
        past = read_run(folder)
    except OSError:
        return set()
    if not can_resume(past, now):
        return set()
    required = {past.run}
    while past.continues is not None and past.continues not in required:
        required.add(past.continues)
        try:
            past = read_run(folder.parent / past.continues)
        except OSError:
            break
    return required


def can_resume(past: PastRun, now: datetime) -> bool:
    """Return whether the run was approved recently and has units that are not done."""
    approved = past.approved
    if approved is None or not set(past.units) - set(past.done):
        return False
    return now - approved_at(approved) < APPROVAL_LASTS


def approved_at(approved: object) -> datetime:
    """Return when a person or ``--yes`` approved. A resumed run keeps the time of the run that it continues."""
    record = approved if isinstance(approved, dict) else {}
    since = record.get("since")
    return datetime.fromisoformat(since) if isinstance(since, str) else time_of(record)
