"""``orch graph``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from orchestrator.cli.commands.list import chosen
from orchestrator.cli.context import Common
from orchestrator.cli.project import open_project
from orchestrator.errors import UsageError
from orchestrator.report import graphs

FORMATS = ("tree", "mermaid", "dot", "json")


def run(common: Common, targets: Sequence[str], exclude: Sequence[str], changed: str | None, *, format_: str) -> int:
    """Show the order of units."""
    format_ = "json" if common.json else format_
    if format_ not in FORMATS:
        message = f"--format {format_!r} is not known"
        raise UsageError(message, hint="one of " + ", ".join(FORMATS))
    project = open_project(common)
    graph = project.graph.subgraph(chosen(project, targets, exclude, changed))
    edges = {unit: graph.upstreams(unit) for unit in graph.order}
    units = project.catalogue.units
    details = {unit: {"account": units[unit].account, "region": units[unit].region} for unit in graph.order}
    render = {"tree": graphs.tree, "mermaid": graphs.mermaid, "dot": graphs.dot, "json": graphs.json}[format_]
    sys.stdout.write(render(edges, details).rstrip("\n") + "\n")
    return 0
