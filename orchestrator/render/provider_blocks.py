"""Renders the provider blocks of providers other than aws, in Terraform's JSON syntax.

In that syntax Terraform itself decides by the provider's schema whether a map is a block or an argument, so orch need
not know any provider. Each value is in ``providers.json``; the blocks refer to it, to upstream values and to secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.config.catalogue import ProviderArguments, Unit
from orchestrator.config.nodes import Node
from orchestrator.render.expressions import expression_of, node_data

_DATA = "local.providers"


def provider_files(unit: Unit) -> dict[str, str]:
    """Return the files with the provider configurations of a unit: name -> text."""
    data = {each.key: {name: node_data(node) for name, node in each.arguments.items()} for each in unit.configured}
    blocks: dict[str, list[dict[str, Any]]] = {}
    for config in sorted(unit.configured, key=lambda each: each.key):
        blocks.setdefault(config.name, []).append(_block(config, unit))
    read = '${jsondecode(file("${path.module}/providers.json"))}'
    document = {"locals": {"providers": read}, "provider": blocks}
    return {"providers.json": _json(data), "providers.tf.json": _json(document)}


def _block(config: ProviderArguments, unit: Unit) -> dict[str, Any]:
    alias = {"alias": config.alias} if config.alias else {}
    return alias | {name: _value(node, (config.key, name), unit) for name, node in config.arguments.items()}


def _value(node: Node, path: tuple[str | int, ...], unit: Unit) -> Any:
    """Return the JSON of a value. Maps and lists keep their shape, because they may be blocks."""
    value = node.value
    if isinstance(value, Mapping):
        return {key: _value(item, (*path, key), unit) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_value(item, (*path, number), unit) for number, item in enumerate(value)]
    return f"${{{expression_of(node, _DATA, path, unit)}}}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
