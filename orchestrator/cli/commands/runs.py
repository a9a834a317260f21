"""``orch runs``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_rows
from orchestrator.config.load import find_root
from orchestrator.report.tables import Column
from orchestrator.report.text import plural
from orchestrator.run.history.runs import PastRun, continued, past_runs
from orchestrator.run.history.unsaved_state import unsaved_in

_COLUMNS = (
    Column("run"),
    Column("when", optional=True),
    Column("verb"),
    Column("targets"),
    Column("outcome"),
    Column("done", right=True),
    Column("left", right=True),
    Column("note"),
)


def run(common: Common, limit: int) -> int:
    """List the runs that this machine has records of, the newest first. Reads no catalogue and no AWS."""
    start = common.folder if common.folder.is_absolute() else Path.cwd() / common.folder
    past = list(past_runs(find_root(start) / ".orch" / "runs"))
    gone_on = continued(past)
    rows = [row(each, gone_on.get(each.run)) for each in past[:limit]]
    if not rows and not common.json:
        sys.stderr.write("orch has no records of runs here\n")
    print_rows(common, "runs", rows, _COLUMNS)
    return 0


def row(past: PastRun, continued_by: str | None) -> Mapping[str, Any]:
    """One run as a row."""
    begun = past.begun
    done = len(past.done)
    return {
        "run": past.run,
        "when": str(begun["time"])[:19] + "Z" if begun else None,
        "verb": past.verb,
        "targets": list(past.targets),
        "outcome": past.outcome.value,
        "done": done,
        "left": len(past.units) - done,
        "note": "; ".join(_notes(past, continued_by)),
    }


def _notes(past: PastRun, continued_by: str | None) -> list[str]:
    notes = []
    if past.continues is not None:
        notes.append(f"continues {past.continues}")
    if continued_by is not None:
        notes.append(f"continued by {continued_by}")
    if past.records.damaged:
        notes.append(f"{plural(len(past.records.damaged), 'line')} of its journal cannot be read")
    notes.extend(f"holds a state of {state.folder} that was not saved" for state in unsaved_in(past.folder))
    return notes
