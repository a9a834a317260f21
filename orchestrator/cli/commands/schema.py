"""``orch schema``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import start_folder
from orchestrator.config.load import find_root
from orchestrator.config.schema.json_schema import stale_schemas, write_schemas
from orchestrator.util.streams import write_stderr


@command_without_details
def schema(
    common: Common,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 2 if a schema is out of date.")
    ] = False,
) -> int:
    """Write the JSON schemas of live/ for editors.

    Editors use live/.schema/ to complete and check YAML.
    """
    root = find_root(start_folder(common))
    stale = stale_schemas(root)
    if check:
        print_rows(common, "schema", [{"file": name, "current": False} for name in stale])
        if stale:
            write_stderr("orch: schemas are out of date: run `orch schema`\n")
        return 2 if stale else 0
    write_schemas(root)
    print_rows(common, "schema", [{"file": name, "written": True} for name in stale])
    return 0
