"""The only module that imports cfn-lint: it parses YAML templates and knows which property changes replace a resource.

cfn-lint is an optional dependency, ``orch[cloudformation]``. Its import takes half a second, so it is imported only
when a CloudFormation stack changes.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class CfnLintMissingError(Exception):
    """cfn-lint is not installed, so a CloudFormation stack cannot be judged."""


def parse_template_text(text: str) -> Any:
    """Parse a YAML template, with the short forms of functions: ``!Ref x`` becomes ``{"Ref": "x"}``.

    Raises:
        CfnLintMissingError: cfn-lint is not installed.
        Exception: the text is not YAML; cfn-lint raises many types.
    """
    return _import("cfnlint.decode.cfn_yaml").loads(text)


def replacing_properties(kind: str, region: str) -> tuple[str, ...] | None:
    """Return pointers (``A/B``, ``A/*/B``) to the properties of a type whose change replaces the resource.

    Args:
        kind: CloudFormation's type.
        region: the stack's region; schemas differ by region.

    Returns:
        The pointers; None if cfn-lint has no schema of the type.

    Raises:
        CfnLintMissingError: cfn-lint is not installed.
    """
    schemas = _import("cfnlint.schema")
    for each in (region, "us-east-1"):
        try:
            schema = schemas.PROVIDER_SCHEMA_MANAGER.get_resource_schema(each, kind).schema
        except (schemas.ResourceNotFoundError, KeyError, ValueError):
            continue
        pointers = [*schema.get("createOnlyProperties", ()), *schema.get("conditionalCreateOnlyProperties", ())]
        return tuple(pointer.removeprefix("/properties/") for pointer in pointers)
    return None


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise CfnLintMissingError("cfn-lint is not installed") from error
