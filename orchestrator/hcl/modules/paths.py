"""Finds the paths that an expression of a module can evaluate to, as far as its text tells."""

from __future__ import annotations

import itertools
import json
import math
import posixpath
from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.modules.path_marks import ANY_NAME, MODULE_FOLDER, ROOT_FOLDER, UNKNOWN_PATH, module_file
from orchestrator.hcl.modules.scanned import ScannedModule
from orchestrator.hcl.modules.text_functions import EXACT, JOINS, NAMES, SELECTING, TRANSPARENT, compute
from orchestrator.hcl.tree import (
    Compound,
    Constant,
    Entries,
    Expression,
    FunctionCall,
    Items,
    Reference,
    Template,
    constant_text,
    parts_of,
)

_MOST = 256
_WRAPPERS = {"parentheses", "interpolation"}
_STEPS = {"index", "splat"}
_ANY = "\0*"
"""Stands for a step to any element of a collection."""
_COMBINING = {"coalesce", "concat", "merge", "tolist", "tomap", "toset", "try"}
"""Functions whose elements are the elements of their arguments."""
_NO_LOOP = {"ephemeral", "var", "local", "path", "module", "data", "count", "self", "terraform"}
"""First names of references that a loop cannot define."""


class Paths:
    """The paths that expressions in one place can evaluate to.

    Args:
        module: the module of the expressions.
        loops: the values that ``each.value`` and the names of ``for`` loops can have here.
    """

    def __init__(self, module: ScannedModule, loops: Sequence[Expression] = ()) -> None:
        self._module = module
        self._loops = tuple(loops)

    def of(self, expression: Expression) -> frozenset[str]:
        """Return every text that the expression can evaluate to; ``UNKNOWN_PATH`` stands for unknown parts."""
        return frozenset(_Evaluation(self._module, self._loops, frozenset()).of(expression))


