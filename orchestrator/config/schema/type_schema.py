"""Makes JSON Schemas (draft 7, which editors support) of module variables and Terraform types."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeAlias

from orchestrator.config.catalogue import NAME_VARIABLES
from orchestrator.config.naming import asks_for_names
from orchestrator.hcl.modules.interface import Variable
from orchestrator.hcl.modules.types import Collection, ObjectType, Primitive, TupleType, Type, parse_type

Schema: TypeAlias = dict[str, Any]

REFERENCE_PATTERN = r"^\$\{\{[^{}]*\}\}$"
"""A value that is one reference. A reference inside text is text anyway."""


def reference() -> Schema:
    """Return the schema of a value that is one reference."""
    return {"type": "string", "pattern": REFERENCE_PATTERN}


def or_reference(schema: Schema) -> Schema:
    """Return a schema that allows a reference in place of the value."""
    return {"anyOf": [schema, reference()]}


def type_schema(wanted: Type, *, whole: bool = False) -> Schema:
    """Return the schema of a Terraform type. References and ``null`` are allowed for every value.

    Args:
        wanted: the type constraint.
        whole: the value is written in one place, like an element of a list, so the schema can require attributes.
            Maps are merged over several files, so one file can leave out what another one has.
    """
    if isinstance(wanted, Primitive):
        return _primitive(wanted)
    if isinstance(wanted, Collection):
        return or_reference(_collection(wanted, whole=whole))
    if isinstance(wanted, TupleType):
        return or_reference(_tuple(wanted))
    return or_reference(_object(wanted, whole=whole))


def _primitive(wanted: Primitive) -> Schema:
    match wanted.name:
        case "any":
            return {}
        case "string":
            return {"type": ["string", "null"]}
        case "bool":
            return or_reference({"type": ["boolean", "null"]})
        case _:
            return or_reference({"type": ["number", "null"]})


def _collection(wanted: Collection, *, whole: bool) -> Schema:
    if wanted.name == "map":
        return {"type": ["object", "null"], "additionalProperties": type_schema(wanted.element, whole=whole)}
    return {"type": ["array", "null"], "items": type_schema(wanted.element, whole=True)}


def _tuple(wanted: TupleType) -> Schema:
    items = [type_schema(each, whole=True) for each in wanted.items]
    schema: Schema = {"type": ["array", "null"], "minItems": len(items), "maxItems": len(items)}
    return {**schema, "items": items} if items else schema


def _object(wanted: ObjectType, *, whole: bool) -> Schema:
    properties: Schema = {}
    for attribute in wanted.attributes:
        schema = type_schema(attribute.type, whole=whole)
        if attribute.default is not None:
            schema["default"] = json.loads(attribute.default)
        properties[attribute.name] = schema
    found: Schema = {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
    required = [attribute.name for attribute in wanted.attributes if not attribute.optional]
    return {**found, "required": required} if whole and required else found


def inputs_schema(variables: Iterable[Variable]) -> Schema:
    """Return the schema of ``inputs`` for a module with these variables.

    Nothing is required, because a stage can set what the stack file leaves out.
    """
    properties = {each.name: {"description": _described(each), **_variable(each)} for each in variables}
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _variable(variable: Variable) -> Schema:
    return type_schema(parse_type(variable.type))


def _described(variable: Variable) -> str:
    if variable.has_default:
        needed = "Optional."
    else:
        or_names = ", or set by `names: true`" if variable.name in NAME_VARIABLES else ""
        needed = "Set by orch when left out." if asks_for_names(variable) else f"Required{or_names}."
    text = variable.description.strip()
    return f"{text}\n\nType: {variable.type}. {needed}".strip()
