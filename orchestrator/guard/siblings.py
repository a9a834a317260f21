"""Tells changes outside Terraform from those that the other resources of the same unit have made.

An apply creates a bucket before its lifecycle rules. So the state has the bucket without rules, and the next refresh
shows them in the computed attribute ``lifecycle_rule``, as if somebody had added them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.guard.plan.reader import PlanDocument
from orchestrator.guard.sibling_attributes import (
    COUNTED_BY_AWS,
    ELEMENTS_OF_SIBLINGS,
    SET_BY_SIBLINGS,
    Elements,
    ElementSource,
)
from orchestrator.terraform.model import Action, ResourceChange

_IDENTIFIERS = ("id", "arn", "name", "url", "bucket", "identifier")
_PORTS_OF_ALL = ("-1", "all")
_RULE_TARGETS = (
    *("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups"),
    *("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id", "source_security_group_id"),
)
"""Where a rule leads: members of a rule in a security group, then attributes of a rule that is a resource."""

SIBLING_TYPES = frozenset(
    {each for attributes in SET_BY_SIBLINGS.values() for types in attributes.values() for each in types}
    | {
        source.type
        for attributes in ELEMENTS_OF_SIBLINGS.values()
        for elements in attributes.values()
        for source in elements.sources
    }
)
"""Types whose values must be read, also if they do not change."""


def without_siblings_changes(changes: Iterable[ResourceChange], document: PlanDocument) -> Iterator[ResourceChange]:
    """Yield the changes outside Terraform, with the current values for what the unit's own resources have set.

    Args:
        changes: what a refresh found.
        document: the plan, with the current values of ``SIBLING_TYPES``. Terraform has left out what is gone.
    """
    siblings: dict[str, list[Mapping[str, Any]]] = {}
    for kind, values in document.current:
        siblings.setdefault(kind, []).append(values)
    for change in changes:
        yield _own_changes(change, siblings)


def _own_changes(change: ResourceChange, siblings: Mapping[str, list[Mapping[str, Any]]]) -> ResourceChange:
    before, after = change.before, change.after
    if change.action is not Action.UPDATE or before is None or after is None:
        return change
    names = {text for key in _IDENTIFIERS if isinstance(text := before.get(key), str) and text}

    def of(type_: str) -> list[Mapping[str, Any]]:
        return [each for each in siblings.get(type_, ()) if each is not before and names & set(_texts(each))]

    expected = set(COUNTED_BY_AWS.get(change.type, ()))
    for name, types in SET_BY_SIBLINGS.get(change.type, {}).items():
        expected |= {name} if any(of(each) for each in types) else set()
    for name, elements in ELEMENTS_OF_SIBLINGS.get(change.type, {}).items():
        changed = _changed(elements, before.get(name), after.get(name))
        set_by = {label for source in elements.sources for each in of(source.type) for label in _set(source, each)}
        expected |= {name} if changed and changed <= set_by else set()
    kept = {name: before[name] for name in expected & before.keys()}
    return replace(change, after={**{key: each for key, each in after.items() if key not in expected}, **kept})


def _texts(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a resource, also those in lists."""
    for value in values.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                yield each


def _changed(elements: Elements, before: Any, after: Any) -> set[str]:
    """Return the labels of the elements that were added, removed or changed."""
    old, new = (dict(_labeled(elements, each)) for each in (before, after))
    return {label for label in old.keys() | new.keys() if old.get(label) != new.get(label)}


def _labeled(elements: Elements, value: Any) -> Iterator[tuple[str, Any]]:
    for each in value if isinstance(value, list) else []:
        if elements.rules:
            yield from ((label, True) for label in _rule_labels(each))
        elif not elements.members:
            yield str(each), each
        elif label := next((str(each[name]) for name in elements.members if each.get(name) not in (None, "")), ""):
            yield label, each


def _set(source: ElementSource, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the labels of the elements that a resource sets."""
    if source.only is not None and any(values.get(key) != each for key, each in source.only.items()):
        return
    if not source.names:
        yield from _rule_labels(values)
    for name in source.names:
        value = values.get(name)
        yield from (str(each) for each in (value if isinstance(value, list) else [value]) if each not in (None, ""))


def _rule_labels(rule: Mapping[str, Any]) -> Iterator[str]:
    """Yield a label for each source or destination of a rule: of a security group, or a resource of its own."""
    protocol = str(rule.get("protocol", rule.get("ip_protocol")))
    ports = "all" if protocol in _PORTS_OF_ALL else f"{rule.get('from_port')}-{rule.get('to_port')}"
    own = rule.get("security_group_id")
    targets = [each for name in _RULE_TARGETS for each in _listed(rule.get(name))]
    targets += ["self"] if rule.get("self") else []
    yield from (f"{protocol} {ports} {'self' if each == own else each}" for each in targets)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value not in (None, "") else []
