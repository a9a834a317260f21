"""JSON Schemas of the files of ``live/``: those of the models, and what only the catalogue knows: stacks and inputs."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.config.schema.model_schema import model_schema
from orchestrator.config.schema.models import AccountModel, OrchModel, ProviderModel, StackModel, StageModel
from orchestrator.config.schema.type_schema import Schema

DRAFT = "http://json-schema.org/draft-07/schema#"


def _document(title: str, schema: Schema) -> Schema:
    return {"$schema": DRAFT, "title": title, **schema}


def _with(schema: Schema, key: str, values: Schema) -> Schema:
    """The schema with other values for one of its keys, whose description stays."""
    kept = {name: schema["properties"][key][name] for name in ("description",) if name in schema["properties"][key]}
    return {**schema, "properties": {**schema["properties"], key: {**kept, **values}}}


def orch_schema() -> Schema:
    """The schema of ``live/orch.yaml``."""
    values: Schema = {"anyOf": [{"type": "string"}, model_schema(ProviderModel)]}
    providers: Schema = {"type": "object", "additionalProperties": values}
    return _document("orch: the catalogue's settings", _with(model_schema(OrchModel), "providers", providers))


def account_schema(stacks: Iterable[str]) -> Schema:
    """The schema of ``live/accounts/NAME.yaml``.

    Args:
        stacks: names of all stacks.
    """
    return _document("orch: an AWS account", _with(model_schema(AccountModel), "stacks", _entries(stacks)))


def stage_schema(stacks: Iterable[str]) -> Schema:
    """The schema of ``live/stages/NAME.yaml``.

    Args:
        stacks: names of all stacks.
    """
    title = "orch: a stage, one running copy of the platform"
    return _document(title, _with(model_schema(StageModel), "stacks", _entries(stacks)))


def _entries(stacks: Iterable[str]) -> Schema:
    """``stacks`` of an account or a stage: known stacks only, each with the inputs of its module."""
    properties = {name: _entry(name) for name in stacks}
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _entry(name: str) -> Schema:
    # An entry that names another module has other inputs than the stack file's module has.
    entry: Schema = {
        "type": "object",
        "if": {"required": ["module"]},
        "then": {"$ref": "stack.json"},
        "else": {"$ref": f"stacks/{name}.json"},
    }
    return {"anyOf": [{"type": "null"}, {"const": False}, entry]}


def stack_schema(inputs: Schema | None = None, *, module: str | None = None) -> Schema:
    """The schema of ``live/stacks/NAME.yaml``, and of a stage's entry for that stack.

    Args:
        inputs: the schema of ``inputs``; None when the module is not known here.
        module: the module's name, for the title.
    """
    title = f"orch: a stack of the module {module}" if module else "orch: a stack"
    schema = model_schema(StackModel)
    return _document(title, _with(schema, "inputs", inputs) if inputs else schema)
