"""Walks over resolved values: which outputs of which units they read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.config.catalogue import Node, Ref, Text, Unit


def references(node: Node) -> Iterator[Ref]:
    """Every reference in a node, in the order in which they are written."""
    value = node.value
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Text):
        yield from (part for part in value.parts if isinstance(part, Ref))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from references(item)


def unit_references(unit: Unit) -> Iterator[tuple[str, Ref]]:
    """Every reference of a unit with the variable that it feeds."""
    for variable, node in unit.inputs.items():
        for ref in references(node):
            yield variable, ref
