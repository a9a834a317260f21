"""``orch schema``."""

from __future__ import annotations

import sys

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import open_project
from orchestrator.config.schema.json_schema import stale_schemas, write_schemas


def run(common: Common, *, check: bool) -> int:
    """Write the JSON Schemas, or with ``check`` say which are not current."""
    root = open_project(common).catalogue.root
    stale = stale_schemas(root)
    if check:
        print_rows(common, "schema", [{"file": name, "current": False} for name in stale])
        if stale:
            sys.stderr.write("orch: schemas are not current — orch schema\n")
        return 2 if stale else 0
    write_schemas(root)
    print_rows(common, "schema", [{"file": name, "written": True} for name in stale])
    return 0
