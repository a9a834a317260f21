"""Tells what the macros of a CloudFormation template can make, as far as AWS documents them.

Sources: AWS SAM Developer Guide, "Generated CloudFormation resources"; CloudFormation Template Reference,
"AWS::LanguageExtensions transform".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_LANGUAGE = "AWS::LanguageExtensions"
_SERVERLESS = "AWS::Serverless-2016-10-31"
_LOOP = "Fn::ForEach"
_MACRO = "Fn::Transform"
_LITERAL = ("DeletionPolicy", "UpdateReplacePolicy", "Type", "Condition")
"""Attributes of a resource that are text without the language extensions."""

_MADE: Mapping[str, tuple[str, ...]] = {
    "AWS::Serverless::Api": (),
    "AWS::Serverless::Application": ("AWS::CloudFormation::Stack",),
    "AWS::Serverless::Connector": (),
    "AWS::Serverless::Function": (),
    "AWS::Serverless::GraphQLApi": (),
    "AWS::Serverless::HttpApi": (),
    "AWS::Serverless::LayerVersion": (),
    "AWS::Serverless::SimpleTable": ("AWS::DynamoDB::Table",),
    "AWS::Serverless::StateMachine": (),
}
"""Types of AWS SAM -> what they make that may hold something. All make roles, rules, permissions and the like, too."""

_MADE_BY_KEYS: Mapping[str, str] = {
    "DeadLetterConfig": "AWS::SQS::Queue",
    "DestinationConfig": "AWS::SQS::Queue",
    "SqsSubscription": "AWS::SQS::Queue",
    "UsagePlan": "AWS::ApiGateway::ApiKey",
}
"""Keys in a template of AWS SAM, also in its ``Globals``, that can make such a resource."""


def has_macros(body: Mapping[str, Any]) -> bool:
    """Return whether a macro transforms a template into one that is unknown here.

    The language extensions alone do not, as long as the template has no loop, and names its resources as text: their
    other functions only compute values.
    """
    keys = list(_keys(body))
    if any(key.startswith((_LOOP, _MACRO)) for key in keys):
        return True
    transforms = _transforms(body)
    return bool(transforms) and (transforms != [_LANGUAGE] or _computes_names(body))


def hidden_types(body: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the types of the resources that macros make, beside those that the template names; None if unknown."""
    transforms = _transforms(body)
    if not all(each in (_LANGUAGE, _SERVERLESS) for each in transforms) or _MACRO in _keys(body):
        return None
    named = [each for name, each in body["Resources"].items() if not str(name).startswith(_LOOP)]
    repeated = list(_in_loops(body["Resources"], 0))
    types = [_type(each) for each in named]
    looped = [_type(each) for each in repeated]
    serverless = {each for each in (*types, *looped) if each and each.startswith("AWS::Serverless::")}
    if None in (*types, *looped) or not serverless <= _MADE.keys():
        return None
    by_keys: set[str] = set()
    if serverless:
        keys = set(_keys(body))
        any_key = any(map(_is_computed_key, _keys([*named, *repeated, body.get("Globals")])))
        by_keys = {made for key, made in _MADE_BY_KEYS.items() if any_key or key in keys}
    made = {made for each in serverless for made in _MADE[each]}
    return frozenset({each for each in looped if each} | by_keys | made)


def _is_computed_key(key: str) -> bool:
    """Return whether a loop makes keys from this one: they can be any."""
    return key.startswith(_LOOP) or "${" in key or "&{" in key


def _transforms(body: Mapping[str, Any]) -> list[Any]:
    found = body.get("Transform")
    return found if isinstance(found, list) else [found] if found else []


def _in_loops(resources: Mapping[str, Any], depth: int) -> Iterator[Any]:
    """Yield the resources that loops repeat; None for a loop that cannot be read."""
    for name, each in resources.items():
        if not str(name).startswith(_LOOP):
            if depth:
                yield each
            continue
        repeated = each[2] if isinstance(each, list) and len(each) == 3 else None
        if isinstance(repeated, Mapping) and depth < _DEEPEST:
            yield from _in_loops(repeated, depth + 1)
        else:
            yield None


def _type(resource: Any) -> str | None:
    """Return the type of a resource; None if it is computed."""
    kind = resource.get("Type") if isinstance(resource, Mapping) else None
    return kind if isinstance(kind, str) and "{" not in kind else None


_DEEPEST = 5
"""CloudFormation allows as many loops inside of each other."""


def _computes_names(body: Mapping[str, Any]) -> bool:
    """Return whether functions compute what is text without the language extensions."""
    return any(not isinstance(value, str) for each in body["Resources"].values() for value in _texts_of(each)) or any(
        _is_computed(key, value) for key, value in _members(body)
    )


def _texts_of(resource: Any) -> list[Any]:
    return [resource[key] for key in _LITERAL if key in resource] if isinstance(resource, Mapping) else [None]


def _is_computed(key: str, value: Any) -> bool:
    if key == "Ref":
        return not isinstance(value, str)
    return key == "Fn::GetAtt" and not isinstance(value[0] if isinstance(value, list) and value else value, str)


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key), each
            yield from _members(each)
    elif isinstance(value, list):
        for each in value:
            yield from _members(each)


def _keys(value: Any) -> Iterator[str]:
    return (key for key, _ in _members(value))
