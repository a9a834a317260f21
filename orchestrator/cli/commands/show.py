"""``orch show``: a unit from the catalogue; runs and findings are in ``show_past.py``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator.cli.context import Common
from orchestrator.cli.output import color_on
from orchestrator.cli.project import Project, open_project
from orchestrator.config.catalogue import Node, Ref, Text, Unit
from orchestrator.report.style import width_of
from orchestrator.report.tables import Column, dump, table


def run(common: Common, unit_id: str, *, root: bool) -> int:
    """Show a unit, a run or a finding; with ``root`` render the unit's Terraform root and print where it is."""
    past = None if root else _past(common, unit_id)
    if past is not None:
        return past
    project = open_project(common)
    unit = project.unit(unit_id)
    if root:
        return _root(common, project, unit)
    facts = _facts(project, unit)
    inputs = list(_inputs(unit))
    last = last_run(project.catalogue.root, unit.id)
    if common.json:
        sys.stdout.write(dump({"format": 1, "kind": "show", **facts, "inputs": inputs, "last_run": last}) + "\n")
        return 0
    width, colour = width_of(sys.stdout), color_on(common)
    lines = [f"{key:<12}{_text(value)}" for key, value in facts.items() if value not in (None, [], {})]
    if inputs:
        shown = [{**row, "value": _text(row["value"])} for row in inputs]
        columns = [Column("input"), Column("value"), Column("where")]
        lines += ["", table(shown, columns, width=width, colour=colour)]
    if last:
        lines += ["", f"last run    {last['run']}: {last['status']} ({last['time']})"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _past(common: Common, text: str) -> int | None:
    """Show a run or a finding; None: the text is neither's id."""
    from orchestrator.run.history.reports import FINDING_ID, RUN_ID

    if not (RUN_ID.fullmatch(text) or FINDING_ID.fullmatch(text)):
        return None
    from orchestrator.cli.commands.show_past import show_finding, show_run

    return show_run(common, text) if RUN_ID.fullmatch(text) else show_finding(common, text)


def _facts(project: Project, unit: Unit) -> dict[str, Any]:
    account = project.catalogue.account_of(unit)
    return {
        "unit": unit.id,
        "account": f"{account.name} ({account.id})",
        "region": unit.region,
        "module": project.module_of(unit),
        "version": unit.module.version,
        "state": f"s3://{account.state_bucket}/{unit.state_key}",
        "set by": str(unit.at),
        "upstreams": list(project.graph.upstreams(unit.id)),
        "downstreams": list(project.graph.downstreams(unit.id)),
        "secrets": [f"{secret.variable} = {secret.store}:{secret.key}" for secret in unit.secrets],
        "archives": [f"{archive.variable} = {_relative(project, archive.folder)}" for archive in unit.archives],
        "imports": dict(unit.imports),
        "moved": dict(unit.moved),
    }


def _relative(project: Project, folder: Path) -> str:
    return folder.relative_to(project.catalogue.root).as_posix()


def _inputs(unit: Unit) -> Iterator[dict[str, Any]]:
    for name, node in sorted(unit.inputs.items()):
        yield {"input": name, "value": plain(node), "where": str(node.at)}


def plain(node: Node) -> Any:
    """A resolved value as a person writes it, references as ``${{ UNIT.output }}``."""
    value = node.value
    if isinstance(value, Ref):
        return _reference(value)
    if isinstance(value, Text):
        return "".join(part if isinstance(part, str) else _reference(part) for part in value.parts)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def _reference(ref: Ref) -> str:
    path = "".join(_step(step) for step in ref.path)
    return f"${{{{ {ref.unit}.{ref.output}{path} }}}}"


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", step) else f'["{step}"]'


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def last_run(root: Path, unit: str) -> dict[str, str] | None:
    """How the unit ended in the newest run on this machine that it was part of."""
    from orchestrator.run.history.runs import past_runs

    for past in past_runs(root / ".orch" / "runs"):
        for record in reversed(past.records.records):
            if record.get("unit") == unit and record["event"] in {"planned", "ended"}:
                return {"run": past.run, "status": str(record["status"]), "time": str(record["time"])}
    return None


def _root(common: Common, project: Project, unit: Unit) -> int:
    from orchestrator.cli.commands.terraform import prepare
    from orchestrator.cli.session import ready_session
    from orchestrator.run.request import RunOptions

    request = project.request_for("plan", RunOptions(targets=(unit.id,)), (unit.id,))
    with ready_session(common, request) as session:
        folder = prepare(session, unit).folder
    sys.stdout.write(f"{folder}\n")
    return 0
