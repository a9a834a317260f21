"""Prepares a plan for checkov, and gives checks access to the whole change of a resource.

checkov reads ``planned_values`` alone: what a resource will be. It sees neither what happens to a resource nor what it
was. So every change, deletions included, becomes a resource there, with two additional attributes. Resources that do
not change are left out: policies judge changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Self

from orchestrator.guard.plan.reader import PlanDocument
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import (
    Companion,
    ProtectedType,
    Protection,
    TemplateType,
    safeguards_of,
)
from orchestrator.guard.policies.safeguards import Safeguard
from orchestrator.guard.policies.subject import Company, Kin, RefersTo, subject_of, subject_values
from orchestrator.guard.policies.values import marks, with_unknown
from orchestrator.terraform.model import Action, ResourceChange

ACTION_ATTRIBUTE = "__orch_action__"
"""The action as one word: ``create``, ``update``, ``replace``, ``delete`` or ``forget``."""

CHANGE_ATTRIBUTE = "__orch_change__"
"""The whole change as JSON text, so that checkov does not reshape it."""

_NOT_SENT = frozenset({"attributes", "properties", "companions"})
"""Parts of an entry that checks do not get: ``safeguards`` has what concerns the change."""

UNKNOWN_TEXT = "true_after_unknown"
"""checkov's own placeholder for a value that is known only after the apply."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a plan does to one resource, as a check sees it.

    Attributes:
        before: the current values; empty for a new resource.
        after: the planned values that are known; empty for a resource that is deleted or forgotten.
        stays: the resource exists after the apply, also if none of its values is known.
        unknown: mirrors ``after``: True where the value is known only after the apply.
        deposed: key of an old object that a failed replacement left behind, or None.
        protected: the entry of its type in ``policies/protected.yaml``, without ``attributes``, ``properties`` and
            ``companions``; or None.
        companion: what must not change, if the resource safeguards the content of a protected one; or None.
        safeguards: what must not get worse, of ``protected`` or ``companion``, by the names that ``current`` has.
        siblings: the current values of the other companions of the same type and protected resource in the plan.
        owner_is_new: the plan creates the resource that a companion belongs to, so nothing can be lost yet.
        owner_goes: the plan deletes that resource, and the companion with it.
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
    safeguards: Mapping[str, Safeguard] = field(default_factory=dict)
    siblings: tuple[Mapping[str, Any], ...] = ()
    owner_is_new: bool = False
    stays: bool = True
    owner_goes: bool = False

    @classmethod
    def of(cls, conf: Mapping[str, Any]) -> Self:
        """Return the change behind the configuration that checkov passes to a check.

        Raises:
            KeyError: the plan was not prepared by orch; the check must not answer.
            ValueError: the added attribute is damaged.
        """
        text = conf[CHANGE_ATTRIBUTE]
        data = json.loads(text[0] if isinstance(text, list) else text)
        entry = data["protected"]
        protected = ProtectedType.of_data(entry) if entry is not None else None
        companion = Companion.of_data(data["companion"]) if data["companion"] is not None else None
        rules = safeguards_of(data["safeguards"])
        made = {"action": Action(data["action"]), "protected": protected, "companion": companion, "safeguards": rules}
        return cls(**{**data, **made, "siblings": tuple(data["siblings"])})

    @property
    def current(self) -> Any:
        """Return the values that ``safeguards`` name, as they are."""
        return subject_values(self.type, self.before)

    @property
    def planned(self) -> Any:
        """Return the values that ``safeguards`` name, as they will be, with marks for what is not known."""
        return subject_values(self.type, with_unknown(self.after, self.unknown))

    def is_known(self, attribute: str) -> bool:
        """Return whether the planned value of an attribute is completely known."""
        return not marks(_at(self.unknown, attribute))


