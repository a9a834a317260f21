"""Resolved values of ``live/``: literals, references and text with references, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.errors import Location


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to an output of another unit, already resolved to that unit.

    Attributes:
        unit: id of the unit whose output is read.
        output: name of the output.
        path: keys and indexes into the value of the output; empty for the whole value.
        at: where it is written.
        foreign: the unit is in another account, so its outputs are read from its published file, never from its state.
    """

    unit: str
    output: str
    path: tuple[str | int, ...]
    at: Location
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Text with references in it. The value of each reference must be a scalar."""

    parts: tuple[str | Ref | SecretRef, ...]
    at: Location


@dataclass(frozen=True, slots=True)
class Unset:
    """A value of the run that is required and was not given: ``${{ run.KEY }}`` without ``--set KEY=…``."""

    key: str
    at: Location


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A secret of the stack in a provider argument: ``${{ secrets.NAME }}``. orch never sees its value."""

    name: str
    at: Location


PlainValue: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """One resolved value and the location that sets it.

    ``value`` is a scalar (str, int, float, bool, None), a mapping or a tuple of nodes, a ``Ref``, a ``Text``,
    a ``SecretRef`` or an ``Unset``. Nodes without references are shared between the units that inherit them.
    """

    value: Value
    at: Location


Value: TypeAlias = PlainValue | Ref | SecretRef | Text | Unset | Mapping[str, Node] | tuple[Node, ...]


def references(node: Node) -> Iterator[Ref]:
    """Yield every reference in a node, in the order in which they are written."""
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
