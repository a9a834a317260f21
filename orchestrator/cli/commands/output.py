"""``orch output``."""

from __future__ import annotations

import json
import sys
from typing import Any

from orchestrator.aws.identity.roles import Identities
from orchestrator.aws.state.outputs import StateStore
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import open_project
from orchestrator.errors import NotAppliedError, UsageError
from orchestrator.report.tables import Column
from orchestrator.terraform.model import StateOutput

HIDDEN = "(sensitive)"


def run(common: Common, unit_id: str, name: str | None, *, raw: bool) -> int:
    """Print outputs, read from the state with boto3. A sensitive one is shown only when it is asked for by name."""
    project = open_project(common)
    unit = project.unit(unit_id)
    if raw and name is None:
        message = "--raw prints one output"
        raise UsageError(message, hint=f"orch output {unit.id} NAME --raw")
    with open_aws(common, project.catalogue) as aws:
        state = StateStore(project.catalogue, Identities(project.catalogue, aws.emulator)).read(unit)
    if state is None:
        message = f"{unit.id} has not been applied yet"
        raise NotAppliedError(message, hint=f"orch apply {unit.id}")
    if name is None:
        rows = [{"name": key, **_shown(each)} for key, each in sorted(state.outputs.items())]
        columns = [Column("name"), Column("value")]
        print_rows(common, "output", rows if common.json else [_as_text(row) for row in rows], columns)
        return 0
    output = state.outputs.get(name)
    if output is None:
        message = f"{unit.id} has no output {name!r}"
        raise UsageError(message, hint="it has: " + (", ".join(sorted(state.outputs)) or "none"))
    sys.stdout.write(_bare(output.value) if raw else json.dumps(output.value, indent=2, ensure_ascii=False))
    sys.stdout.write("" if raw else "\n")
    return 0


def _shown(output: StateOutput) -> dict[str, Any]:
    return {"value": HIDDEN if output.sensitive else output.value, "sensitive": output.sensitive}


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    value = row["value"]
    return {**row, "value": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def _bare(value: Any) -> str:
    """A scalar as scripts want it.

    Raises:
        UsageError: a list or a map has no bare form.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    message = "--raw prints text, numbers and booleans only"
    raise UsageError(message, hint="leave out --raw: the value is printed as JSON")
