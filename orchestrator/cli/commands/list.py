"""``orch list``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import Project, open_project
from orchestrator.config.catalogue import Unit
from orchestrator.errors import UsageError
from orchestrator.report.tables import Column


def chosen(project: Project, targets: Sequence[str], exclude: Sequence[str], changed: str | None) -> tuple[str, ...]:
    """The units that the targets mean; without targets all units, in graph order."""
    if targets or exclude or changed is not None:
        return project.select(list(targets) or ["*"], exclude=exclude, changed=changed)
    return project.graph.order


def run(
    common: Common,
    targets: Sequence[str],
    exclude: Sequence[str],
    changed: str | None,
    *,
    versions: bool,
    matrix: str | None,
) -> int:
    """List units."""
    project = open_project(common)
    ids = chosen(project, targets, exclude, changed)
    units = [project.catalogue.units[id_] for id_ in ids]
    if matrix is not None:
        return _matrix(matrix, units)
    rows = [_row(project, unit, versions=versions) for unit in units]
    columns = [Column("unit"), Column("account"), Column("region"), Column("module")]
    if versions:
        columns.append(Column("version"))
    columns.append(Column("upstreams", optional=True))
    print_rows(common, "list", rows, columns)
    return 0


def _row(project: Project, unit: Unit, *, versions: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "unit": unit.id,
        "account": unit.account,
        "region": unit.region,
        "module": project.module_of(unit),
    }
    if versions:
        row["version"] = unit.module.version
    row["upstreams"] = list(project.graph.upstreams(unit.id))
    return row


def _matrix(by: str, units: Sequence[Unit]) -> int:
    """A job matrix as GitHub Actions reads it: ``{"include": [{"account": …, "targets": "…"}]}``."""
    if by != "account":
        message = f"--matrix {by!r} is not known"
        raise UsageError(message, hint="--matrix account")
    accounts = sorted({unit.account for unit in units})
    include = [
        {"account": name, "targets": " ".join(unit.id for unit in units if unit.account == name)} for name in accounts
    ]
    sys.stdout.write(json.dumps({"include": include}) + "\n")
    return 0
