"""Terraform's type constraints and the values that fit them: the door to ``module_types`` and ``module_values``."""

from orchestrator.catalogue.module_values import check_input, check_value
from orchestrator.hcl.modules.types import (
    Collection,
    ObjectAttribute,
    ObjectType,
    Primitive,
    TupleType,
    Type,
    TypeTextError,
    parse_type,
)

__all__ = [
    "Collection",
    "ObjectAttribute",
    "ObjectType",
    "Primitive",
    "TupleType",
    "Type",
    "TypeTextError",
    "check_input",
    "check_value",
    "parse_type",
]
