"""Decides which values of a unit can be secrets, and hides them where values are shown.

What counts is the declaration of a variable, or its name where nothing declares it: for arguments of providers, and for
variables of modules that Terraform downloads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from orchestrator.config.catalogue import Catalogue, ProviderArguments, Unit
from orchestrator.config.nodes import Node, Text, Unset, references
from orchestrator.errors import CatalogueError
from orchestrator.hcl.modules.interface import Variable
from orchestrator.hcl.modules.read import read_module
from orchestrator.util.secret_text import credential_in

HIDDEN = "(sensitive)"
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:(?:api|app|access|private|client|secret|license)_?key|token|secret|password|passwd|credentials)$",
    re.IGNORECASE,
)


def looks_secret(name: str) -> bool:
    """Return whether an argument with this name has a secret, such as ``api_key`` and ``admin_password``."""
    return _SECRET_NAME.search(name) is not None


def module_variables(catalogue: Catalogue, unit: Unit) -> Mapping[str, Variable]:
    """Return the variables of a unit's module: of a local one, or of the copy that Terraform downloaded; else none.

    Raises:
        CatalogueError: a local module cannot be read.
    """
    if unit.module.path is not None:
        return read_module(unit.module.path, root=catalogue.root).variables
    root = catalogue.root / ".orch" / "units" / unit.folder
    try:
        listed = json.loads((root / ".terraform" / "modules" / "modules.json").read_bytes())["Modules"]
        folder = next(str(each["Dir"]) for each in listed if each["Key"] == "this")
        return read_module(root / folder, root=catalogue.root).variables
    except (OSError, ValueError, KeyError, TypeError, StopIteration, CatalogueError):
        return {}  # Not downloaded yet, or not as a run leaves it.


def secret_variables(catalogue: Catalogue, unit: Unit) -> frozenset[str]:
    """Return the names of a unit's variables that are sensitive or ephemeral, or look so where nothing declares them.

    Raises:
        CatalogueError: a local module cannot be read.
    """
    declared = module_variables(catalogue, unit)
    found = {each.name for each in declared.values() if each.sensitive or each.ephemeral}
    if unit.module.path is None:
        found |= {name for name in unit.inputs if name not in declared and looks_secret(name)}
    return frozenset(found)


def shown_input(unit: Unit, name: str, secret: frozenset[str]) -> Node:
    """Return an input without its secrets. ``secret``: the unit's variables whose literals are not shown."""
    return without_secrets(unit.inputs[name], sensitive=name in secret, by_name=unit.module.path is None)


def shown_arguments(config: ProviderArguments) -> dict[str, Node]:
    """Return the arguments of a provider without their secrets, sorted by name."""
    return {
        name: without_secrets(node, sensitive=looks_secret(name), by_name=True)
        for name, node in sorted(config.arguments.items())
    }


def without_secrets(node: Node, *, sensitive: bool, by_name: bool = False) -> Node:
    """Return a resolved value with ``(sensitive)`` for its literals, or at least for those that are credentials.

    References stay: they show where a value comes from, not what it is.

    Args:
        node: the value.
        sensitive: each literal may be a secret.
        by_name: so may those with a key that looks like the name of a secret.
    """
    value = node.value
    if isinstance(value, Mapping):
        inside = {
            key: without_secrets(item, sensitive=sensitive or (by_name and looks_secret(key)), by_name=by_name)
            for key, item in value.items()
        }
        return Node(inside, node.at)
    if isinstance(value, tuple):
        items = tuple(without_secrets(item, sensitive=sensitive, by_name=by_name) for item in value)
        return Node(items, node.at)
    if isinstance(value, Text):
        parts = tuple(
            HIDDEN if isinstance(part, str) and (sensitive or credential_in(part)) else part for part in value.parts
        )
        return Node(Text(parts, value.at), node.at)
    hides = may_be_secret(node) and (sensitive or (isinstance(value, str) and bool(credential_in(value))))
    return Node(HIDDEN, node.at) if hides else node


def may_be_secret(node: Node) -> bool:
    """Return whether a value is a literal that can be a secret: text or a number."""
    value = node.value
    return (isinstance(value, str) and value != "") or (isinstance(value, int | float) and not isinstance(value, bool))


def written_out(name: str, node: Node) -> Iterator[tuple[str, Node]]:
    """Yield each argument that looks like a secret, with its value if that stands in ``live/`` or is one of a run.

    Args:
        name: of the argument.
        node: its value. In maps the keys are names, too.
    """
    value = node.value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from written_out(key, item)
    elif isinstance(value, tuple):
        for item in value:
            yield from written_out(name, item)
    elif looks_secret(name) and (may_be_secret(node) or isinstance(value, Unset)):
        yield name, node


def has_reference(node: Node) -> bool:
    """Return whether a value, or a part of it, comes from another unit."""
    return any(references(node))
