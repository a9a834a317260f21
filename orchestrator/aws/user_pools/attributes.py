"""Attributes of a user pool as inputs of the module ``user_pool``.

DescribeUserPool returns every standard attribute, but Terraform only takes those that differ from what Cognito makes by
itself. Custom attributes are named ``custom:NAME``, or ``dev:custom:NAME`` if only developers can read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_TEXT = {"MinLength": "0", "MaxLength": "2048"}
_STANDARD: Mapping[str, Mapping[str, Any]] = {
    **{
        name: {"StringAttributeConstraints": _TEXT}
        for name in (
            "address", "email", "family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname",
            "phone_number", "picture", "preferred_username", "profile", "website", "zoneinfo",
        )
    },
    "birthdate": {"StringAttributeConstraints": {"MinLength": "10", "MaxLength": "10"}},
    "email_verified": {"AttributeDataType": "Boolean"},
    "identities": {"StringAttributeConstraints": {}},
    "phone_number_verified": {"AttributeDataType": "Boolean"},
    "sub": {
        "Mutable": False,
        "Required": True,
        "StringAttributeConstraints": {"MinLength": "1", "MaxLength": "2048"},
    },
    "updated_at": {"AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "0"}},
}  # fmt: skip
"""The standard attributes as Cognito makes them, where they differ from an optional, mutable text.

Source: Amazon Cognito Developer Guide, "Working with user attributes"; ``identities`` comes with an identity provider.
"""

_USUAL = {"AttributeDataType": "String", "DeveloperOnlyAttribute": False, "Mutable": True, "Required": False}
_LIMITS = {"string": ("StringAttributeConstraints", "Length"), "number": ("NumberAttributeConstraints", "Value")}


def custom_attributes(schema: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the input ``attributes``: name -> settings that differ from the module's defaults.

    Args:
        schema: ``SchemaAttributes`` of DescribeUserPool.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in schema:
        prefix, colon, name = each["Name"].rpartition(":")
        if colon and prefix in {"custom", "dev:custom", "dev"}:
            developer = {"developer_only": True} if each.get("DeveloperOnlyAttribute") else {}
            found[name] = {**_attribute(each), **developer}
    return found


def standard_attributes(schema: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the input ``standard_attributes``: those that are not as Cognito makes them by itself."""
    found: dict[str, dict[str, Any]] = {}
    for each in schema:
        name = each["Name"]
        if ":" not in name and not _is_untouched(each):
            required = {"required": True} if each.get("Required") else {}
            found[name] = {**_attribute(each), **required}
    return found


def _is_untouched(attribute: Mapping[str, Any]) -> bool:
    usual = _STANDARD.get(attribute["Name"])
    if usual is None:
        return False
    found = {key: value for key, value in attribute.items() if value is not None and key != "Name"}
    return {**_USUAL, **found} == {**_USUAL, **usual}


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    type_ = attribute.get("AttributeDataType", "String").lower()
    result: dict[str, Any] = {} if type_ == "string" else {"type": type_}
    result |= _limits(attribute, type_)
    if not attribute.get("Mutable", True):
        result["mutable"] = False
    return result


def _limits(attribute: Mapping[str, Any], type_: str) -> dict[str, Any]:
    if type_ not in _LIMITS:
        return {}
    key, suffix = _LIMITS[type_]
    limits = attribute.get(key)
    if limits is None:
        return {"limits": "none"}
    if limits == _TEXT:
        return {}
    keys = {"min": f"Min{suffix}", "max": f"Max{suffix}"}
    found: dict[str, Any] = {name: _number(limits[key]) for name, key in keys.items() if limits.get(key)}
    complete = len(found) == len(keys) if type_ == "string" else bool(found)
    return found if complete else {**found, "limits": "given"}


def _number(text: str) -> int | float:
    """Return a limit, which Cognito keeps as text, as a number."""
    try:
        return int(text)
    except ValueError:
        return float(text)
