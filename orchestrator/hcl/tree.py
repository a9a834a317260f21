"""The syntax tree of HCL: expressions, attributes and blocks with source positions. Nothing is evaluated.

Named tuples, not dataclasses: a large module has ten thousand nodes, and named tuples are created twice as fast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias, Union

Scalar: TypeAlias = str | int | float | bool | None


class HclError(ValueError):
    """Text that is not valid HCL.

    Args:
        message: what is wrong.
        position: offset into the text, counted from 0.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class Constant(NamedTuple):
    """A number, ``true``, ``false``, ``null`` or text without interpolation."""

    value: Scalar
    position: int


class Template(NamedTuple):
    """Text with ``${…}`` or ``%{…}``; its constant parts are the text in between."""

    parts: tuple[Expression, ...]
    position: int


class Reference(NamedTuple):
    """A reference such as ``var.pool["a"].id``: its first name, and the constant steps after it."""

    root: str
    steps: tuple[str | int | float | bool | None, ...]
    position: int


class FunctionCall(NamedTuple):
    """A function call: ``file("a.txt")``, ``provider::aws::arn_parse(x)``."""

    name: str
    arguments: tuple[Expression, ...]
    position: int


class Items(NamedTuple):
    """``[a, b]``."""

    items: tuple[Expression, ...]
    position: int


class Entries(NamedTuple):
    """``{a = b}``; a bare word as a key is a constant."""

    entries: tuple[tuple[Expression, Expression], ...]
    position: int


class Compound(NamedTuple):
    """Any other expression, by its parts.

    ``kind``: ``operation``, ``condition``, ``for``, ``index``, ``splat``, ``parentheses``, ``interpolation`` for
    ``${…}``; for ``%{…}`` its keyword: ``if``, ``for``, ``else``, ``endif``, ``endfor``.
    """

    kind: str
    parts: tuple[Expression, ...]
    position: int


Expression: TypeAlias = Union[Constant, Template, Reference, FunctionCall, Items, Entries, Compound]  # noqa: UP007 - recursive


class Attribute(NamedTuple):
    """``name = value``. ``text`` is the value's source text."""

    name: str
    value: Expression
    text: str
    position: int


class Block(NamedTuple):
    """``type "label" { … }``."""

    type: str
    labels: tuple[str, ...]
    body: Body
    position: int


class Body(NamedTuple):
    """The content of a block, or of a whole file."""

    attributes: Mapping[str, Attribute]
    blocks: tuple[Block, ...]


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """Return the expressions directly inside an expression."""
    if isinstance(expression, Template | Compound):
        return expression.parts
    if isinstance(expression, FunctionCall):
        return expression.arguments
    if isinstance(expression, Items):
        return expression.items
    if isinstance(expression, Entries):
        return tuple(part for entry in expression.entries for part in entry)
    return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield the expression and everything inside it, in no particular order."""
    waiting = [expression]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(parts_of(current))


def attributes_of(body: Body) -> Iterator[Attribute]:
    """Yield every attribute of a body and of the blocks in it."""
    waiting = [body]
    while waiting:
        current = waiting.pop()
        yield from current.attributes.values()
        waiting.extend(block.body for block in current.blocks)


def constant_text(expression: Expression) -> str | None:
    """Return the text of a constant text expression, parenthesized or not; None for any other expression."""
    while isinstance(expression, Compound) and expression.kind == "parentheses":
        expression = expression.parts[0]
    return expression.value if isinstance(expression, Constant) and isinstance(expression.value, str) else None
