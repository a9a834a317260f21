"""Saved reports of past runs, the findings in them, and everything else that ``orch show RUN`` shows.

Every run saves its report as ``.orch/runs/RUN/report.json``, in the form that ``--json`` prints, whether it finished,
was interrupted or failed.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import BlockedError, UsageError
from orchestrator.guard.model import Finding
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.report.comment.records import RunRecord
from orchestrator.report.final.past import ShownRun
from orchestrator.report.json import RUN_FORMAT, finding_of, run_json
from orchestrator.report.model import Event, RunReport, UnitDone, UnitReport
from orchestrator.report.saved import parse_report
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.runs import read_run
from orchestrator.util.files import write_atomic

RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
"""The form of a run id: ``20261123-070412-9f3a``."""

FINDING_ID = re.compile(r"[0-9a-f]{10}")
"""The form of a finding id."""


@dataclass(frozen=True, slots=True)
class FoundFinding:
    """A finding in a saved report.

    Attributes:
        run: id of the newest run that has it.
        unit: the JSON form of its unit's report in that run.
    """

    run: str
    finding: Finding
    unit: Mapping[str, Any]


class Recorder:
    """Records how units ended, so that a report can be saved however the run ends. A sink, safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._units: dict[str, UnitReport] = {}

    def __call__(self, event: Event) -> None:
        """Record how a unit ended; the last event about it wins."""
        if isinstance(event, UnitDone):
            with self._lock:
                self._units[event.report.unit] = event.report

    def close(self) -> None:
        """Do nothing: the records are read after the run ends."""

    def units(self, order: Sequence[str]) -> tuple[UnitReport, ...]:
        """Return the reports of units that ended, in the given order."""
        with self._lock:
            return tuple(self._units[unit] for unit in order if unit in self._units)


def save_report(folders: RunPaths, report: RunReport) -> None:
    """Save a run's report atomically, mode 0600.

    Raises:
        OSError: the disk does not accept it.
    """
    write_atomic(folders.report, (run_json(report) + "\n").encode())


def find_report(root: Path, run: str) -> dict[str, Any]:
    """Return the saved report of a run, in its ``--json`` form.

    Args:
        root: the folder that contains ``live/``.
        run: the run's id.

    Raises:
        UsageError: there is no such run, it has no report, or another version of orch wrote it.
    """
    folder = run_folder(root, run)
    report = _read(folder.report)
    if report is None:
        message = f"run {run} has no readable report: it was killed, or still runs"
        raise UsageError(message, hint=f"its journal shows how far it got: {_shown(root, folder.journal)}")
    if report.get("format") != RUN_FORMAT:
        found = f"{_shown(root, folder.report)} has format {report.get('format')!r}"
        message = f"{found}; this version of orch reads {RUN_FORMAT}"
        raise UsageError(message, hint="use the version of orch that wrote it")
    return report


def run_record(root: Path, run: str) -> RunRecord:
    """Return the report and the receipts of a past run.

    Args:
        root: the folder that contains ``live/``.
        run: the run's id.

    Raises:
        UsageError: as for `find_report`.
    """
    folders = run_folder(root, run)
    report = parse_report(find_report(root, run), source=_shown(root, folders.report))
    return RunRecord(report, dict(_receipts(folders)))


def run_folder(root: Path, run: str) -> RunPaths:
    """Return the folders of a past run.

    Raises:
        UsageError: there is no such run on this machine.
    """
    folders = RunPaths(root=root, run=run)
    if not RUN_ID.fullmatch(run) or not folders.of_run.is_dir():
        message = f"there is no run {run!r} on this machine"
        newest = ", ".join(each.name for each in _runs(root)[:3]) or "none"
        raise UsageError(message, hint=f"newest runs: {newest}")
    return folders


def find_finding(root: Path, finding_id: str) -> FoundFinding:
    """Return a finding by its id, from the newest run that has it.

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


def findings_of_run(root: Path, run: str) -> tuple[FoundFinding, ...]:
    """Return every finding in the saved report of a run.

    Raises:
        UsageError: as for `find_report`.
    """
    report = find_report(root, run)
    return tuple(
        FoundFinding(run=run, finding=finding_of(form), unit=unit)
        for unit in report["units"]
        for form in unit["findings"]
    )


def saved_reports(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield run id and report of every run with a report that this version of orch can read, newest first."""
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
    except (OSError, ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) and isinstance(report.get("units"), list) else None


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


_COPIES_FORMAT = 1


def past_run(root: Path, run: str) -> ShownRun:
    """Return everything that a past run saved: report, journal, receipts, safety copies.

    Args:
        root: the folder that contains ``live/``.
        run: its id.

    Raises:
        UsageError: there is no such run, it saved nothing, or another version of orch wrote it.
    """
    folders = run_folder(root, run)
    report = find_report(root, run) if folders.report.is_file() else None
    try:
        past = read_run(folders.of_run)
    except OSError as error:
        if report is None:
            message = f"run {run} has neither a report nor a journal"
            raise UsageError(message, hint=f"its logs, if any, are in .orch/runs/{run}") from error
        past = None
    found = dict(_receipts(folders))
    ends = {str(unit["unit"]): str(unit["status"]) for unit in (report or {}).get("units", ())}
    for unit in past.units if past else ():
        ends.setdefault(unit, past.ends().get(unit, "not begun") if past else "")
    return ShownRun(
        run=run,
        verb=str(report["verb"]) if report else past.verb if past else "",
        targets=tuple(report["targets"]) if report else past.targets if past else (),
        outcome=past.outcome.value if past else str(report["outcome"]) if report else "",
        report=report,
        ends=ends,
        receipts={unit: found[unit] for unit in (*ends, *sorted(found.keys() - ends.keys())) if unit in found},
        copies=_copies(folders),
        events=tuple(past.records.records) if past else (),
        refresh=bool(report.get("refresh", True)) if report else past.refresh if past else True,
        dry_run=bool(report.get("dry_run")) if report else past is not None and past.dry_run,
    )


def _receipts(folders: RunPaths) -> Iterator[tuple[str, Receipt]]:
    """Yield the readable receipts of a run with their units; an unreadable one shows as a unit without a receipt."""
    for path in sorted((folders.of_run / "receipts").glob("*/*/*.json")):
        try:
            receipt = Receipt.read(path)
        except BlockedError:
            continue
        yield receipt.unit, receipt


def _copies(folders: RunPaths) -> tuple[Mapping[str, Any], ...]:
    """Read ``copies.json``: ``{"format": 1, "copies": [{…}]}``; empty when the run made no copies.

    Raises:
        UsageError: another version of orch wrote it.
    """
    try:
        document = json.loads(folders.copies.read_bytes())
    except (OSError, ValueError, RecursionError):
        return ()
    if document.get("format") != _COPIES_FORMAT:
        message = f"{folders.copies.name} of run {folders.run} has format {document.get('format')!r}"
        raise UsageError(message, hint="use the version of orch that wrote it")
    return tuple(document["copies"])
