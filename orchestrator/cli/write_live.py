"""Writes new files of ``live/``, after it has loaded the configuration with them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_rows, write
from orchestrator.cli.project import Project
from orchestrator.config.catalogue import Catalogue
from orchestrator.config.live.outline import read_outline
from orchestrator.config.load import load
from orchestrator.errors import CatalogueError
from orchestrator.scaffold.write import refuse_existing, write_new


def write_live(common: Common, project: Project, kind: str, files: Mapping[str, bytes], *, dry_run: bool) -> Catalogue:
    """Write new files into the repository, print which, and return the configuration with them.

    Args:
        common: the options of every command.
        project: the configuration without them.
        kind: the name of the command, for ``--json``.
        files: path relative to the repository -> content.
        dry_run: write nothing; print the content of the YAML files.

    Raises:
        UsageError: a file exists.
        CatalogueError: the configuration would not be valid.
        SetupError: a file cannot be written; nothing was kept.
    """
    root = project.catalogue.root
    refuse_existing(root, files)
    with tempfile.TemporaryDirectory(prefix="orch-new-") as name:
        tried = Path(name).resolve()
        shutil.copytree(root / "live", tried / "live", symlinks=True)
        write_new(tried, {path: data for path, data in files.items() if path.startswith("live/")})
        catalogue = _checked(project, tried) if _brings_modules(files) else load(root, written=tried)
    if not dry_run:
        write_new(root, files)
    if common.json:
        print_rows(common, kind, [{"file": path, "written": not dry_run} for path in files])
    elif dry_run:
        write("\n".join(f"# {path}\n{data.decode()}" for path, data in files.items() if path.endswith(".yaml")))
    elif not common.quiet:
        write(f"Wrote {', '.join(path for path in files if not path.startswith('modules/'))}\n")
    return catalogue


def _brings_modules(files: Mapping[str, bytes]) -> bool:
    return any(path.startswith("modules/") for path in files)


def _checked(project: Project, tried: Path) -> Catalogue:
    """Check files whose module is not in the repository yet; the module is orch's own. Return the project's catalogue.

    Raises:
        CatalogueError: the files are not valid.
    """
    problems = read_outline(tried).files.problems
    if problems:
        raise CatalogueError(list(dict.fromkeys(problems)))
    return project.catalogue