class _Evaluation:
    """Evaluates expressions of one module. ``seen``: the references that led here, to find cycles."""

    def __init__(self, module: ScannedModule, loops: tuple[Expression, ...], seen: frozenset[object]) -> None:
        self._module = module
        self._loops = loops
        self._seen = seen

    def of(self, expression: Expression) -> set[str]:
        """Return every text that is, or is in, the value of the expression."""
        if isinstance(expression, Constant):
            return {str(expression.value)}
        if isinstance(expression, Reference):
            return self._reference(expression)
        if isinstance(expression, Template):
            return self._joined([sorted(self.of(part)) for part in expression.parts])
        if isinstance(expression, FunctionCall):
            return self._function(expression)
        if isinstance(expression, Items | Entries):
            return self._any(parts_of(expression))
        return self._compound(expression)

    def _compound(self, expression: Compound) -> set[str]:
        parts = expression.parts
        if expression.kind in _WRAPPERS:
            return self.of(parts[0])
        if expression.kind == "condition":
            return self._any(parts[1:])
        if expression.kind == "for" and len(parts) > 1:  # with one part it is %{ for … }
            inner = _Evaluation(self._module, (*self._loops, parts[0]), self._seen)
            return inner._any(parts[1:])
        if expression.kind in _STEPS and isinstance(parts[0], Items | Entries | FunctionCall | Compound):
            return self.of(parts[0])
        if expression.kind == "operation":
            return {ANY_NAME}
        return self._unknown(parts)

    def _any(self, parts: Sequence[Expression]) -> set[str]:
        return {found for part in parts for found in self.of(part)}

    def _unknown(self, parts: Sequence[Expression]) -> set[str]:
        """Return what something unknown can be: anything, and perhaps each part, alone or as the end."""
        found = self._any(parts)
        return found | {UNKNOWN_PATH} | {f"{UNKNOWN_PATH}/{part}" for part in found if not part.startswith("\0")}

    def _joined(self, choices: Sequence[Sequence[str]]) -> set[str]:
        if math.prod(map(len, choices)) > _MOST:
            return {f"{UNKNOWN_PATH}/.."}  # too many to check: treated as one that leads out
        return {"".join(chosen) for chosen in itertools.product(*choices)}

    def _function(self, call: FunctionCall) -> set[str]:
        name = call.name.removeprefix("core::")
        if name in NAMES or (name == "jsondecode" and _is_placeholder(call.arguments)):
            return {ANY_NAME}
        if name in SELECTING or name in TRANSPARENT:
            return self._any(call.arguments[:1] if name in TRANSPARENT else call.arguments)
        if (decoded := self._decoded(call)) is not None:
            return set(_leaves(decoded))
        if name == "dirname" and len(call.arguments) == 1:
            return {_dirname(each) for each in self.of(call.arguments[0])}
        return self._computed(name, call)

    def _computed(self, name: str, call: FunctionCall) -> set[str]:
        """Return the texts that functions of texts return, computed as far as their arguments are known."""
        if name in JOINS and (parts := JOINS[name](call.arguments)) is not None:
            return self._joined([sorted(self.of(part)) for part in parts])
        values = [sorted(self.of(each)) for each in call.arguments] if name in EXACT else []
        if values and math.prod(map(len, values)) <= _MOST:
            computed = [compute(name, chosen) for chosen in itertools.product(*values)]
            if None not in computed:
                return {each for each in computed if each is not None}
        return self._unknown(call.arguments)

    def _reference(self, reference: Reference) -> set[str]:
        name = str(reference.steps[0]) if reference.steps else ""
        if reference.root == "path":
            return {f"{MODULE_FOLDER}{self._module.folder}" if name == "module" else ROOT_FOLDER}
        if reference.root in {"count", "terraform"}:
            return {ANY_NAME}
        if (self._module.folder, reference) in self._seen:
            return {UNKNOWN_PATH}
        seen = self._seen | {(self._module.folder, reference)}
        meanings = list(self._meanings(reference, name))
        found: set[str] = set()
        for module, loops, value, steps in meanings:
            found |= _Evaluation(module, loops, seen)._inside(value, steps)  # noqa: SLF001 - the same class
        if not meanings or (reference.root == "var" and not self._module.called):
            found.add(UNKNOWN_PATH)
        return found

    def _inside(self, value: Expression, steps: Sequence[object]) -> set[str]:
        """Return the texts at some steps inside a value: ``["a"].b``, or ``_ANY`` for each element."""
        if not steps:
            decoded = self._decoded(value)
            return set(_leaves(decoded)) if decoded is not None else self.of(value)
        if (decoded := self._decoded(value)) is not None:
            return {text for each in _descend(decoded, steps) for text in _leaves(each)}
        if isinstance(value, Reference):
            return self.of(Reference(value.root, (*value.steps, *map(_scalar, steps)), value.position))
        if isinstance(value, FunctionCall) and value.name in _COMBINING:
            return {text for each in value.arguments for text in self._inside(each, (_ANY, *steps[1:]))}
        if isinstance(value, Entries | Items):
            return {text for each in _elements(value, steps[0]) for text in self._inside(each, steps[1:])}
        return self.of(value)

    def _decoded(self, value: Expression) -> Any:
        """Return the content of a JSON file that ``jsondecode(file("${path.module}/…"))`` reads, or None."""
        if not isinstance(value, FunctionCall) or value.name != "jsondecode" or len(value.arguments) != 1:
            return None
        (inner,) = value.arguments
        if not isinstance(inner, FunctionCall) or inner.name != "file" or len(inner.arguments) != 1:
            return None
        paths = self.of(inner.arguments[0])
        file = module_file(next(iter(paths))) if len(paths) == 1 else None
        try:
            return json.loads(file.read_bytes()) if file is not None else None
        except (OSError, ValueError, RecursionError):
            return None

    def _meanings(
        self, reference: Reference, name: str
    ) -> Iterator[tuple[ScannedModule, tuple[Expression, ...], Expression, Sequence[object]]]:
        """Yield what a reference can stand for: module and loops of an expression, it, and the steps inside of it."""
        module, steps = self._module, reference.steps
        if reference.root == "local":
            if name in module.declared.locals:
                yield module, (), module.declared.locals[name].value, steps[1:]
        elif reference.root == "var":
            variable = module.declared.named.get(("variable", (name,)))
            if variable and "default" in variable.attributes:
                yield module, (), variable.attributes["default"].value, steps[1:]
            for caller, value in module.arguments.get(name, ()):
                yield caller, (), value, steps[1:]
        elif reference.root == "module":
            child = module.children.get(name)
            outputs = [child.declared.named.get(("output", (str(each),))) for each in steps[1:]] if child else []
            for output in outputs:
                if child is not None and output is not None and "value" in output.attributes:
                    yield child, (), output.attributes["value"].value, ()
        elif (
            self._loops
            and reference.root not in _NO_LOOP
            and ("resource", (reference.root, name)) not in module.declared.named
        ):
            inner = steps[1:] if reference.root == "each" else steps  # `each.value.a` or `v.a`: an element's `a`
            yield from ((module, self._loops, each, (_ANY, *inner) if inner else ()) for each in self._loops)
        else:
            yield from ((module, (), each, ()) for each in _argument(module.declared, reference))


