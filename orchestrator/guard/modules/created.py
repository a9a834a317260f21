"""The resources of a unit as a plan would create them, as far as the files of its modules and its inputs tell.

What ``orch check`` lets the policies judge: no state, no provider and no AWS is needed for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.naming import aws_names
from orchestrator.config.nodes import Node, Ref, SecretRef, Text, Unset
from orchestrator.guard.modules.evaluate import ModuleScope, Undetermined, is_determined, known_part
from orchestrator.hcl.modules.blocks import Declaration
from orchestrator.hcl.modules.scanned import ScannedModule
from orchestrator.hcl.tree import Block, Body
from orchestrator.terraform.model import Action, ResourceChange

_META = frozenset({"count", "for_each", "provider", "depends_on"})
_META_BLOCKS = frozenset({"lifecycle", "provisioner", "connection", "timeouts"})
_MOST = 100
"""Instances of one resource that are looked at."""


@dataclass(frozen=True, slots=True)
class CreatedResource:
    """A resource as a plan would create it.

    Attributes:
        change: its creation. What is not known here is marked as unknown.
        determined: a plan would know no more of it than is known here.
    """

    change: ResourceChange
    determined: bool


def created_resources(catalogue: Catalogue, unit: Unit, module: ScannedModule) -> Iterator[CreatedResource]:
    """Yield the resources of a unit.

    Args:
        catalogue: the loaded configuration.
        unit: the unit.
        module: its module, with the modules that it calls.
    """
    yield from _of_module(module, unit_inputs(catalogue, unit), "module.this", determined=True)


def unit_inputs(catalogue: Catalogue, unit: Unit) -> dict[str, Any]:
    """Return what the root of a unit passes to its module; what another unit or a secret decides is unknown here."""
    names = aws_names(catalogue, unit)
    by_orch: dict[str, Any] = {"name": names["name"], "names": dict(names)}
    found = {name: _plain(node) for name, node in unit.inputs.items()}
    found |= {each.variable: by_orch[each.variable] for each in unit.name_variables}
    elsewhere = (*(each.variable for each in unit.secrets), *(each.variable for each in unit.archives))
    return found | dict.fromkeys(elsewhere, Undetermined.HERE)


def _plain(node: Node) -> Any:
    value = node.value
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return Undetermined.HERE if isinstance(value, Ref | SecretRef | Text | Unset) else value


def _of_module(
    module: ScannedModule, inputs: Mapping[str, Any], prefix: str, *, determined: bool
) -> Iterator[CreatedResource]:
    scope = ModuleScope(module.declared, inputs)
    for resource in module.declared.of_type("resource"):
        for key, inner, certain in _instances(resource, scope):
            address = f"{prefix}.{'.'.join(resource.labels)}{key}"
            yield _created(resource, address, prefix, inner, certain=certain and determined)
    for name, child in module.children.items():
        call = module.declared.named["module", (name,)]
        for key, inner, certain in _instances(call, scope):
            passed = {each.name: inner.value(each.value) for each in call.attributes.values()}
            yield from _of_module(child, passed, f"{prefix}.module.{name}{key}", determined=certain and determined)


def _instances(declared: Declaration, scope: ModuleScope) -> Iterator[tuple[str, ModuleScope, bool]]:
    """Yield the key of each instance, the scope inside it, and whether it is certain that there is one."""
    count, for_each = (declared.attributes.get(name) for name in ("count", "for_each"))
    if count is not None:
        number = scope.value(count.value)
        if isinstance(number, bool) or not isinstance(number, int):
            yield "[0]", scope.inside(count=Undetermined.HERE), False
            return
        for index in range(min(number, _MOST)):
            yield f"[{index}]", scope.inside(count={"index": index}), True
    elif for_each is not None:
        keys = scope.value(for_each.value)
        if isinstance(keys, Undetermined) or not all(isinstance(each, str) for each in keys or ()):
            yield "", scope.inside(each=Undetermined.HERE), False
            return
        for key in list(dict.fromkeys(keys or ()))[:_MOST]:
            value = keys[key] if isinstance(keys, Mapping) else key
            yield f'["{key}"]', scope.inside(each={"key": key, "value": value}), True
    else:
        yield "", scope, True


def _created(resource: Declaration, address: str, prefix: str, scope: ModuleScope, *, certain: bool) -> CreatedResource:
    attributes = {name: each for name, each in resource.attributes.items() if name not in _META}
    body = Body(attributes, tuple(block for _, block in resource.blocks if block.type not in _META_BLOCKS))
    values = _body(body, scope)
    known, unknown = known_part(values)
    change = ResourceChange(
        address=address,
        type=resource.labels[0],
        name=resource.labels[1],
        provider="",
        mode="managed",
        action=Action.CREATE,
        after=known,
        after_unknown={**(unknown or {}), "id": True},
        module_address=prefix,
    )
    return CreatedResource(change, certain and is_determined(values))


def _body(body: Body, scope: ModuleScope) -> dict[str, Any]:
    """Return the values of a block. Each type of nested blocks is a list, as in a plan."""
    found: dict[str, Any] = {name: scope.value(each.value) for name, each in body.attributes.items()}
    nested: dict[str, list[Any]] = {}
    for block in body.blocks:
        name, made = _nested(block, scope)
        if isinstance(made, Undetermined) or isinstance(found.get(name), Undetermined):
            found[name] = Undetermined.HERE
        else:
            nested.setdefault(name, []).extend(made)
    return {**nested, **found}


def _nested(block: Block, scope: ModuleScope) -> tuple[str, Sequence[Any] | Undetermined]:
    if block.type != "dynamic" or len(block.labels) != 1:
        return block.type, [_body(block.body, scope)]
    name = block.labels[0]
    contents = [each for each in block.body.blocks if each.type == "content"]
    for_each, iterator = (block.body.attributes.get(each) for each in ("for_each", "iterator"))
    items = scope.value(for_each.value) if for_each is not None else Undetermined.HERE
    if isinstance(items, Undetermined) or len(contents) != 1 or iterator is not None:
        return name, Undetermined.HERE
    pairs = items.items() if isinstance(items, Mapping) else enumerate(items or ())
    made = [scope.inside(**{name: {"key": key, "value": value}}) for key, value in pairs]
    return name, [_body(contents[0].body, inner) for inner in made]
