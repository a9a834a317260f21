"""Finds what the update of a CloudFormation stack makes less safe with resources beside the protected ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from orchestrator.guard.findings import sentences
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import Companion
from orchestrator.guard.policies.safeguards import newly_bad, weakened
from orchestrator.guard.policies.values import ValueReference, value_at
from orchestrator.guard.rules.cloudformation.diff import TemplateLoss, marked_values, type_of
from orchestrator.guard.rules.cloudformation.template import StackTemplate, references_in
from orchestrator.terraform.model import Action


def companion_losses(before: StackTemplate, after: StackTemplate, protected: Protected) -> Iterator[TemplateLoss]:
    """Yield what a template makes less safe with resources beside the protected ones, such as a bucket's policy.

    Args:
        before: the deployed template; one without resources for a new stack.
        after: the new template.
        protected: the list of protected types.
    """
    for name in dict.fromkeys((*before.resources, *after.resources)):
        kind = type_of((after if name in after.resources else before).resources[name])
        companion, owner = protected.companion_of(kind), protected.companion_owner(kind)
        if companion is None or owner is None:
            continue
        was, will_be = (_companion_values(each, name, kind) for each in (before, after))
        why = sentences(_companion_weakened(companion.in_template, was, will_be, before, after))
        if why:
            yield TemplateLoss(name, kind, owner, Action.UPDATE, why, "restore what the deployed template has")


def _companion_values(template: StackTemplate, name: str, kind: str) -> Any:
    """Return the properties of a companion; None if the template has none of this name and type."""
    found = template.resources.get(name)
    if found is None or type_of(found) != kind or template.exists(name) is False:
        return None
    return marked_values(template.value(found.get("Properties") or {}))


def _companion_weakened(
    companion: Companion, was: Any, will_be: Any, before: StackTemplate, after: StackTemplate
) -> Iterator[str]:
    rules, key = companion.attributes, companion.of
    if was is not None and will_be is None:
        if companion.removal_counts(was):
            yield "the safeguard itself would be removed"
        return
    if was is not None:
        yield from weakened(rules, was, will_be)
    owner = value_at(will_be, key)
    if will_be is not None and (was is None or value_at(was, key) != owner):
        owners = owner if isinstance(owner, list) else [owner]  # A queue's policy names several queues.
        if not owners or not all(_is_new(each, before, after) for each in owners):
            yield from newly_bad(rules, will_be, ())


def _is_new(owner: Any, before: StackTemplate, after: StackTemplate) -> bool:
    """Return whether the new template makes the resource that a value names."""
    named = set(references_in(json.loads(owner.text))) if isinstance(owner, ValueReference) else set()
    return any(each in after.resources and each not in before.resources for each in named)
