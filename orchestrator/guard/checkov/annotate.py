"""A plan as checkov shall see it: every change in ``planned_values``, also what goes, each with orch's marks.

Only what changes is in it: a policy objects to changes, and what stays as it is cannot be objected to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.guard.checkov.marks import change_attributes
from orchestrator.guard.plan.reader import PlanDocument
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import Action, ResourceChange

UNKNOWN_TEXT = "true_after_unknown"
"""checkov's own word for a value that is known only after the apply."""


def label(change: ResourceChange) -> str:
    """The address as findings show it; a deposed object shares its address with the live one, so its key is added."""
    return f"{change.address} (deposed {change.deposed})" if change.deposed else change.address


def changed_resources(document: PlanDocument) -> tuple[ResourceChange, ...]:
    """What a plan changes: everything but no-ops and reads."""
    return tuple(each for each in document.changes if each.action not in {Action.NOOP, Action.READ})


def annotated_resources(document: PlanDocument, protected: Protected) -> Iterator[dict[str, Any]]:
    """Entries for ``planned_values.root_module.resources``, one for each change, made as they are asked for.

    A resource that goes has the values that it has now. Modules are flattened: the address says where it is.
    """
    for change in changed_resources(document):
        yield {
            "address": label(change),
            "mode": "managed",
            "type": change.type,
            "name": change.name or "unnamed",
            "values": {**_values(change), **change_attributes(change, protected)},
        }


def plan_of(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A whole plan around such entries, as checkov reads one from a file."""
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {"resources": resources}},
    }


def _values(change: ResourceChange) -> Mapping[str, Any]:
    if change.after is None:
        return dict(change.before or {})
    known = dict(change.after)
    unknown = change.after_unknown
    return {**known, **_filled(known, unknown)} if isinstance(unknown, Mapping) else known


def _filled(after: Mapping[str, Any], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that are not wholly known, with checkov's word where the value will be."""
    return {key: _fill(after.get(key), each) for key, each in unknown.items() if _has_unknown(each)}


def _fill(after: Any, unknown: Any) -> Any:
    if unknown is True:
        return UNKNOWN_TEXT
    if isinstance(unknown, Mapping):
        base = after if isinstance(after, Mapping) else {}
        return {**base, **_filled(base, unknown)}
    if isinstance(unknown, list) and isinstance(after, list):
        pairs = zip(after, [*unknown, *[False] * (len(after) - len(unknown))], strict=False)
        return [_fill(value, mark) if _has_unknown(mark) else value for value, mark in pairs]
    return after


def _has_unknown(unknown: Any) -> bool:
    if isinstance(unknown, Mapping):
        return any(_has_unknown(each) for each in unknown.values())
    if isinstance(unknown, list):
        return any(_has_unknown(each) for each in unknown)
    return unknown is True
