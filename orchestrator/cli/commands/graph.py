"""``orch graph``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import Changed, Exclude, Targets, check_choice
from orchestrator.cli.output import write
from orchestrator.cli.project import open_project
from orchestrator.report import graphs

_RENDERERS = {"tree": graphs.tree, "mermaid": graphs.mermaid, "dot": graphs.dot, "json": graphs.json}


@command_without_details
def graph(
    common: Common,
    targets: Targets = None,
    exclude: Exclude = None,
    changed: Changed = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="Output format: tree, mermaid, dot or json.")
    ] = "tree",
) -> int:
    """Show units in dependency order.

    Shows all units if no TARGET is given.
    """
    format_ = "json" if common.json else format_
    check_choice("--format", format_, _RENDERERS)
    project = open_project(common, offline=True)
    selected = project.graph.subgraph(project.select_or_all(targets, exclude=exclude, changed=changed))
    edges = {unit: selected.upstreams(unit) for unit in selected.order}
    units = project.catalogue.units
    details = {unit: {"account": units[unit].account, "region": units[unit].region} for unit in selected.order}
    for unit in selected.order:
        outside = [each for each in project.graph.upstreams(unit) if each not in edges]
        if outside:
            details[unit]["reads"] = ", ".join(outside)
    write(_RENDERERS[format_](edges, details).rstrip("\n") + "\n")
    return 0
