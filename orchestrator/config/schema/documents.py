"""The JSON Schema of each kind of file in ``live/``, with the stacks and inputs of this repository."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.config.schema.model_schema import model_schema
from orchestrator.config.schema.models import (
    AccountModel,
    ArchiveModel,
    OrchModel,
    ProviderModel,
    StackModel,
    StageModel,
)
from orchestrator.config.schema.type_schema import Schema

DRAFT = "http://json-schema.org/draft-07/schema#"


def _document(title: str, schema: Schema) -> Schema:
    return {"$schema": DRAFT, "title": title, **schema}


def _with(schema: Schema, key: str, values: Schema) -> Schema:
    """Return the schema with other values for one key. The description of the key stays."""
    kept = {name: schema["properties"][key][name] for name in ("description",) if name in schema["properties"][key]}
    return {**schema, "properties": {**schema["properties"], key: {**kept, **values}}}


def orch_schema() -> Schema:
    """Return the schema of ``live/orch.yaml``."""
    values: Schema = {"anyOf": [{"type": "string"}, model_schema(ProviderModel)]}
    providers: Schema = {"type": "object", "additionalProperties": values}
    return _document("orch: settings", _with(model_schema(OrchModel), "providers", providers))


def account_schema(stacks: Iterable[str]) -> Schema:
    """Return the schema of ``live/accounts/NAME.yaml``.

    Args:
        stacks: names of all stacks.
    """
    return _document("orch: an AWS account", _with(model_schema(AccountModel), "stacks", _entries(stacks)))


def stage_schema(stacks: Iterable[str]) -> Schema:
    """Return the schema of ``live/stages/NAME.yaml``.

    Args:
        stacks: names of all stacks.
    """
    title = "orch: a stage"
    return _document(title, _with(model_schema(StageModel), "stacks", _entries(stacks)))


def _entries(stacks: Iterable[str]) -> Schema:
    """Return the schema of ``stacks``: known stacks only, each with the inputs of its module."""
    properties = {name: _entry(name) for name in stacks}
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _entry(name: str) -> Schema:
    # An entry with its own module has other inputs than the module of the stack file.
    entry: Schema = {
        "type": "object",
        "if": {"required": ["module"]},
        "then": {"$ref": "stack.json"},
        "else": {"$ref": f"stacks/{name}.json"},
    }
    return {"anyOf": [{"type": "null"}, {"const": False}, entry]}


def stack_schema(inputs: Schema | None = None, *, module: str | None = None) -> Schema:
    """Return the schema of ``live/stacks/NAME.yaml`` and of an entry for that stack.

    Args:
        inputs: the schema of ``inputs``; None when the module is not in this repository.
        module: name of the module, for the title.
    """
    title = f"orch: a stack that uses module {module}" if module else "orch: a stack"
    values: Schema = {"anyOf": [{"type": ["string", "null"]}, model_schema(ArchiveModel)]}
    archives: Schema = {"type": ["object", "null"], "additionalProperties": values}
    schema = _with(model_schema(StackModel), "archives", archives)
    return _document(title, _with(schema, "inputs", inputs) if inputs else schema)
