"""Finds what a copy of a stage shares with the original by name, although the two may be in one account.

orch makes the names of units from the stage. A name that ``live/`` writes out is the same in every copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.nodes import Node
from orchestrator.errors import Problem

_NAMES = frozenset({"name", "names"})


def shared_names(catalogue: Catalogue, copy: str, source: str) -> Iterator[Problem]:
    """Yield each text of a copy that is the same in the original, and is a name or contains the original's name.

    Args:
        catalogue: the configuration with both stages.
        copy: name of the copy.
        source: name of the stage that it extends.
    """
    whole = re.compile(rf"(?<![a-z0-9]){re.escape(source)}(?![a-z0-9])", re.IGNORECASE)
    for unit in catalogue.units.values():
        other = catalogue.units.get(f"{source}/{unit.id.partition('/')[2]}")
        if unit.stage != copy or unit.of_account or other is None:
            continue
        for variable, node in unit.inputs.items():
            before = dict(_texts(other.inputs[variable], variable)) if variable in other.inputs else {}
            for path, each in _texts(node, variable):
                if path not in before or before[path].value != each.value:
                    continue
                if variable in _NAMES or whole.search(str(each.value)):
                    what = f"{path} is {str(each.value)!r} in {unit.id} and in {other.id}"
                    yield Problem(each.at, what, "write ${{ stage }} in it if the two must differ")


def _texts(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    """Yield every text in a node, with its path: ``names.bucket``."""
    if isinstance(node.value, str):
        yield path, node
    elif isinstance(node.value, Mapping):
        for key, each in node.value.items():
            yield from _texts(each, f"{path}.{key}")
    elif isinstance(node.value, tuple):
        for index, each in enumerate(node.value):
            yield from _texts(each, f"{path}[{index}]")
