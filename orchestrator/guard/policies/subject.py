"""What a change is about in the words of ``policies/protected.yaml``, whichever provider makes it.

``aws_*`` types have Terraform's names. ``awscc_*`` types have those of CloudFormation, and so has the JSON in the
``desired_state`` of ``aws_cloudcontrolapi_resource``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import Companion, ProtectedType
from orchestrator.guard.policies.safeguards import Safeguard
from orchestrator.guard.policies.values import Mark, value_at, with_unknown
from orchestrator.terraform.model import Action, ResourceChange

RefersTo = Callable[[ResourceChange, str, ResourceChange], bool]
"""Returns whether an attribute of a resource refers to another resource of the same plan."""

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
class Kin:
    """What a plan says about the protected resource that a companion belongs to.

    Attributes:
        siblings: the current values of its other companions of the same type.
        owner_is_new: the plan creates it.
        owner_goes: the plan deletes it, and does not merely forget it. What belongs to it goes with it.
    """

    siblings: tuple[Any, ...] = ()
    owner_is_new: bool = False
    owner_goes: bool = False


@dataclass(frozen=True, slots=True)
class _Owner:
    """A protected resource of a plan. ``names``: by which companions can name it."""

    entry: ProtectedType
    change: ResourceChange
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Company:
    """The companions in a plan, and the protected resources that it creates and deletes.

    Attributes:
        companions: type and name of the protected resource -> address and current values of each companion of it.
        created: the protected resources that the plan creates.
        deleted: the protected resources that it deletes.
        refers: tells whether a companion refers to a protected resource.
        one_place: the plan is about one account and region, so that a name means one resource.
    """

    companions: Mapping[tuple[str, str], Sequence[tuple[str, Any]]]
    created: tuple[_Owner, ...]
    deleted: tuple[_Owner, ...]
    refers: RefersTo
    one_place: bool = True

    @classmethod
    def of_plan(
        cls, changes: Iterable[ResourceChange], listed: Protected, refers: RefersTo, *, one_place: bool = True
    ) -> Company:
        """Return the company of a plan's changes; unchanged ones count too, if the plan was read with their values."""
        companions: dict[tuple[str, str], list[tuple[str, Any]]] = {}
        created: list[_Owner] = []
        deleted: list[_Owner] = []
        for each in changes:
            subject = subject_of(each, listed)
            current = subject_values(each.type, each.before or {})
            if subject.companion is not None:
                key = str(value_at(current, subject.companion.of))
                companions.setdefault((each.type, key), []).append((each.address, current))
                continue
            if (entry := subject.protected) is None:
                continue
            if each.action in {Action.CREATE, Action.REPLACE}:
                planned = subject_values(each.type, with_unknown(each.after or {}, each.after_unknown))
                created.append(_Owner(entry, each, frozenset(_identifiers(entry, (planned,)))))
            if _is_deleted(each, entry):
                deleted.append(_Owner(entry, each, frozenset(_identifiers(entry, (each.before or {}, current)))))
        return cls(companions, tuple(created), tuple(deleted), refers, one_place)

    def of(self, change: ResourceChange, subject: Subject) -> Kin:
        """Return what the plan says about the owner of a companion.

        An owner is new if the plan creates it, the companion refers to it, and names it or what is not known yet.
        """
        if subject.companion is None:
            return Kin()
        of = subject.companion.of
        before = value_at(subject_values(change.type, change.before or {}), of)
        goes = any(each.entry is subject.owner and self._is_named(before, each) for each in self.deleted)
        if change.after is None:
            return Kin(owner_goes=goes)
        key = value_at(subject_values(change.type, with_unknown(change.after, change.after_unknown)), of)
        known = isinstance(key, str)
        attribute = "desired_state" if change.type == CLOUD_CONTROL else of
        keys = key if isinstance(key, list) else [key]  # A queue's policy names several queues.
        new = bool(keys) and all(
            any(
                each.entry is subject.owner
                and (not isinstance(one, str) or one in each.names)
                and self.refers(change, attribute, each.change)
                for each in self.created
            )
            for one in keys
        )
        found = self.companions.get((change.type, key), ()) if known else ()
        siblings = tuple(current for address, current in found if address != change.address)
        return Kin(siblings, owner_is_new=new, owner_goes=goes)

    def _is_named(self, name: Any, owner: _Owner) -> bool:
        """Return whether a name can only be that of a resource: another account or region may have the same."""
        if not isinstance(name, str) or name not in owner.names:
            return False
        return self.one_place or names_one(name, owner.change.type)


_IDENTIFIERS = ("id", "arn", "name", "url")
_NAMED_WORLDWIDE = frozenset({"aws_s3_bucket", "awscc_s3_bucket"})
"""No two of a partition have the same name (S3 user guide, "Bucket naming rules")."""


def names_one(name: str, type_: str) -> bool:
    """Return whether a name means one resource, in whatever account and region: an ARN, a URL, or that of a bucket."""
    return name.startswith(("arn:", "https://")) or type_ in _NAMED_WORLDWIDE


def _is_deleted(change: ResourceChange, entry: ProtectedType) -> bool:
    deletes = change.action is Action.DELETE or (change.action is Action.REPLACE and not change.forgets_old)
    return deletes and change.deposed is None and not entry.is_kept(change.before)


def _identifiers(entry: ProtectedType, values: Iterable[Any]) -> Iterator[str]:
    """Yield the texts by which companions can name a resource; no other text, such as a description, is one."""
    keys = {*_IDENTIFIERS, *(each.of for each in entry.companions.values())}
    keys |= {f"{each.rpartition('::')[2]}Name" for each in entry.cloudformation}
    for side in values:
        found = (value_at(side, key) for key in keys)
        yield from (each for each in found if isinstance(each, str) and each)
