"""``orch show``: a unit as configured; runs and findings are in ``show_past.py``."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli.commands.show_past import show_finding, show_run
from orchestrator.cli.commands.terraform import initialized_root
from orchestrator.cli.completion import complete_unit
from orchestrator.cli.context import Common, command
from orchestrator.cli.output import color_on, write
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.session import ready_session
from orchestrator.config.catalogue import ONLY_BY_ORCH, Archive, Unit
from orchestrator.config.naming import aws_names
from orchestrator.config.sensitive import HIDDEN, secret_variables, shown_arguments, shown_input
from orchestrator.config.written import written_value
from orchestrator.hcl.modules.read import read_module
from orchestrator.report.style import width_of
from orchestrator.report.tables import Column, dump, table
from orchestrator.report.text import wrap
from orchestrator.run.history.reports import FINDING_ID, RUN_ID
from orchestrator.run.history.runs import past_runs
from orchestrator.run.request import RunOptions
from orchestrator.util.secret_text import credential_in

Shown = Annotated[
    str,
    typer.Argument(
        metavar="UNIT|RUN|FINDING",
        help="A unit (STAGE/STACK[@REGION]), or the id of a run or a finding.",
        autocompletion=complete_unit,
        show_default=False,
    ),
]


@command
def show_one(
    common: Common,
    what: Shown,
    root: Annotated[bool, typer.Option("--root", help="Write the unit's Terraform root and print its path.")] = False,
) -> int:
    """Show a unit, a past run, or a finding.

    A unit: its inputs with file and line, its state and its last run. A run: its units, findings and receipts. A
    finding: why it blocks and what to do.
    """
    if not root and RUN_ID.fullmatch(what):
        return show_run(common, what)
    if not root and FINDING_ID.fullmatch(what):
        return show_finding(common, what)
    project = open_project(common, offline=True)
    unit = project.unit(what)
    return _write_root(common, project, unit) if root else _show_unit(common, project, unit)


def _show_unit(common: Common, project: Project, unit: Unit) -> int:
    facts = _facts(project, unit)
    inputs = list(_inputs(project, unit))
    unset = list(_unset(project, unit))
    last = _last_run(project.catalogue.root, unit.id)
    if common.json:
        document = {"format": 1, "kind": "show", **facts, "inputs": inputs, "unset": unset, "last_run": last}
        write(dump(document) + "\n")
        return 0
    width = width_of(sys.stdout)
    lines = [line for key, value in facts.items() if value not in (None, [], {}) for line in _fact(key, value, width)]
    if inputs:
        shown = [{**row, "value": _text(row["value"])} for row in inputs]
        columns = [Column("input"), Column("where"), Column("value", wrap=True)]
        lines += ["", table(shown, columns, width=width, color=color_on(common), stack=sys.stdout.isatty())]
    if unset and common.verbose:
        columns = [Column("input", "not set"), Column("where"), Column("type", wrap=True)]
        lines += ["", table(unset, columns, width=width, color=color_on(common), stack=sys.stdout.isatty())]
    if last:
        how = "" if last["refresh"] else ", planned without refresh"
        lines += ["", f"last run    {last['run']}: {last['status']}{how} ({last['time']})"]
    write("\n".join(lines) + "\n")
    return 0


def _fact(key: str, value: Any, width: int) -> Iterator[str]:
    """Yield a fact after its name, or below its name if a word of it would not fit there."""
    text = _text(value)
    if max(len(word) for word in text.split(" ")) + 12 <= width:
        yield from wrap(text, width=width, indent=f"{key:<12}", hang=" " * 12)
    else:
        yield key
        yield from wrap(text, width=width, indent="  ")


def _facts(project: Project, unit: Unit) -> dict[str, Any]:
    account = project.catalogue.account_of(unit)
    return {
        "unit": unit.id,
        "account": f"{account.name} ({account.id})",
        "region": unit.region,
        "module": project.module_of(unit),
        "version": unit.module.version,
        "state": account.state_url(unit.state_key),
        "set by": str(unit.at),
        "upstreams": list(project.graph.upstreams(unit.id)),
        "downstreams": list(project.graph.downstreams(unit.id)),
        "secrets": [f"{secret.variable} = {secret.store}:{secret.key}" for secret in unit.secrets],
        "archives": [_archive(project, archive) for archive in unit.archives],
        "providers": {
            config.key: {name: written_value(node) for name, node in shown_arguments(config).items()}
            for config in unit.configured
        },
        "imports": dict(unit.imports),
        "moved": dict(unit.moved),
    }


def _archive(project: Project, archive: Archive) -> str:
    words = [HIDDEN if credential_in(word) else word for word in archive.build.run] if archive.build is not None else []
    built = f", built with {shlex.join(words)}" if words else ""
    return f"{archive.variable} = {_relative(project, archive.folder)}{built}"


def _relative(project: Project, folder: Path) -> str:
    return folder.relative_to(project.catalogue.root).as_posix()


def _inputs(project: Project, unit: Unit) -> Iterator[dict[str, Any]]:
    """Yield the inputs in the order of their names, with those that orch sets to names in AWS."""
    names = aws_names(project.catalogue, unit)
    made: dict[str, Any] = {"name": names["name"], "names": dict(names)}
    secret = secret_variables(project.catalogue, unit)
    rows = [
        {"input": name, "value": written_value(shown_input(unit, name, secret)), "where": str(node.at)}
        for name, node in unit.inputs.items()
    ]
    rows += [
        {"input": each.variable, "value": made[each.variable], "where": f"{each.at} (set by orch)"}
        for each in unit.name_variables
    ]
    yield from sorted(rows, key=lambda row: str(row["input"]))


def _unset(project: Project, unit: Unit) -> Iterator[dict[str, str]]:
    """Yield the variables of a local module that keep their defaults."""
    if unit.module.path is None:
        return
    given = {*unit.inputs, *ONLY_BY_ORCH, *(each.variable for each in unit.name_variables)}
    given |= {each.variable for each in unit.secrets} | {each.variable for each in unit.archives}
    variables = read_module(unit.module.path, root=project.catalogue.root).variables
    for name in sorted(variables.keys() - given):
        yield {"input": name, "type": variables[name].type, "where": str(variables[name].at)}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _last_run(root: Path, unit: str) -> dict[str, str | bool] | None:
    """Return how the unit ended in the newest run on this machine that included it."""
    for past in past_runs(root / ".orch" / "runs"):
        for record in reversed(past.records.records):
            if record.get("unit") == unit and record["event"] in {"planned", "ended"}:
                facts = {key: str(record[key]) for key in ("status", "time")}
                return {"run": past.run, **facts, "refresh": past.refresh}
    return None


def _write_root(common: Common, project: Project, unit: Unit) -> int:
    request = project.request_for("show", RunOptions(targets=(unit.id,)), (unit.id,))
    with ready_session(common, request) as session:
        folder = initialized_root(session, unit).folder
    write(f"{folder}\n")
    return 0
