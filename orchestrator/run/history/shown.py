"""Gathers what a past run left behind, for ``orch show RUN``: report, journal, receipts, safety copies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator.errors import BlockedError, UsageError
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.report.final.past import ShownRun
from orchestrator.run.history.paths import Folders
from orchestrator.run.history.reports import find_report, run_folder
from orchestrator.run.history.runs import read_run

_COPIES_FORMAT = 1


def past_run(root: Path, run: str) -> ShownRun:
    """What a run left behind.

    Args:
        root: the folder that contains ``live/``.
        run: its id.

    Raises:
        UsageError: there is no such run, it left nothing, or another version of orch wrote it.
    """
    folders = run_folder(root, run)
    report = find_report(root, run) if folders.report.is_file() else None
    try:
        past = read_run(folders.of_run)
    except OSError as error:
        if report is None:
            message = f"run {run} left neither a report nor a journal"
            raise UsageError(message, hint="its logs, if there are any, are in its folder below .orch/runs") from error
        past = None
    found = dict(_receipts(folders))
    ends = {str(unit["unit"]): str(unit["status"]) for unit in (report or {}).get("units", ())}
    for unit in past.units if past else ():
        ends.setdefault(unit, past.ends().get(unit, "not begun") if past else "")
    return ShownRun(
        run=run,
        verb=str(report["verb"]) if report else past.verb if past else "",
        targets=tuple(report["targets"]) if report else past.targets if past else (),
        outcome=str(report["outcome"]) if report else past.outcome.value if past else "",
        report=report,
        ends=ends,
        receipts={unit: found[unit] for unit in (*ends, *sorted(found.keys() - ends.keys())) if unit in found},
        copies=_copies(folders),
        events=tuple(past.records.records) if past else (),
    )


def _receipts(folders: Folders) -> Iterator[tuple[str, Receipt]]:
    """Every receipt of a run that can be read, by unit; one that cannot shows as a unit without a receipt."""
    for path in sorted((folders.of_run / "receipts").glob("*/*/*.json")):
        try:
            receipt = Receipt.read(path)
        except BlockedError:
            continue
        yield receipt.unit, receipt


def _copies(folders: Folders) -> tuple[Mapping[str, Any], ...]:
    """``copies.json``: ``{"format": 1, "copies": [{…}]}``; empty when the run made none.

    Raises:
        UsageError: another version of orch wrote it.
    """
    try:
        document = json.loads(folders.copies.read_bytes())
    except (OSError, ValueError):
        return ()
    if document.get("format") != _COPIES_FORMAT:
        message = f"{folders.copies.name} of run {folders.run} has the format {document.get('format')!r}"
        raise UsageError(message, hint="use the version of orch that made it")
    return tuple(document["copies"])
