"""Finds the line that sets an attribute of a resource: through the module's expressions to the unit's input.

An expression that only passes a value on (``var.memory``, ``each.value.name``, ``local.tags``) is followed to where the
value is written. Any other expression decides the value itself, so its own line is the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.config.nodes import Node
from orchestrator.errors import Location
from orchestrator.guard.plan.entries import module_names
from orchestrator.guard.source_location import SourceLocator
from orchestrator.hcl.modules.blocks import Declaration, Declarations
from orchestrator.hcl.modules.files import ModuleFile
from orchestrator.hcl.tree import Block, Body, Compound, Constant, Entries, Expression, Reference
from orchestrator.terraform.model import ResourceChange

SourcePath = tuple[str | int, ...]
"""A path as Terraform writes it: ``("environment", 0, "variables", "TABLE")``."""

_KEY = re.compile(r'\[(\d+|"(?:[^"\\]|\\.)*")\]')
_LAST_KEY = re.compile(_KEY.pattern + r"\Z")
_MODULE = re.compile(r"module\.[^.\[]+" + f"(?:{_KEY.pattern})?" + r"(?:\.|\Z)")
_DEEPEST = 40
_CONTENT = "content"
"""The block in a ``dynamic`` block that has its attributes."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where an expression stands.

    Attributes:
        calls: the module calls that lead to its module: ``("this", "vpc")``.
        keys: the key of each of these calls; None without ``for_each`` and ``count``.
        each: ``for_each`` of the block that it stands in, and the block's key.
    """

    calls: tuple[str, ...]
    keys: tuple[str | int | None, ...]
    each: tuple[Expression, str | int] | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    """An expression.

    Attributes:
        scope: where it stands.
        value: the expression.
        at: the attribute that it is the value of: the answer if it decides the value itself.
        file: the file, if positions inside of the expression are to be used.
    """

    scope: _Scope
    value: Expression
    at: Location
    file: ModuleFile | None = None


class AttributeSource:
    """Finds lines for the changes of one unit. Parses each module folder once; not safe for several threads.

    Args:
        unit: the unit that the plan belongs to.
        root: the folder that contains ``live/``; locations are relative to it.
        locator: a locator of the same unit, which has parsed its modules already; None: a new one.
    """

    def __init__(self, unit: Unit, root: Path, locator: SourceLocator | None = None) -> None:
        self._unit = unit
        self._locator = locator or SourceLocator(unit, root)

    def __call__(self, change: ResourceChange, path: SourcePath) -> Location | None:
        """Return the line that sets an attribute; None if it is not in this repository, or not known for sure.

        Args:
            change: the change of the resource.
            path: the attribute.
        """
        calls = module_names(change.module_address)
        declared = self._locator.declared(calls) if calls[:1] == ("this",) else None
        resource = declared.named.get(("resource", (change.type, change.name))) if declared is not None else None
        if resource is None or not path:
            return None
        keys = tuple(_key(found[1]) for found in _MODULE.finditer(change.module_address or ""))
        last = _LAST_KEY.search(change.address)
        scope = _with_each(_Scope(calls, keys), resource, _key(last[1]) if last else None)
        name = str(path[0])
        if name in resource.attributes:
            return self._follow(_Written(scope, resource.attributes[name].value, resource.places[name]), path[1:])
        return self._in_blocks(scope, resource.blocks, path)

    def _in_blocks(
        self, scope: _Scope, blocks: Sequence[tuple[ModuleFile, Block]], path: SourcePath
    ) -> Location | None:
        """Return the line of an attribute in the only nested block of its type; of several, which one is not known."""
        name = str(path[0])
        found = [(file, block) for file, block in blocks if _type_of(block) == name]
        if len(found) != 1:
            return None
        file, block = found[0]
        body = block.body
        if block.type == "dynamic":
            body = next((each.body for each in body.blocks if each.type == _CONTENT), Body({}, ()))
        rest = path[2:] if len(path) > 1 and isinstance(path[1], int) else path[1:]
        if not rest:
            return file.at(block.position)
        attribute = body.attributes.get(str(rest[0]))
        if attribute is not None:
            return self._follow(_Written(scope, attribute.value, file.at(attribute.position), file), rest[1:])
        inner = [(file, each) for each in body.blocks]
        return self._in_blocks(scope, inner, rest)

    def _follow(self, written: _Written, path: SourcePath, depth: int = 0) -> Location:
        """Return where the part of an expression at a path is written.

        Args:
            written: the expression.
            path: the part of its value.
            depth: how many steps led here.
        """
        value, at = written.value, written.at
        while isinstance(value, Compound) and value.kind == "parentheses":
            value = value.parts[0]
        if depth > _DEEPEST:
            return at
        if isinstance(value, Entries) and path:
            entry = next((each for each in value.entries if _constant(each[0]) == path[0]), None)
            if entry is None:
                return at
            file = written.file
            place = file.at(entry[0].position) if file is not None and file.exact else at
            return self._follow(replace(written, value=entry[1], at=place), path[1:], depth + 1)
        if isinstance(value, Reference):
            return self._refer(replace(written, value=value, file=None), value, path, depth + 1)
        return at

    def _refer(self, written: _Written, value: Reference, path: SourcePath, depth: int) -> Location:
        steps = [each for each in value.steps if isinstance(each, str | int) and not isinstance(each, bool)]
        if not steps or len(steps) != len(value.steps):
            return written.at
        first, rest, scope = str(steps[0]), (*steps[1:], *path), written.scope
        if value.root == "var":
            return self._variable(scope, first, rest, depth) or written.at
        if value.root == "local":
            return self._local(scope, first, rest, depth) or written.at
        if value.root == "each" and scope.each is not None and first in {"value", "key"}:
            for_each, key = scope.each
            keys = (key, *(rest if first == "value" else ()))
            return self._follow(_Written(_Scope(scope.calls, scope.keys), for_each, written.at), keys, depth)
        return written.at

    def _variable(self, scope: _Scope, name: str, path: SourcePath, depth: int) -> Location | None:
        if len(scope.calls) == 1:
            if name in self._unit.inputs:
                return _in_node(self._unit.inputs[name], path)
            others = {each.variable: each.at for each in self._unit.secrets}
            others |= {each.variable: each.at for each in self._unit.archives}
            if name in others:
                return others[name]
        else:
            call = self._call(scope)
            if call is not None and name in call.attributes:
                outer = _with_each(_Scope(scope.calls[:-1], scope.keys[:-1]), call, scope.keys[-1])
                return self._follow(_Written(outer, call.attributes[name].value, call.places[name]), path, depth)
        declared = self._locator.declared(scope.calls)
        variable = declared.named.get(("variable", (name,))) if declared is not None else None
        if variable is None or "default" not in variable.attributes:
            return None
        default = _Written(scope, variable.attributes["default"].value, variable.places["default"])
        return self._follow(default, path, depth)

    def _local(self, scope: _Scope, name: str, path: SourcePath, depth: int) -> Location | None:
        declared = self._locator.declared(scope.calls)
        attribute = declared.locals.get(name) if declared is not None else None
        if declared is None or attribute is None:
            return None
        blocks = declared.others_of_type("locals")
        file = next((file for file, block in blocks if block.body.attributes.get(name) is attribute), None)
        if file is None:
            return None
        outer = _Scope(scope.calls, scope.keys)
        return self._follow(_Written(outer, attribute.value, file.at(attribute.position), file), path, depth)

    def _call(self, scope: _Scope) -> Declaration | None:
        parent: Declarations | None = self._locator.declared(scope.calls[:-1])
        return parent.named.get(("module", (scope.calls[-1],))) if parent is not None else None


def _with_each(scope: _Scope, block: Declaration, key: str | int | None) -> _Scope:
    for_each = block.attributes.get("for_each")
    return _Scope(scope.calls, scope.keys, (for_each.value, key) if for_each is not None and key is not None else None)


def _in_node(node: Node, path: SourcePath) -> Location | None:
    """Return where a part of an input is written; None if the input does not set it. A list is one place."""
    for step in path:
        value = node.value
        if not isinstance(value, Mapping):
            break
        if str(step) not in value:
            return None
        node = value[str(step)]
    return node.at


def _type_of(block: Block) -> str:
    return block.labels[0] if block.type == "dynamic" and block.labels else block.type


def _constant(key: Expression) -> object:
    return key.value if isinstance(key, Constant) else None


def _key(text: str | None) -> str | int | None:
    """Return the key of an instance: ``[0]`` is a number, ``["a"]`` a text."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, str | int) else None
