"""Parses a CloudFormation template and resolves its values as far as parameters, mappings and conditions allow.

AWS is not called. A value that depends on another resource stays a reference; an unknown one is ``UNRESOLVED``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.guard.rules.cloudformation.schema import CfnLintMissingError, parse_template_text

UNRESOLVED = "\0unknown"
"""Placeholder for a value that is known only when the stack is updated; it equals nothing, not even itself."""

_NOTHING = "\0nothing"
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")
_DYNAMIC = "{{resolve:"


class TemplateError(Exception):
    """The text is not a valid template. The message is the reason and quotes nothing of the template."""


@dataclass(frozen=True, slots=True)
class StackTemplate:
    """A template with the values of its parameters.

    Attributes:
        body: the parsed template, with ``{"Ref": "x"}`` for ``!Ref x``.
        parameters: name -> value; ``UNRESOLVED`` if only AWS knows it.
    """

    body: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, given: Mapping[str, Any]) -> StackTemplate:
        """Parse a template in JSON or YAML.

        Args:
            text: the template.
            given: the parameters that the stack sets; the others have their defaults.

        Raises:
            TemplateError: it is not a template.
            CfnLintMissingError: it is YAML, and cfn-lint is not installed.
        """
        body = _parse(text)
        return cls(body, dict(_parameters(body, given)))

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the unresolved resources by logical id."""
        return {name: each for name, each in self.body["Resources"].items() if isinstance(each, Mapping)}

    def exists(self, name: str) -> Any:
        """Return whether the condition of a resource is met: true, false, or the condition as far as it is resolved."""
        condition = self.resources[name].get("Condition")
        return True if condition is None else self._condition(condition, frozenset())

    def value(self, node: Any) -> Any:
        """Return a value, resolved."""
        return self._value(node, frozenset())

    def _value(self, node: Any, seen: frozenset[str]) -> Any:
        if isinstance(node, list):
            return [each for each in (self._value(item, seen) for item in node) if each != _NOTHING]
        if not isinstance(node, Mapping):
            return str(node).lower() if isinstance(node, bool) else str(node)  # CloudFormation treats "5" as 5
        if len(node) == 1:
            ((key, inner),) = node.items()
            if key in _FUNCTIONS:
                return _FUNCTIONS[key](self, inner, seen)
        resolved = {key: self._value(item, seen) for key, item in node.items()}
        return {key: each for key, each in resolved.items() if each != _NOTHING}

    def _ref(self, name: Any, seen: frozenset[str]) -> Any:
        del seen
        if name == "AWS::NoValue":
            return _NOTHING
        return self.parameters.get(str(name), {"Ref": name})

    def _getatt(self, what: Any, seen: frozenset[str]) -> Any:
        parts = what.split(".", 1) if isinstance(what, str) else what
        return {"Fn::GetAtt": self._value(parts, seen)}

    def _if(self, parts: Any, seen: frozenset[str]) -> Any:
        if not isinstance(parts, list) or len(parts) != 3:
            return UNRESOLVED
        truth = self._condition(parts[0], seen)
        if isinstance(truth, bool):
            return self._value(parts[1 if truth else 2], seen)
        return {"Fn::If": [truth, self._value(parts[1], seen), self._value(parts[2], seen)]}

    def _map(self, parts: Any, seen: frozenset[str]) -> Any:
        keys = self._value(parts, seen)
        mapping: Any = self.body.get("Mappings", {})
        for key in keys[:3] if isinstance(keys, list) else [None]:
            if not isinstance(key, str) or not isinstance(mapping, Mapping) or key not in mapping:
                return {"Fn::FindInMap": [keys, self._value(mapping, seen)]}
            mapping = mapping[key]
        return self._value(mapping, seen)

    def _sub(self, what: Any, seen: frozenset[str]) -> Any:
        text, more = what if isinstance(what, list) and len(what) == 2 else (what, {})
        known = {**self.parameters, **(self._value(more, seen) if isinstance(more, Mapping) else {})}
        left: list[Any] = []

        def fill(found: re.Match[str]) -> str:
            value = known.get(found[1])
            if isinstance(value, str) and value != UNRESOLVED:
                return value
            left.append(
                self._getatt(found[1], seen) if "." in found[1] and value is None else value or {"Ref": found[1]}
            )
            return found[0]

        filled = _VARIABLE.sub(fill, str(text))
        return {"Fn::Sub": [filled, left]} if left else filled

    def _join(self, what: Any, seen: frozenset[str]) -> Any:
        parts = self._value(what, seen)
        items = parts[1] if isinstance(parts, list) and len(parts) == 2 else None
        if isinstance(items, list) and all(isinstance(each, str) and each != UNRESOLVED for each in items):
            return str(parts[0]).join(items)
        return {"Fn::Join": parts}

    def _condition(self, what: Any, seen: frozenset[str]) -> Any:
        """Return true, false, or the condition as far as it can be resolved."""
        if isinstance(what, str):
            defined = self.body.get("Conditions", {})
            if what in seen or what not in defined:
                return UNRESOLVED
            return self._condition(defined[what], seen | {what})
        if not isinstance(what, Mapping) or len(what) != 1:
            return UNRESOLVED
        ((key, inner),) = what.items()
        if key == "Condition":
            return self._condition(inner, seen)
        if key == "Fn::Equals" and isinstance(inner, list) and len(inner) == 2:
            return _equal(self._value(inner[0], seen), self._value(inner[1], seen))
        parts = [self._condition(each, seen) for each in inner] if isinstance(inner, list) else [UNRESOLVED]
        return _connected(key, parts)


