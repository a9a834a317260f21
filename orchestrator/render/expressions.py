"""Values of a unit as data and as HCL expressions: data goes to JSON files, and expressions only refer to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.config.catalogue import Secret, Unit
from orchestrator.config.live.run_values import values_missing
from orchestrator.config.nodes import Node, Ref, SecretRef, Text, Unset
from orchestrator.render.hcl_text import hcl_index, hcl_quote

STORES = {
    "ssm": ("aws_ssm_parameter", "arn", "value"),
    "secretsmanager": ("aws_secretsmanager_secret_version", "secret_id", "secret_string"),
}
"""Store -> ephemeral resource of the AWS provider 5.100, its argument, the attribute with the value."""

Literal = Node | str | bool | Mapping[str, str] | tuple[str, ...]
"""Value of a module variable: a node of the configuration, or a value that orch provides."""


def node_data(node: Literal) -> Any:
    """Return a node as JSON data: a reference becomes null, text with references becomes the list of its parts.

    Raises:
        CatalogueError: a value of the run is missing.
    """
    if not isinstance(node, Node):
        return node
    value = node.value
    if isinstance(value, Ref | SecretRef):
        return None
    if isinstance(value, Unset):
        raise values_missing([value])
    if isinstance(value, Text):
        return [part if isinstance(part, str) else None for part in value.parts]
    if isinstance(value, Mapping):
        return {key: node_data(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [node_data(item) for item in value]
    return value


def expression_of(node: Literal, root: str, path: tuple[str | int, ...], unit: Unit | None = None) -> str:
    """Return the expression for a node.

    Args:
        node: the value.
        root: the local value that has the data of `node_data`, e.g. ``local.inputs``.
        path: where in it this node is.
        unit: the unit whose secrets the node can refer to; None: it has no such references.
    """
    if not isinstance(node, Node) or is_literal(node):
        return hcl_index(root, path)
    value = node.value
    if isinstance(value, Ref | SecretRef):
        return _reference(value, unit)
    if isinstance(value, Text):
        parts = (
            hcl_index(root, (*path, number)) if isinstance(part, str) else _reference(part, unit)
            for number, part in enumerate(value.parts)
        )
        return f'join("", [{", ".join(parts)}])'
    if isinstance(value, Mapping):
        pairs = (f"{hcl_quote(key)} = {expression_of(item, root, (*path, key), unit)}" for key, item in value.items())
        return "{ " + ", ".join(pairs) + " }"
    items = value if isinstance(value, tuple) else ()
    return "[" + ", ".join(expression_of(item, root, (*path, at), unit) for at, item in enumerate(items)) + "]"


def is_literal(node: Node) -> bool:
    """Return whether a node has no reference anywhere."""
    value = node.value
    if isinstance(value, Mapping):
        return all(is_literal(each) for each in value.values())
    if isinstance(value, tuple):
        return all(is_literal(each) for each in value)
    return not isinstance(value, Ref | SecretRef | Text)


def secret_value(secret: Secret) -> str:
    """Return the expression for the value of a secret."""
    kind, _, attribute = STORES[secret.store]
    return f"ephemeral.{kind}.secret_{secret.variable}.{attribute}"


def _reference(ref: Ref | SecretRef, unit: Unit | None) -> str:
    if isinstance(ref, Ref):
        return hcl_index("local.upstream", (ref.unit, ref.output, *ref.path))
    return next(secret_value(each) for each in (unit.secrets if unit is not None else ()) if each.variable == ref.name)
