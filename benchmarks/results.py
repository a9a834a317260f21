"""``results.json``: what was measured for each row, when and at which commit.

A row that a run does not measure keeps its result.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import Measured, Row, Side, figure, verdict

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a figure is from.

    Attributes:
        date: the day, UTC, ISO 8601.
        commit: short hash of the commit; with a ``+`` if files had changed since.
        machine: cores and memory.
        versions: of Python and Terraform.
    """

    date: str
    commit: str
    machine: str
    versions: str


@dataclass(frozen=True, slots=True)
class Result:
    """A measured row and its origin."""

    measured: Measured
    origin: Origin


def here(repository: Path, written: Sequence[Path]) -> Origin:
    """Return the origin of what this process measures now.

    Args:
        repository: the folder of the repository.
        written: files that a measurement writes, whose changes do not count.
    """
    commit = _printed(["git", "-C", str(repository), "rev-parse", "--short", "HEAD"]).strip() or "unknown"
    others = [f":!{path.relative_to(repository)}" for path in written]
    status = ["git", "-C", str(repository), "status", "--porcelain", "--untracked-files=no", "--", ".", *others]
    changed = _printed(status).strip()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    terraform = (_printed(["terraform", "version"]).splitlines() or ["no Terraform on PATH"])[0]
    return Origin(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        commit=commit + ("+" if changed else ""),
        machine=f"{os.cpu_count()} cores, {gigabytes:.0f} GB",
        versions=f"Python {platform.python_version()}, {terraform}",
    )


def _printed(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def load_results(path: Path, rows: Sequence[Row]) -> dict[str, Result]:
    """Return the stored results of rows that still exist, by id; none without such a file, or if its format differs."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if stored.get("format") != FORMAT:
        return {}
    known = {row.id for row in rows}
    return {each["row"]: _result(each) for each in stored["rows"] if each["row"] in known}


def results_text(rows: Sequence[Row], results: Mapping[str, Result]) -> str:
    """Return the text of ``results.json``: rows in the order of the table."""
    found = [_entry(row, results[row.id]) for row in rows if row.id in results]
    return json.dumps({"format": FORMAT, "rows": found}, indent=1, ensure_ascii=False) + "\n"


def _entry(row: Row, result: Result) -> dict[str, Any]:
    measured = result.measured
    return {
        "row": row.id,
        "work": row.work,
        "unit": row.unit,
        "compared": row.compared,
        "figure": round(figure(row, measured), 4),
        "bar": row.bar,
        "aim": row.aim,
        "verdict": verdict(row, measured),
        "ours": _side(measured.ours),
        "theirs": _side(measured.theirs) if measured.theirs else None,
        "beside": [_side(each) for each in measured.beside],
        "notes": list(measured.notes),
        "origin": asdict(result.origin),
    }


def _side(side: Side) -> dict[str, Any]:
    return {"name": side.name, "median": round(side.median, 4), "values": [round(value, 4) for value in side.values]}


def _result(entry: Mapping[str, Any]) -> Result:
    theirs = entry["theirs"]
    measured = Measured(
        row=entry["row"],
        ours=_read_side(entry["ours"]),
        theirs=_read_side(theirs) if theirs else None,
        beside=tuple(_read_side(each) for each in entry["beside"]),
        notes=tuple(entry["notes"]),
    )
    return Result(measured, Origin(**entry["origin"]))


def _read_side(entry: Mapping[str, Any]) -> Side:
    return Side(entry["name"], tuple(entry["values"]))
