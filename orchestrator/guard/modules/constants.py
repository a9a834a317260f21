"""Finds the constants that an attribute of a module can have, from the modules and ``live/``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.config.catalogue import Unit
from orchestrator.config.nodes import Node
from orchestrator.errors import Location
from orchestrator.hcl.modules.blocks import Declaration
from orchestrator.hcl.modules.scanned import ScannedModule
from orchestrator.hcl.tree import Attribute, Compound, Constant, Entries, Expression, Reference, constant_text

_BOOLS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class PossibleValue:
    """One value that an attribute can have.

    Attributes:
        value: the constant; meaningless if ``known`` is false.
        at: where it is set.
        stage: the stage of the unit whose input it is, or None.
        known: whether the configuration determines the value.
    """

    value: str | int | float | bool | None
    at: Location
    stage: str | None = None
    known: bool = True

    def equals(self, wanted: object) -> bool:
        """Return whether it is this value. For a bool, null counts as false and ``"true"`` as true."""
        if not self.known:
            return False
        value = self.value
        if isinstance(wanted, bool):
            value = _BOOLS.get(value, value) if isinstance(value, str) else bool(value) if value is None else value
        return type(value) is type(wanted) and value == wanted


def attribute_in(declared: Declaration, path: str) -> Attribute | None:
    """Return an attribute of a block, or None; ``a.b`` is b in the block a. Override files take precedence."""
    first, _, rest = path.partition(".")
    if not rest:
        return declared.attributes.get(first)
    found = [block.body.attributes.get(rest) for _, block in declared.blocks if block.type == first]
    return next((each for each in reversed(found) if each is not None), None)


class Constants:
    """Evaluates the expressions of one module as far as they are constant.

    Args:
        module: the module.
        units: the units that use the module directly, and set its variables.
    """

    def __init__(self, module: ScannedModule, units: Sequence[Unit] = ()) -> None:
        self._module = module
        self._units = units

    def of(self, attribute: Attribute, at: Location) -> tuple[PossibleValue, ...]:
        """Return every value that an attribute can have; one that is not ``known`` if it is not constant.

        Args:
            attribute: an attribute of the module.
            at: where it is set.
        """
        return tuple(dict.fromkeys(self._of(self._module, attribute.value, at, frozenset())))

    def _of(
        self, module: ScannedModule, expression: Expression, at: Location, seen: frozenset[object]
    ) -> Iterator[PossibleValue]:
        if isinstance(expression, Constant):
            yield PossibleValue(expression.value, at)
        elif isinstance(expression, Compound) and expression.kind in {"parentheses", "interpolation"}:
            yield from self._of(module, expression.parts[0], at, seen)
        elif isinstance(expression, Compound) and expression.kind == "condition":
            for part in expression.parts[1:]:
                yield from self._of(module, part, at, seen)
        elif isinstance(expression, Reference) and expression.steps and expression.root in {"var", "local"}:
            key = (module.folder, expression.root, expression.steps[0])
            unknown = PossibleValue(None, at, known=False)
            if key in seen:
                yield unknown
                return
            meanings = self._variable if expression.root == "var" else self._local
            found = list(meanings(module, expression, seen | {key}))
            yield from (found or [unknown])
        else:
            yield PossibleValue(None, at, known=False)

    def _local(self, module: ScannedModule, reference: Reference, seen: frozenset[object]) -> Iterator[PossibleValue]:
        name, *path = reference.steps
        for file, block in module.declared.others_of_type("locals"):
            attribute = block.body.attributes.get(str(name))
            if attribute is not None and module.declared.locals.get(str(name)) is attribute:
                yield from self._inside(module, attribute.value, path, file.at(attribute.position), seen)

    def _variable(
        self, module: ScannedModule, reference: Reference, seen: frozenset[object]
    ) -> Iterator[PossibleValue]:
        name, *path = reference.steps
        variable = module.declared.named.get(("variable", (str(name),)))
        default = variable.attributes.get("default") if variable is not None else None
        if variable is not None and default is not None:
            yield from self._inside(module, default.value, path, variable.place_of("default"), seen)
        for caller, value in module.arguments.get(str(name), ()):
            yield from self._inside(caller, value, path, _place(caller, str(name), value), seen)
        for unit in self._units if module is self._module else ():
            if str(name) in unit.inputs:
                yield replace(_input(unit.inputs[str(name)], path), stage=unit.stage)

    def _inside(
        self, module: ScannedModule, value: Expression, path: Sequence[object], at: Location, seen: frozenset[object]
    ) -> Iterator[PossibleValue]:
        for step in path:
            entries = value.entries if isinstance(value, Entries) else ()
            inner = next((each for key, each in entries if constant_text(key) == step), None)
            if inner is None:
                yield PossibleValue(None, at, known=False)
                return
            value = inner
        yield from self._of(module, value, at, seen)


def _place(caller: ScannedModule, name: str, value: Expression) -> Location:
    for call in caller.declared.of_type("module"):
        attribute = call.attributes.get(name)
        if attribute is not None and attribute.value is value:
            return call.place_of(name)
    return Location(caller.folder.as_posix())


def _input(node: Node, path: Sequence[object]) -> PossibleValue:
    for step in path:
        inner = node.value.get(str(step)) if isinstance(node.value, Mapping) else None
        if inner is None:
            return PossibleValue(None, node.at, known=False)
        node = inner
    value = node.value
    if value is None or isinstance(value, str | int | float | bool):
        return PossibleValue(value, node.at)
    return PossibleValue(None, node.at, known=False)
