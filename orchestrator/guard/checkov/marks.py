"""What orch adds to a resource before checkov sees it, and how a check reads it.

checkov looks at ``planned_values`` alone: what a resource will be. What happens to it, and what it was, it cannot
see. So every changed resource carries two attributes of orch's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from orchestrator.guard.policies.protected import Companion, Protected, ProtectedType
from orchestrator.terraform.model import Action, ResourceChange

ACTION_ATTRIBUTE = "__orch_action__"
"""The action as one word: ``create``, ``update``, ``replace``, ``delete`` or ``forget``."""

CHANGE_ATTRIBUTE = "__orch_change__"
"""The whole change as JSON text, so that checkov does not reshape it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a plan does to one resource, as a check sees it.

    Attributes:
        before: the object as it is; empty for a new one.
        after: the object as it will be; empty for one that goes.
        unknown: mirrors ``after``: True where the value is not known yet.
        deposed: key of an old object that an earlier replacement left behind, or None.
        protected: the entry of its type in ``policies/protected.yaml``, or None.
        companion: what must stay of a resource that keeps a protected one's content, or None.
    """

    address: str
    type: str
    action: Action
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    unknown: Mapping[str, Any]
    deposed: str | None
    protected: ProtectedType | None
    companion: Companion | None = None

    @classmethod
    def of(cls, conf: Mapping[str, Any]) -> Self:
        """The change behind the configuration that checkov hands to a check.

        Raises:
            KeyError: the resource carries no mark: the plan did not come through orch, and the check must not answer.
            ValueError: the mark is damaged.
        """
        text = conf[CHANGE_ATTRIBUTE]
        data = json.loads(text[0] if isinstance(text, list) else text)
        entry = data["protected"]
        protected = ProtectedType.model_validate(entry) if entry is not None else None
        companion = Companion.model_validate(data["companion"]) if data["companion"] is not None else None
        return cls(**{**data, "action": Action(data["action"]), "protected": protected, "companion": companion})

    def was(self, attribute: str) -> Any:
        """An attribute's value as it is; ``a.b`` is b in the only block a."""
        return _at(self.before, attribute)

    def will_be(self, attribute: str) -> Any:
        """An attribute's value as it will be, as far as that is known."""
        return _at(self.after, attribute)

    def is_known(self, attribute: str) -> bool:
        """Whether the plan knows the whole of an attribute's new value."""
        return not _any_true(_at(self.unknown, attribute))


def change_attributes(change: ResourceChange, listed: Protected) -> dict[str, str]:
    """The two marks of one change, as attributes of the resource."""
    protected, companion = listed.get(change.type), listed.companion_of(change.type)
    data = {
        "address": change.address,
        "type": change.type,
        "action": change.action.value,
        "before": change.before or {},
        "after": change.after or {},
        "unknown": change.after_unknown if isinstance(change.after_unknown, Mapping) else {},
        "deposed": change.deposed,
        "protected": protected.model_dump(mode="json") if protected is not None else None,
        "companion": companion[1].model_dump(mode="json") if companion is not None else None,
    }
    return {ACTION_ATTRIBUTE: change.action.value, CHANGE_ATTRIBUTE: json.dumps(data)}


def _at(value: Any, attribute: str) -> Any:
    """What is at a path; of a block that is there once, of a mirror of unknowns also what stands for the whole."""
    for step in attribute.split("."):
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        if value is True:
            return True
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _any_true(unknown: Any) -> bool:
    if isinstance(unknown, Mapping):
        return any(_any_true(each) for each in unknown.values())
    if isinstance(unknown, list | tuple):
        return any(_any_true(each) for each in unknown)
    return unknown is True
