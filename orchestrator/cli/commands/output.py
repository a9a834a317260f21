"""``orch output``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.outputs import StateStore
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import OneUnit
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import Project, open_project
from orchestrator.config.catalogue import Unit, declared_outputs
from orchestrator.errors import NotAppliedError, UsageError
from orchestrator.report.tables import Column
from orchestrator.terraform.model import StateOutput
from orchestrator.util.streams import write_stdout

_HIDDEN = "(sensitive)"


@command_without_details
def output(
    common: Common,
    unit: OneUnit,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show only this output.", show_default=False)
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Print the bare value, for scripts.")] = False,
) -> int:
    """Show the outputs of a unit.

    Reads them from the state. A sensitive value is shown only if NAME is given.
    """
    project = open_project(common)
    found = project.unit(unit)
    if raw and name is None:
        message = "--raw requires the NAME of an output"
        raise UsageError(message, hint=f"orch output {found.id} NAME --raw")
    outputs = _outputs(common, project, found)
    if name is None:
        rows = [{"name": key, **_shown(each)} for key, each in sorted(outputs.items())]
        columns = [Column("name"), Column("value")]
        print_rows(common, "output", rows if common.json else [_as_text(row) for row in rows], columns)
        return 0
    if name not in outputs:
        if name in declared_outputs(project.catalogue, found):
            message = f"{found.id} has no output {name!r} in its state yet"
            raise NotAppliedError(message, hint=f"orch apply {found.id}")
        message = f"{found.id} has no output {name!r}"
        raise UsageError(message, hint="outputs: " + (", ".join(sorted(outputs)) or "none"))
    value = outputs[name].value
    write_stdout(_bare(value) if raw else json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    return 0


def _outputs(common: Common, project: Project, unit: Unit) -> dict[str, StateOutput]:
    """Return the outputs in a unit's state, and those that are null.

    Raises:
        NotAppliedError: there is no state.
    """
    with open_aws(common, project.catalogue) as aws:
        store = StateStore(project.catalogue, Identities(project.catalogue, aws.emulator))
        state = store.read(unit)
        if state is None:
            message = f"{unit.id} has not been applied yet"
            raise NotAppliedError(message, hint=f"orch apply {unit.id}")
        missing = declared_outputs(project.catalogue, unit) - state.outputs.keys()
        nulls = missing & store.null_outputs(unit) if missing else frozenset()
    return {**state.outputs, **{name: StateOutput(value=None, sensitive=False) for name in nulls}}


def _shown(output_: StateOutput) -> dict[str, Any]:
    return {"value": _HIDDEN if output_.sensitive else output_.value, "sensitive": output_.sensitive}


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    value = row["value"]
    return {**row, "value": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def _bare(value: Any) -> str:
    """Return a scalar as text without quotes.

    Raises:
        UsageError: it is a list or a map.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    message = "--raw supports only text, numbers and booleans"
    raise UsageError(message, hint="leave out --raw to print the value as JSON")
