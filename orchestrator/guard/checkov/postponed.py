"""Imports checkov without its built-in checks: 0.1 s instead of 1.8 s (3.3.30).

Whatever one imports from ``checkov.terraform``, Python first runs the ``__init__.py`` of that package and of its parent
packages. They import more than a thousand built-in checks, and with them boto3, aiohttp, GitPython and numpy, of which
the checks of ``policies/`` need nothing. Here these ``__init__.py`` are postponed: the packages exist, their modules
can be imported, and the file runs when something asks for a name that the package does not have yet. So nothing is
missing: a check that needs a built-in one gets it, and pays for it.

``tests/unit/guard/checkov/test_postponed.py`` fails if a new version of checkov loads more, or judges otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec
from typing import Any

POSTPONED: Mapping[str, Mapping[str, str]] = {
    # The parser of HCL builds its grammar, or unpickles it from a shared temporary folder. checkov's reader of plans
    # imports the two names; checks get values that are parsed already.
    "hcl2": {"START_LINE": "__start_line__", "END_LINE": "__end_line__"},
    "checkov.terraform": {},  # every check for Terraform, and the runner
    "checkov.terraform.checks.resource": {},  # every check for resources
    "checkov.terraform.context_parsers": {},  # parsers of HCL, and with them checkov's platform
    "checkov.cloudformation": {},  # every check for CloudFormation; checkov's reader of plans shares its YAML reader
    "checkov.cloudformation.parser": {},
}
"""Packages whose ``__init__.py`` is postponed, parents first -> names that they have without it."""


@contextmanager
def postponed_packages() -> Iterator[None]:
    """Postpone the packages, for the imports in this block and all later ones."""
    for name, names in POSTPONED.items():
        if name not in sys.modules:
            _postpone(name, names)
    yield


def _postpone(name: str, names: Mapping[str, str]) -> None:
    spec = find_spec(name)  # imports the parent, and not the package itself
    if spec is None or spec.loader is None:
        message = f"No module named {name!r}"
        raise ModuleNotFoundError(message, name=name)
    module = module_from_spec(spec)
    loader = spec.loader

    def load(attribute: str) -> Any:
        """Run the postponed file. Python calls this for a name that the package does not have."""
        if attribute.startswith("__") and attribute != "__all__":
            raise AttributeError(attribute)  # what tools ask of every module is no reason to run it
        del module.__dict__["__getattr__"]
        loader.exec_module(module)
        return getattr(module, attribute)

    module.__dict__.update(names)
    module.__dict__["__getattr__"] = load
    sys.modules[name] = module
    parent, _, own = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own, module)  # as an import does