def change_attributes(change: ResourceChange, listed: Protected, company: Company | None = None) -> dict[str, str]:
    """Return the two additional attributes of a changed resource.

    Args:
        change: the change.
        listed: the list of protected types.
        company: the other resources of the plan that it belongs to; by default there are none.
    """
    subject = subject_of(change, listed)
    kin = company.of(change, subject) if company is not None else Kin()
    data = {
        "address": change.address,
        "type": change.type,
        "action": change.action.value,
        "before": change.before or {},
        "after": change.after or {},
        "unknown": change.after_unknown if isinstance(change.after_unknown, Mapping) else {},
        "deposed": change.deposed,
        "protected": _dump(subject.protected, _NOT_SENT),
        "companion": _dump(subject.companion),
        "safeguards": {path: _dump(each) for path, each in subject.safeguards.items()},
        "siblings": kin.siblings,
        "owner_is_new": kin.owner_is_new,
        "stays": change.after is not None,
        "owner_goes": kin.owner_goes,
    }
    return {ACTION_ATTRIBUTE: change.action.value, CHANGE_ATTRIBUTE: json.dumps(data)}


def _dump(
    record: ProtectedType | Companion | Safeguard | Protection | TemplateType | None,
    without: frozenset[str] = frozenset(),
) -> dict[str, Any] | None:
    """Return what is set in a record, for JSON."""
    if record is None:
        return None
    given = {each.name: (getattr(record, each.name), _default(each)) for each in fields(record)}
    return {name: _plain(value) for name, (value, default) in given.items() if name not in without and value != default}


def _default(each: Field[Any]) -> Any:
    return each.default_factory() if each.default_factory is not MISSING else each.default


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return _dump(value) if isinstance(value, Companion | Safeguard | Protection | TemplateType) else value


def _at(value: Any, attribute: str) -> Any:
    """Return the value at a path; a block that occurs once counts as its content, and True as a whole unknown value."""
    for step in attribute.split("."):
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        if value is True:
            return True
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def label(change: ResourceChange) -> str:
    """Return the address of a change; with the key for a deposed object, whose address is that of the current one."""
    return f"{change.address} (deposed {change.deposed})" if change.deposed else change.address


def changed_resources(document: PlanDocument) -> tuple[ResourceChange, ...]:
    """Return the changes of a plan without no-ops and reads."""
    return tuple(each for each in document.changes if each.action not in {Action.NOOP, Action.READ})


def _may_refer(_change: ResourceChange, _attribute: str, _owner: ResourceChange) -> bool:
    return True


def annotated_resources(
    document: PlanDocument, protected: Protected, refers: RefersTo = _may_refer, *, one_place: bool = True
) -> Iterator[dict[str, Any]]:
    """Yield an entry for ``planned_values.root_module.resources`` for each change.

    A resource that is deleted or forgotten has its current values. Modules are flattened.

    Args:
        document: the plan.
        protected: the list of protected types.
        refers: tells whether a companion refers to a new resource; by default the plan alone decides.
        one_place: the plan is about one account and region.
    """
    company = Company.of_plan(document.changes, protected, refers, one_place=one_place)
    for change in changed_resources(document):
        yield {
            "address": label(change),
            "mode": "managed",
            "type": change.type,
            "name": change.name or "unnamed",
            "values": {**_values(change), **change_attributes(change, protected, company)},
        }


def _values(change: ResourceChange) -> Mapping[str, Any]:
    if change.after is None:
        return dict(change.before or {})
    known = dict(change.after)
    unknown = change.after_unknown
    return {**known, **_filled(known, unknown)} if isinstance(unknown, Mapping) else known


def _filled(after: Mapping[str, Any], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that are not completely known, with checkov's placeholder for the unknown parts."""
    return {key: _fill(after.get(key), each) for key, each in unknown.items() if marks(each)}


def _fill(after: Any, unknown: Any) -> Any:
    if unknown is True:
        return UNKNOWN_TEXT
    if isinstance(unknown, Mapping):
        base = after if isinstance(after, Mapping) else {}
        return {**base, **_filled(base, unknown)}
    if isinstance(unknown, list) and isinstance(after, list):
        pairs = zip(after, [*unknown, *[False] * (len(after) - len(unknown))], strict=False)
        return [_fill(value, mark) if marks(mark) else value for value, mark in pairs]
    return after
