"""The record of a run as every command tells it: `orch runs`, `orch show RUN` and the saved report say the same."""

from __future__ import annotations

import json
from typing import Any

from tests.support.project import Project


def newest_record(project: Project, **env: Any) -> dict[str, Any]:
    """The newest run as ``orch runs`` lists it; ``orch show RUN`` and the saved report must say the same of it."""
    row: dict[str, Any] = project.orch("runs", "--json", **env).json["rows"][0]
    shown = project.orch("show", row["run"], "--json", **env).json
    assert (shown["verb"], shown["outcome"]) == (row["verb"], row["outcome"])
    saved = json.loads((project.root / ".orch" / "runs" / row["run"] / "report.json").read_text())
    assert (saved["verb"], saved["outcome"], saved["targets"]) == (row["verb"], row["outcome"], row["targets"])
    assert shown["report"] == saved
    if row["verb"] == "rehearse":  # a rehearsal is shown as such
        return row
    text = project.orch("show", row["run"], **env).out
    assert f"outcome     {row['outcome']}" in text
    assert f"command     orch {row['verb']}" in text
    return row


def told(row: dict[str, Any]) -> tuple[str, str, int, int]:
    """Verb, outcome, units that are done, and units that are left, of a record."""
    return row["verb"], row["outcome"], row["done"], row["left"]
