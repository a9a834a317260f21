"""``orch runs``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from orchestrator.cli.context import Common, command
from orchestrator.cli.output import print_progress, print_rows
from orchestrator.cli.project import start_folder
from orchestrator.config.load import find_root
from orchestrator.report.tables import Column
from orchestrator.run.history.runs import PastRun, continued, past_runs
from orchestrator.run.history.unsaved_state import unsaved_in
from orchestrator.util.plural import plural

_COLUMNS = (
    Column("run"),
    Column("when", optional=True),
    Column("verb", "command"),
    Column("targets"),
    Column("outcome"),
    Column("done", right=True),
    Column("left", "to do", right=True),
    Column("user", detail=True),
    Column("host", detail=True),
    Column("orch", detail=True),
    Column("values", detail=True),
    Column("note"),
)


@command
def runs(
    common: Common,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Show only the newest N runs.")] = 20,
) -> int:
    """List past and interrupted runs on this machine."""
    past = list(past_runs(find_root(start_folder(common)) / ".orch" / "runs"))
    later = continued(past)
    rows = [_row(each, later.get(each.run)) for each in past[:limit]]
    if not rows and not common.json:
        print_progress(common, "No runs are recorded here.")
    print_rows(common, "runs", rows, _COLUMNS)
    return 0


def _row(past: PastRun, continued_by: str | None) -> Mapping[str, Any]:
    begun = past.start
    done = len(past.done)
    return {
        "run": past.run,
        "when": str(begun["time"])[:19] + "Z" if begun else None,
        "verb": past.verb,
        "targets": list(past.targets),
        "outcome": past.outcome.value,
        "done": done,
        "left": len(past.units) - done,
        "user": begun.get("user"),
        "host": begun.get("host"),
        "orch": begun.get("orch"),
        "values": [f"{name}={value}" for name, value in past.values.items()],
        "note": "; ".join(_notes(past, continued_by)),
    }


def _notes(past: PastRun, continued_by: str | None) -> list[str]:
    notes = []
    if not past.refresh:
        notes.append("planned without refresh")
    if past.dry_run:
        notes.append("dry run")
    if past.continues is not None:
        notes.append(f"continues {past.continues}")
    if continued_by is not None:
        notes.append(f"continued by {continued_by}")
    if past.records.damaged:
        notes.append(f"{plural(len(past.records.damaged), 'line')} of its journal cannot be read")
    notes.extend(f"has an unsaved state of {state.folder}" for state in unsaved_in(past.folder))
    return notes
