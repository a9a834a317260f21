"""Journals of past runs, for tests of what is read from them."""

from __future__ import annotations

from pathlib import Path

from orchestrator.run.history.journal import Journal


def make_run(
    runs: Path, name: str, *events: tuple[str, dict[str, object]], verb: str = "apply", **more: object
) -> Path:
    """A past run with two units and these events."""
    journal = Journal(runs / name / "journal.jsonl")
    journal.write("run-started", verb=verb, targets=["prod"], units=["prod/a", "prod/b"], **more)  # type: ignore[arg-type]
    for event, fields in events:
        journal.write(event, **fields)  # type: ignore[arg-type]
    journal.close()
    return runs / name


def ended(unit: str, status: str) -> tuple[str, dict[str, object]]:
    return ("ended", {"unit": unit, "status": status})


def planned(unit: str, status: str = "planned") -> tuple[str, dict[str, object]]:
    return ("planned", {"unit": unit, "status": status, "preview": False})


END: tuple[str, dict[str, object]] = ("run-ended", {})
PLANNED = (planned("prod/a"), planned("prod/b"))
STARTED: tuple[str, dict[str, object]] = ("apply-started", {"unit": "prod/a"})
APPROVED: tuple[str, dict[str, object]] = ("approved", {"how": "--yes"})