_FUNCTIONS = {
    "Ref": StackTemplate._ref,  # noqa: SLF001 - a table of the class's functions
    "Fn::GetAtt": StackTemplate._getatt,  # noqa: SLF001
    "Fn::If": StackTemplate._if,  # noqa: SLF001
    "Fn::FindInMap": StackTemplate._map,  # noqa: SLF001
    "Fn::Sub": StackTemplate._sub,  # noqa: SLF001
    "Fn::Join": StackTemplate._join,  # noqa: SLF001
}


def _equal(left: Any, right: Any) -> Any:
    if unknown_in([left, right]):
        return UNRESOLVED
    if left == right:
        return True
    return False if isinstance(left, str) and isinstance(right, str) else {"Fn::Equals": [left, right]}


def _connected(key: str, parts: list[Any]) -> Any:
    if key == "Fn::Not" and len(parts) == 1:
        return not parts[0] if isinstance(parts[0], bool) else {key: parts}
    if key == "Fn::And":
        return False if False in parts else True if all(each is True for each in parts) else {key: parts}
    if key == "Fn::Or":
        return True if True in parts else False if all(each is False for each in parts) else {key: parts}
    return UNRESOLVED


def unknown_in(value: Any) -> bool:
    """Return whether a resolved value contains a part that is unknown before the update."""
    if isinstance(value, Mapping):
        return any(unknown_in(each) for each in value.values())
    if isinstance(value, list):
        return any(unknown_in(each) for each in value)
    return isinstance(value, str) and value == UNRESOLVED


def looked_up_in(value: Any) -> bool:
    """Return whether a value has a dynamic reference, ``{{resolve:…}}``: AWS looks it up when it updates a resource."""
    return _DYNAMIC in json.dumps(value)


def references_in(value: Any) -> Iterator[str]:
    """Yield the logical ids that a value depends on."""
    if isinstance(value, Mapping):
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        found = value.get("Fn::GetAtt")
        if isinstance(found, list) and found:
            yield str(found[0])
        for each in value.values():
            yield from references_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from references_in(each)


def _parse(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text, object_pairs_hook=_once) if text.lstrip()[:1] == "{" else parse_template_text(text)
    except (TemplateError, CfnLintMissingError):
        raise
    except Exception as error:  # each parser raises its own types; all of them mean that it is not a template
        raise TemplateError("it is neither JSON nor YAML") from error
    if not isinstance(body, Mapping) or not isinstance(body.get("Resources"), Mapping):
        raise TemplateError("it has no Resources")
    resources = body["Resources"].items()
    if not all(isinstance(each, Mapping) or str(name).startswith("Fn::") for name, each in resources):
        raise TemplateError("an entry of Resources is not a resource")
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise TemplateError("a key is repeated")
    return found


def _parameters(body: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    declared = body.get("Parameters")
    for name, entry in declared.items() if isinstance(declared, Mapping) else ():
        kind = str(entry.get("Type", "")) if isinstance(entry, Mapping) else ""
        if kind.startswith("AWS::SSM::Parameter::Value"):
            yield name, UNRESOLVED  # AWS looks it up at each update
            continue
        value = given.get(name, entry.get("Default") if isinstance(entry, Mapping) else None)
        if value is None:
            yield name, UNRESOLVED
        elif kind in {"CommaDelimitedList"} or kind.startswith("List<"):
            yield name, [each.strip() for each in str(value).split(",")]
        else:
            yield name, str(value).lower() if isinstance(value, bool) else str(value)
