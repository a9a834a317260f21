"""JSON Schemas of the files of ``live/``: what each key means, for editors. The catalogue itself checks more."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.catalogue.schema_types import Schema, or_reference

DRAFT = "http://json-schema.org/draft-07/schema#"
_NAME = "^[a-z][a-z0-9-]{0,30}$"
_DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
_REGION = "^[a-z]{2}(-[a-z]+)+-[0-9]+$"
_ACCOUNT_ID = "^[0-9]{12}$"


def _text(description: str, pattern: str | None = None, *, null: bool = False) -> Schema:
    schema: Schema = {"description": description, "type": ["string", "null"] if null else "string"}
    return {**schema, "pattern": pattern} if pattern else schema


def _list(description: str, items: Schema) -> Schema:
    return {"description": description, "type": ["array", "null"], "items": items}


def _map(description: str, values: Schema) -> Schema:
    return {"description": description, "type": ["object", "null"], "additionalProperties": values}


def _closed(properties: Schema, description: str | None = None, required: Iterable[str] = ()) -> Schema:
    """An object that has these keys and no other."""
    schema: Schema = {"description": description} if description else {}
    schema |= {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": [*required]} if required else schema


def _document(title: str, schema: Schema) -> Schema:
    return {"$schema": DRAFT, "title": title, **schema}


_SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}


def _tags() -> Schema:
    return _map("Tags that every resource gets, from here and all that is below.", {"type": ["string", "null"]})


def _roles() -> Schema:
    return _closed(
        {
            "bootstrap": _text("Makes the state bucket and the two other roles.", null=True),
            "plan": _text("Reads; plans are made under it.", null=True),
            "apply": _text("Writes; applies run under it.", null=True),
        },
        "Names of the roles that orch assumes in an account.",
    )


def _state() -> Schema:
    return _closed(
        {"bucket": _text("Name of the state bucket; ${{ name }} and ${{ account_id }} may be in it.")},
        "Where Terraform's states are.",
    )


def _timeouts() -> Schema:
    return _closed(
        {
            "plan": _text("Time limit of one unit's plan: 10m.", _DURATION, null=True),
            "apply": _text("Time limit of one unit's apply: 60m.", _DURATION, null=True),
        },
        "After this long orch warns, and then asks Terraform to stop.",
    )


def _region(what: str) -> Schema:
    return _text(f"AWS region of {what}; the nearest one said wins.", _REGION, null=True)


def orch_schema() -> Schema:
    """The schema of ``live/orch.yaml``."""
    version: Schema = {"type": "string"}
    provider = _closed({"source": version, "version": version}, required=("source", "version"))
    return _document(
        "orch: the catalogue's settings",
        _closed(
            {
                "format": {"description": "Version of this file's format.", "const": 1},
                "name": _text("First part of every name in AWS. It never changes.", _NAME),
                "orch": _text('Versions of orch that may run this catalogue: "~=0.1".'),
                "region": _region("everything that says no other"),
                "terraform": _text('Versions of Terraform: ">=1.11,<2.0".'),
                "binary": {"description": "What runs the plans.", "enum": ["terraform", "tofu"]},
                "providers": _map(
                    "Providers that units may use: a version, or source and version.", {"anyOf": [version, provider]}
                ),
                "state": _state(),
                "roles": _roles(),
                "tags": _tags(),
                "timeouts": _timeouts(),
                "management": _text("Id of the account whose principals enter the others, in quotes.", _ACCOUNT_ID),
            },
            required=("format", "name", "region"),
        ),
    )


def account_schema(stacks: Iterable[str]) -> Schema:
    """The schema of ``live/accounts/NAME.yaml``.

    Args:
        stacks: names of all stacks.
    """
    return _document(
        "orch: an AWS account",
        _closed(
            {
                "id": _text("The account's 12 digits, in quotes.", _ACCOUNT_ID),
                "access": {
                    "description": "restricted: applying needs a clean tree and the stage's name typed.",
                    "enum": ["restricted", "open"],
                },
                "region": _region("the account"),
                "regions": _list("Regions allowed here; anything else is an error.", _text("A region.", _REGION)),
                "profile": _text("A named AWS profile that credentials start from.", null=True),
                "state": _state(),
                "roles": _roles(),
                "tags": _tags(),
                "stacks": _entries(stacks, "The account's own stacks, applied before its stages."),
            },
            required=("id",),
        ),
    )


def stage_schema(stacks: Iterable[str]) -> Schema:
    """The schema of ``live/stages/NAME.yaml``.

    Args:
        stacks: names of all stacks.
    """
    return _document(
        "orch: a stage, one running copy of the platform",
        _closed(
            {
                "account": _text("Name of the account that it runs in: the stem of a file in live/accounts.", _NAME),
                "extends": _text("A stage that this one is laid over.", _NAME, null=True),
                "region": _region("the stage"),
                "tags": _tags(),
                "expires": _text("The day after which it may be removed; never inherited.", null=True),
                "disposable": {
                    "description": "It may be destroyed without ceremony; never inherited.",
                    "type": ["boolean", "null"],
                },
                "stacks": _entries(stacks, "Which stacks it has, and what differs here; false: not in this stage."),
                "uses": _map(
                    "Units of other stages, by the name that stacks know them by; null: references to it are null.",
                    _text("STAGE/STACK, or STAGE/STACK@REGION.", null=True),
                ),
            }
        ),
    )


def _entries(stacks: Iterable[str], description: str) -> Schema:
    """``stacks`` of an account or a stage: known stacks only, each with the inputs of its module."""
    properties = {name: _entry(name) for name in stacks}
    return {
        "description": description,
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
    }


def _entry(name: str) -> Schema:
    # An entry that names another module has other inputs than the stack file's module has.
    entry = {
        "if": {"type": "object", "required": ["module"]},
        "then": {"$ref": "stack.json"},
        "else": {"$ref": f"stacks/{name}.json"},
    }
    return {"anyOf": [{"type": "null"}, {"const": False}, {"type": "object", **entry}]}


def stack_schema(inputs: Schema | None = None, *, module: str | None = None) -> Schema:
    """The schema of ``live/stacks/NAME.yaml``, and of a stage's entry for that stack.

    Args:
        inputs: the schema of ``inputs``; None when the module is not known here.
        module: the module's name, for the title.
    """
    anything: Schema = {"type": ["object", "null"]}
    return _document(
        f"orch: a stack of the module {module}" if module else "orch: a stack",
        _closed(
            {
                "module": _text("A folder of modules/, a registry address, or git::https://…", null=True),
                "version": _text("Version or git reference of a module that is not in this repository.", null=True),
                "region": _region("the stack"),
                "regions": _list("One unit in each of these regions.", _text("A region.", _REGION)),
                "depends_on": _list("Stacks that come first although no value is read from them.", {"type": "string"}),
                "inputs": {**(inputs or anything), "description": "Values of the module's variables."},
                "secrets": _map(
                    "Variables that Terraform itself reads from a store: orch never sees the value.",
                    _text("ssm:NAME or secretsmanager:ID.", "^(ssm|secretsmanager):.+", null=True),
                ),
                "archives": _map(
                    "Folders that orch zips; the variable gets the path of the zip.",
                    _text("A folder, relative to the repository.", null=True),
                ),
                "providers": _map(
                    "Further provider configurations of the module: aws.edge.",
                    _closed(
                        {
                            "region": or_reference(_region("this configuration")),
                            "account": _text("Name of an account.", null=True),
                        }
                    ),
                ),
                "imports": _map("Address inside of the module → id of what exists.", _SCALAR),
                "moved": _map("Old address inside of the module → new address.", {"type": ["string", "null"]}),
                "named": _text("The stack's old name, which names in AWS keep.", _NAME, null=True),
                "timeouts": _timeouts(),
            }
        ),
    )