def _argument(declared: Declarations, reference: Reference) -> Iterator[Expression]:
    """Yield the argument that an attribute of a resource repeats: ``data.archive_file.x.output_path``."""
    steps = [reference.root, *map(str, reference.steps)]
    kind = "data" if steps[0] == "data" else "resource"
    labels = tuple(steps[1:3] if kind == "data" else steps[:2])
    block = declared.named.get((kind, labels))
    if block is not None and steps[-1] in block.attributes:
        yield block.attributes[steps[-1]].value


def _dirname(path: str) -> str:
    if path.startswith(MODULE_FOLDER) or "\0" not in path:
        return posixpath.dirname(path)
    return f"{UNKNOWN_PATH}/.."  # of a path that is not known, it can be the folder above


def _is_placeholder(arguments: Sequence[Expression]) -> bool:
    """Return whether this is a value that a preview does not know yet: Terraform reads no file by such a name."""
    value = arguments[0] if len(arguments) == 1 else None
    return isinstance(value, Reference) and value.root == "terraform_data" and value.steps[1:] == ("id",)


def _scalar(step: object) -> str | int | float | bool | None:
    return step if isinstance(step, str | int | float | bool) else None


def _elements(value: Entries | Items, step: object) -> list[Expression]:
    """Return the elements that a step can choose: one, if its key is constant and there is no other like it."""
    if isinstance(value, Items):
        known = isinstance(step, int) and step < len(value.items)
        return [value.items[step]] if known and isinstance(step, int) else list(value.items)
    chosen = [each for key, each in value.entries if constant_text(key) in {None, str(step)}]
    return [each for _, each in value.entries] if step == _ANY else chosen or list(parts_of(value))


def _descend(value: Any, steps: Sequence[object]) -> list[Any]:
    """Return what is at some steps inside a JSON value; where a step leads nowhere, all that is there."""
    if not steps or not isinstance(value, dict | list):
        return [value]
    elements = value if isinstance(value, dict) else dict(map(_numbered, enumerate(value)))
    if steps[0] != _ANY and str(steps[0]) in elements:
        return _descend(elements[str(steps[0])], steps[1:])
    return [each for element in elements.values() for each in _descend(element, steps[1:])] or [value]


def _numbered(item: tuple[int, Any]) -> tuple[str, Any]:
    return str(item[0]), item[1]


def _leaves(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, keys included; numbers and null lead nowhere."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value if isinstance(value, str) else ANY_NAME
