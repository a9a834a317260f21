"""Makes JSON Schemas of the pydantic models of ``live/``.

pydantic can make schemas too, but they differ between its versions, and these are committed and compared.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, StringConstraints

from orchestrator.config.schema.type_schema import Schema

_SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}


def model_schema(model: type[BaseModel]) -> Schema:
    """Return the schema of a model: its keys with their descriptions, and no other key.

    Args:
        model: a model of strings, numbers, booleans, literals, lists, dictionaries, unions with None, and other models.

    Raises:
        TypeError: a field has another type.
    """
    hints = get_type_hints(model, include_extras=True)
    properties: Schema = {}
    for name, field in model.model_fields.items():
        schema = _schema(hints[name])
        if field.description:
            schema = {"description": field.description, **schema}
        if isinstance(field.default, str):
            schema["default"] = field.default
        properties[name] = schema
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    return {**found, "required": required} if required else found


def _schema(hint: Any) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or hint in _SCALARS:
        return {} if hint is Any else {"type": _SCALARS[hint]}
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return model_schema(hint)
    if origin is Annotated:
        return _constrained(arguments[0], arguments[1:])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {Union, types.UnionType}:
        return _union(arguments)
    return _container(hint, origin, arguments)


def _container(hint: Any, origin: Any, arguments: Sequence[Any]) -> Schema:
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        keys = {name: rule for name, rule in _schema(arguments[0]).items() if name != "type"}
        found: Schema = {"type": "object", "additionalProperties": _schema(arguments[1])}
        return {**found, "propertyNames": keys} if keys else found
    raise TypeError(f"no JSON Schema for {hint}")


def _constrained(base: Any, rules: Sequence[Any]) -> Schema:
    schema = _schema(base)
    for rule in rules:
        if isinstance(rule, StringConstraints):
            found = {"pattern": rule.pattern, "minLength": rule.min_length, "maxLength": rule.max_length}
            schema.update({name: value for name, value in found.items() if value is not None})
    return schema


def _union(members: Sequence[Any]) -> Schema:
    schemas = [_schema(each) for each in members if each is not type(None)]
    if len(schemas) == len(members):
        return {"anyOf": schemas}
    if len(schemas) == 1 and isinstance(schemas[0].get("type"), str):
        return {**schemas[0], "type": [schemas[0]["type"], "null"]}
    return {"anyOf": [*schemas, {"type": "null"}]}
