"""What a change is about in the words of ``policies/protected.yaml``, whichever provider makes it.

``aws_*`` types have Terraform's names. ``awscc_*`` types have those of CloudFormation, and so has the JSON in the
``desired_state`` of ``aws_cloudcontrolapi_resource``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.guard.policies.protected import Companion, Protected, ProtectedType
from orchestrator.guard.policies.safeguards import Safeguard
from orchestrator.guard.policies.values import Mark, value_at, with_unknown
from orchestrator.terraform.model import Action, ResourceChange

CLOUD_CONTROL = "aws_cloudcontrolapi_resource"
_AWSCC = "awscc_"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a change is about.

    Attributes:
        protected: the entry of the resource, or None.
        companion: what it is to a protected resource, by the names of the change; or None.
        owner: the entry of that protected resource, or None.
        safeguards: what must not get worse in it, by its own names.
    """

    protected: ProtectedType | None = None
    companion: Companion | None = None
    owner: ProtectedType | None = None
    safeguards: Mapping[str, Safeguard] = field(default_factory=dict)


def subject_of(change: ResourceChange, listed: Protected) -> Subject:
    """Return what a change is about; of a Cloud Control resource the type that it has in CloudFormation."""
    values = change.before or change.after or {}
    if change.type == CLOUD_CONTROL:
        return _of_template(str(values.get("type_name")), listed, listed.get(CLOUD_CONTROL))
    entry = listed.entry_of(change.type, values)
    in_template = change.type.startswith(_AWSCC)
    if entry is not None:
        return Subject(entry, safeguards=entry.template_safeguards if in_template else entry.safeguards)
    companion = listed.companion_of(change.type)
    if companion is None:
        return Subject()
    own = companion.in_template if in_template else companion
    return Subject(companion=own, owner=listed.companion_owner(change.type), safeguards=own.attributes)


def _of_template(type_name: str, listed: Protected, otherwise: ProtectedType | None) -> Subject:
    entry = listed.of_cloudformation(type_name)
    if entry is not None:
        return Subject(entry, safeguards=entry.template_safeguards)
    companion = listed.companion_of(type_name)
    if companion is None:
        return Subject(otherwise)
    own = companion.in_template
    return Subject(otherwise, own, listed.companion_owner(type_name), own.attributes)


def subject_values(resource_type: str, values: Any) -> Any:
    """Return the values that the safeguards of a resource name: of a Cloud Control resource its desired state."""
    if resource_type != CLOUD_CONTROL:
        return values
    desired = value_at(values, "desired_state")
    if not isinstance(desired, str):
        return Mark.UNKNOWN if desired is Mark.UNKNOWN else {}
    try:
        return json.loads(desired)
    except ValueError:
        return Mark.UNKNOWN


@dataclass(frozen=True, slots=True)
class Company:
    """The companions in a plan, and the protected resources that it creates.

    Attributes:
        companions: type and name of the protected resource -> address and current values of each companion of it.
        created: protected types of which the plan creates resources -> the names, ids and ARNs of these.
    """

    companions: Mapping[tuple[str, str], Sequence[tuple[str, Any]]]
    created: Sequence[tuple[ProtectedType, set[str]]]

    @classmethod
    def of_plan(cls, changes: Iterable[ResourceChange], listed: Protected) -> Company:
        """Return the company of a plan's changes; unchanged ones count too, if the plan was read with their values."""
        companions: dict[tuple[str, str], list[tuple[str, Any]]] = {}
        created: list[tuple[ProtectedType, set[str]]] = []
        for each in changes:
            subject = subject_of(each, listed)
            if subject.companion is not None:
                current = subject_values(each.type, each.before or {})
                key = str(value_at(current, subject.companion.of))
                companions.setdefault((each.type, key), []).append((each.address, current))
            elif subject.protected is not None and each.action is Action.CREATE:
                planned = subject_values(each.type, with_unknown(each.after or {}, each.after_unknown))
                names = next((names for entry, names in created if entry is subject.protected), None)
                if names is None:
                    created.append((subject.protected, names := set()))
                names |= _texts(planned)
        return cls(companions, created)

    def of(self, change: ResourceChange, subject: Subject) -> tuple[tuple[Any, ...], bool]:
        """Return the current values of a companion's siblings, and whether its owner is new.

        An owner that is not known yet is taken for a new one if the plan creates one of its type.
        """
        if subject.companion is None or change.after is None:
            return (), False
        planned = with_unknown(change.after, change.after_unknown)
        key = value_at(subject_values(change.type, planned), subject.companion.of)
        created = next((names for entry, names in self.created if entry is subject.owner), None)
        if not isinstance(key, str):
            return (), created is not None
        found = self.companions.get((change.type, key), ())
        siblings = tuple(current for address, current in found if address != change.address)
        return siblings, created is not None and key in created


def _texts(values: Any) -> set[str]:
    """Return the texts among the values of a resource: its names, id and ARN are among them."""
    return {each for each in values.values() if isinstance(each, str)} if isinstance(values, Mapping) else set()
