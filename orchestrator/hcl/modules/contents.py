"""Which types of resources a module has, without running Terraform."""

from __future__ import annotations

from pathlib import Path

from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.modules.files import read_module_files
from orchestrator.hcl.modules.read import local_closure


def resource_types(path: Path, root: Path) -> frozenset[str]:
    """Return the types of the managed resources in a module and in the local modules that it calls.

    Args:
        path: the module's folder.
        root: the repository.

    Raises:
        CatalogueError: a module cannot be read.
    """
    files = (read_module_files(folder, root=root) for folder in local_closure(path, root))
    return frozenset(each.labels[0] for found in files for each in Declarations.of(found).of_type("resource"))
