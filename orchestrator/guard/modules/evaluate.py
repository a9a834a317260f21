"""Evaluates expressions of a module as far as its files and the inputs of a unit determine them.

Only what is certain has a value: constants, variables, local values, conditions, text, and a few functions. Everything
else is an `Undetermined`, so a rule of Terraform that is not known here never gives a wrong value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.tree import (
    Compound,
    Constant,
    Entries,
    Expression,
    FunctionCall,
    Items,
    Reference,
    Template,
)

_DEPTH = 60
_AFTER_APPLY = frozenset({"id", "arn"})
"""Attributes that AWS decides when it creates a resource."""
_NOT_RESOURCES = frozenset({"data", "module", "path", "terraform", "self", "ephemeral"})


class Undetermined(Enum):
    """What stands in the place of a value that is not determined."""

    AFTER_APPLY = "after apply"
    """Terraform does not know it in the plan of a creation either."""
    HERE = "here"
    """Terraform may know it in the plan; here nobody does."""


@dataclass(frozen=True, slots=True)
class ModuleScope:
    """What the names in the expressions of a module stand for.

    Attributes:
        declared: the blocks of the module.
        inputs: what its caller passes.
        iterations: ``each``, ``count`` and the iterators of dynamic blocks.
        depth: how many references lead here; a circle of local values ends at a limit.
    """

    declared: Declarations
    inputs: Mapping[str, Any]
    iterations: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0

    def inside(self, **iterations: Any) -> ModuleScope:
        """Return the scope inside a resource with ``each`` or ``count``, or a dynamic block."""
        return replace(self, iterations={**self.iterations, **iterations})

    def value(self, expression: Expression) -> Any:
        """Return a value: plain Python, with `Undetermined` in the place of what is not determined."""
        match expression:
            case Constant():
                found: Any = expression.value
            case Template():
                found = self._text(expression.parts)
            case Reference():
                found = self._referred(expression)
            case FunctionCall():
                found = self._call(expression)
            case Items():
                found = [self.value(each) for each in expression.items]
            case Entries():
                found = self._map(expression)
            case _:
                found = self._compound(expression)
        return found

    def _compound(self, expression: Compound) -> Any:
        parts = expression.parts
        if expression.kind in {"parentheses", "interpolation"}:
            return self.value(parts[0])
        if expression.kind == "condition" and len(parts) == 3:
            chosen = self.value(parts[0])
            return self.value(parts[1] if chosen else parts[2]) if isinstance(chosen, bool) else Undetermined.HERE
        return Undetermined.HERE

    def _map(self, expression: Entries) -> Any:
        entries = [(self.value(key), self.value(value)) for key, value in expression.entries]
        if not all(isinstance(key, str | int | float) for key, _ in entries):
            return Undetermined.HERE
        return {_text(key): value for key, value in entries}

    def _text(self, parts: Sequence[Expression]) -> Any:
        values = [self.value(part) for part in parts]
        for each in (Undetermined.HERE, Undetermined.AFTER_APPLY):
            if each in values:
                return each
        if not all(isinstance(each, str | int | float | bool) for each in values):
            return Undetermined.HERE
        return "".join(map(_text, values))

    def _referred(self, reference: Reference) -> Any:
        if self.depth > _DEPTH:
            return Undetermined.HERE
        root, steps = reference.root, reference.steps
        if root in self.iterations:
            return _follow(self.iterations[root], steps)
        if root == "var" and steps:
            return _follow(self._variable(str(steps[0])), steps[1:])
        if root == "local" and steps:
            attribute = self.declared.locals.get(str(steps[0]))
            deeper = replace(self, depth=self.depth + 1)
            return Undetermined.HERE if attribute is None else _follow(deeper.value(attribute.value), steps[1:])
        is_resource = root not in _NOT_RESOURCES and (root, steps[:1]) in _resources(self.declared)
        return Undetermined.AFTER_APPLY if is_resource and steps[-1] in _AFTER_APPLY else Undetermined.HERE

    def _variable(self, name: str) -> Any:
        declared = self.declared.named.get(("variable", (name,)))
        if declared is None:
            return Undetermined.HERE
        default = declared.attributes.get("default")
        given = self.inputs.get(
            name, Undetermined.HERE if default is None else ModuleScope(self.declared, {}).value(default.value)
        )
        if given is None and default is not None and not declared.flag("nullable", unset=True):
            return ModuleScope(self.declared, {}).value(default.value)
        return given

    def _call(self, call: FunctionCall) -> Any:
        function = _FUNCTIONS.get(call.name)
        if function is None:
            return Undetermined.HERE
        arguments = [self.value(each) for each in call.arguments]
        if any(isinstance(each, Undetermined) for each in arguments):
            return Undetermined.HERE
        try:
            return function(arguments)
        except (TypeError, ValueError, IndexError, StopIteration):
            return Undetermined.HERE


def is_determined(value: Any) -> bool:
    """Return whether a value has nothing in it that is unknown only here."""
    return value is not Undetermined.HERE and all(is_determined(each) for each in _parts(value))


def known_part(value: Any) -> tuple[Any, Any]:
    """Return a value without its unknown parts, and the mirror that Terraform calls ``after_unknown``."""
    if isinstance(value, Undetermined):
        return None, True
    if isinstance(value, Mapping):
        pairs = {key: known_part(each) for key, each in value.items()}
        known = {key: each for key, (each, unknown) in pairs.items() if unknown is not True}
        return known, {key: unknown for key, (_, unknown) in pairs.items() if unknown is not False}
    if isinstance(value, list):
        items = [known_part(each) for each in value]
        return [each for each, _ in items], [unknown for _, unknown in items]
    return value, False


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _follow(value: Any, steps: Sequence[object]) -> Any:
    """Return what is at the end of constant steps into a value."""
    for step in steps:
        if isinstance(value, Mapping) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
            value = value[step]
        else:
            return value if value is Undetermined.AFTER_APPLY else Undetermined.HERE
    return value


def _resources(declared: Declarations) -> frozenset[tuple[str, tuple[object, ...]]]:
    return frozenset((each.labels[0], (each.labels[1],)) for each in declared.of_type("resource"))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _merge(arguments: Sequence[Any]) -> dict[str, Any]:
    return {key: value for each in arguments if each is not None for key, value in dict(each).items()}


def _concat(arguments: Sequence[Any]) -> list[Any]:
    if not all(isinstance(each, list) for each in arguments):
        raise TypeError("not a list")
    return [item for each in arguments for item in each]


def _coalesce(arguments: Sequence[Any]) -> Any:
    return next(each for each in arguments if each not in {None, ""})


def _same(kind: type) -> Callable[[Sequence[Any]], Any]:
    def converted(arguments: Sequence[Any]) -> Any:
        if not isinstance(arguments[0], kind):
            raise TypeError(arguments)
        return arguments[0]

    return converted


def _json(arguments: Sequence[Any]) -> str:
    if not is_determined(arguments[0]) or Undetermined.AFTER_APPLY in _leaves(arguments[0]):
        raise ValueError("not known")
    return json.dumps(arguments[0], separators=(",", ":"))


def _leaves(value: Any) -> list[Any]:
    return [leaf for each in _parts(value) for leaf in _leaves(each)] if isinstance(value, Mapping | list) else [value]


_FUNCTIONS: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "coalesce": _coalesce,
    "concat": _concat,
    "jsonencode": _json,
    "merge": _merge,
    "tolist": _same(list),
    "tomap": _same(dict),
    "toset": _same(list),
}
