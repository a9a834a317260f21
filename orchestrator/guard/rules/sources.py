"""Tells what the value of an expression comes from, and whether it is more than a copy of that."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.hcl.tree import Compound, Constant, Expression, FunctionCall, Reference, Template, parts_of, walk

_COPYING = frozenset(
    (
        *("coalesce", "compact", "concat", "distinct", "element", "flatten", "lookup", "merge", "nonsensitive", "one"),
        *("sensitive", "tolist", "tomap", "toset", "tostring", "try", "values"),
    )
)
"""Functions whose result is one of their arguments, or a part of one (Terraform, "Functions")."""


def sources_of(expression: Expression) -> Iterator[Reference]:
    """Yield the references that a value can come from: not those of a condition, of an index or of a calculation."""
    waiting = [expression]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Reference):
            yield current
        left_out = _deciding(current)
        waiting += (each for each in parts_of(current) if each not in left_out)


def computed_parts(expression: Expression) -> Iterator[Expression]:
    """Yield the parts of an expression whose value it does not copy, but makes something of, or decides by.

    These are text around a reference, what a function takes that makes something new, conditions, indexes and
    calculations, and loops over more than references.
    """
    for part in walk(expression):
        if _makes(part):
            yield part
        yield from _deciding(part)


def _makes(part: Expression) -> bool:
    if isinstance(part, FunctionCall):
        return part.name not in _COPYING
    if isinstance(part, Template):
        return len(part.parts) > 1
    if isinstance(part, Compound) and part.kind == "for":
        return any(isinstance(each, Constant) and isinstance(each.value, str) for each in walk(part))
    return False


def _deciding(part: Expression) -> tuple[Expression, ...]:
    """Return the parts that choose or calculate the value of an expression, and are no part of it."""
    if isinstance(part, FunctionCall):
        return part.arguments[1:2] if part.name in {"element", "lookup"} else ()
    if isinstance(part, Compound):
        return {"operation": part.parts, "condition": part.parts[:1], "index": part.parts[1:]}.get(part.kind, ())
    return ()
