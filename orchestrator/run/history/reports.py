"""What runs leave behind for later commands: each run's report, and the findings in it.

Every run saves its report as ``.orch/runs/RUN/report.json``, in the form that ``--json`` prints, whether it came to its
end, was interrupted or failed.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.guard.model import Finding
from orchestrator.report.json import RUN_FORMAT, finding_of, run_json
from orchestrator.report.model import Event, RunReport, UnitDone, UnitReport
from orchestrator.run.history.paths import Folders
from orchestrator.util.files import write_atomic

RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
"""How the id of a run looks: ``20261123-070412-9f3a``."""

FINDING_ID = re.compile(r"[0-9a-f]{10}")
"""How the id of a finding looks."""


@dataclass(frozen=True, slots=True)
class FoundFinding:
    """A finding, and where it was found.

    Attributes:
        run: id of the newest run that has it.
        unit: the JSON form of its unit's report in that run.
    """

    run: str
    finding: Finding
    unit: Mapping[str, Any]


class Recorder:
    """Remembers what a run told, so that its report can be saved however it ends. A sink, usable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._units: dict[str, UnitReport] = {}

    def __call__(self, event: Event) -> None:
        """Remember how a unit ended; the last word about it counts."""
        if isinstance(event, UnitDone):
            with self._lock:
                self._units[event.report.unit] = event.report

    def close(self) -> None:
        """Nothing to do: what is remembered is read after the end."""

    def units(self, order: Sequence[str]) -> tuple[UnitReport, ...]:
        """How units ended as far as they did, in the given order."""
        with self._lock:
            return tuple(self._units[unit] for unit in order if unit in self._units)


def save_report(folders: Folders, report: RunReport) -> None:
    """Save a run's report, mode 0600: whole or not at all.

    Raises:
        OSError: the disk does not take it.
    """
    write_atomic(folders.report, (run_json(report) + "\n").encode())


def find_report(root: Path, run: str) -> dict[str, Any]:
    """The saved report of a run: its ``--json`` form.

    Args:
        root: the folder that contains ``live/``.
        run: the run's id.

    Raises:
        UsageError: there is no such run, it left no report, or another version of orch wrote it.
    """
    folder = run_folder(root, run)
    report = _read(folder.report)
    if report is None:
        message = f"run {run} left no report that can be read: it was killed, or still goes on"
        raise UsageError(message, hint=f"its journal says how far it came: {_shown(root, folder.journal)}")
    if report.get("format") != RUN_FORMAT:
        message = f"{_shown(root, folder.report)} has the format {report.get('format')!r}; this orch reads {RUN_FORMAT}"
        raise UsageError(message, hint="use the version of orch that made it")
    return report


def run_folder(root: Path, run: str) -> Folders:
    """The folders of a past run.

    Raises:
        UsageError: there is no such run on this machine.
    """
    folders = Folders(root=root, run=run)
    if not RUN_ID.fullmatch(run) or not folders.of_run.is_dir():
        message = f"there is no run {run!r} on this machine"
        newest = ", ".join(each.name for each in _runs(root)[:3]) or "none"
        raise UsageError(message, hint=f"newest runs: {newest}")
    return folders


def find_finding(root: Path, finding_id: str) -> FoundFinding:
    """A finding by its id, as the newest run that has it says it.

    Args:
        root: the folder that contains ``live/``.
        finding_id: the ten digits that a report shows.

    Raises:
        UsageError: no run on this machine has it.
    """
    for run, report in saved_reports(root):
        for unit in report["units"]:
            for form in unit["findings"]:
                if form["id"] == finding_id:
                    return FoundFinding(run=run, finding=finding_of(form), unit=unit)
    message = f"no run on this machine has a finding {finding_id!r}"
    raise UsageError(message, hint="plan the unit again; the report shows the ids of its findings")


def saved_reports(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run id and report of every run that left one this orch can read, the newest first."""
    for folder in _runs(root):
        report = _read(folder / "report.json")
        if report is not None and report.get("format") == RUN_FORMAT:
            yield folder.name, report


def _runs(root: Path) -> list[Path]:
    runs = (root / ".orch" / "runs").glob("*")
    return sorted((path for path in runs if RUN_ID.fullmatch(path.name)), reverse=True)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        report = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) and isinstance(report.get("units"), list) else None


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
