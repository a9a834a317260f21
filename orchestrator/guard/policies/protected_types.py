"""The entries of ``policies/protected.yaml``.

These records are plain: the process of a policy gets some, and imports neither pydantic nor a reader of YAML for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Self

from orchestrator.guard.policies.safeguards import AttributeValue, Safeguard, without
from orchestrator.guard.policies.values import value_at


class Loss(StrEnum):
    """What kind of thing a type holds; ``severity`` in the file. The rules for waivers follow it."""

    IDENTITY = "identity"
    """Users, their ids, keys and names that others know: nothing brings them back, not even a backup."""
    DATA = "data"
    """What people or programs have stored; a backup may have it."""
    HISTORY = "history"
    """What comes and goes: logs, messages, caches. Its loss is noticed, but it is no disaster."""


@dataclass(frozen=True, slots=True)
class Protection:
    """A resource's own deletion protection: the attribute, and the value that it must keep."""

    attribute: str
    value: AttributeValue


@dataclass(frozen=True, slots=True)
class TemplateType:
    """A companion in CloudFormation: its type, and its property that names the protected resource."""

    type: str
    of: str


@dataclass(frozen=True, slots=True)
class Companion:
    """A separate resource that safeguards the content of a protected one, or can remove it.

    Attributes:
        of: its attribute that names the protected resource.
        attributes: what must not get worse in it; a removal counts as far as it makes something worse.
        required: the resource itself is the safeguard, so every removal counts.
        cloudformation: what it is there; without it, ``attributes`` are those of the protected resource.
    """

    of: str
    attributes: Mapping[str, Safeguard] = field(default_factory=dict)
    required: bool = False
    cloudformation: TemplateType | None = None

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> Self:
        """Return the record of a valid entry."""
        made: dict[str, Any] = {"attributes": safeguards_of(data.get("attributes", {}))}
        if data.get("cloudformation") is not None:
            made["cloudformation"] = TemplateType(**data["cloudformation"])
        return cls(**{**data, **made})

    @property
    def in_template(self) -> Companion:
        """Return the companion with CloudFormation's names."""
        of = self.cloudformation.of if self.cloudformation is not None else camel(self.of)
        return Companion(of=of, attributes=template_names(self.attributes), required=self.required)

    def removal_counts(self, before: object) -> bool:
        """Return whether something is less safe without the resource, whose current values these are."""
        return self.required or without(self.attributes, before)


@dataclass(frozen=True, slots=True)
class ProtectedType:
    """One entry of the list; the header of the file explains the keys."""

    lost: str
    severity: Loss
    delete_apis: tuple[str, ...]
    protection: Protection | None = None
    attributes: Mapping[str, Safeguard] = field(default_factory=dict)
    properties: Mapping[str, Safeguard] = field(default_factory=dict)
    companions: Mapping[str, Companion] = field(default_factory=dict)
    replaced_by: Mapping[str, Literal["any", "removal"]] = field(default_factory=dict)
    when: Mapping[str, AttributeValue] = field(default_factory=dict)
    replaceable: bool = False
    kept_by: Mapping[str, AttributeValue] = field(default_factory=dict)
    cloudformation: tuple[str, ...] = ()

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> Self:
        """Return the record of a valid entry."""
        made: dict[str, Any] = {"severity": Loss(data["severity"])}
        made |= {key: safeguards_of(data[key]) for key in ("attributes", "properties") if key in data}
        made |= {key: tuple(data[key]) for key in ("delete_apis", "cloudformation") if key in data}
        if data.get("protection") is not None:
            made["protection"] = Protection(**data["protection"])
        if "companions" in data:
            made["companions"] = {kind: Companion.of_data(each) for kind, each in data["companions"].items()}
        return cls(**{**data, **made})

    @property
    def safeguards(self) -> dict[str, Safeguard]:
        """Return what must not get worse, by Terraform's names; the protection attribute is one of them."""
        own = {self.protection.attribute: Safeguard(keep=(self.protection.value,))} if self.protection else {}
        return {**own, **self.attributes}

    def is_kept(self, before: object) -> bool:
        """Return whether AWS keeps a resource of these current values, and what is in it, when Terraform deletes it."""
        return any(value_at(before, path) == value for path, value in self.kept_by.items())

    @property
    def template_safeguards(self) -> dict[str, Safeguard]:
        """Return what must not get worse, by CloudFormation's names: there a companion can be a property."""
        parts = [self.safeguards, *(each.attributes for each in self.companions.values() if not each.cloudformation)]
        own = {path: rule for part in parts for path, rule in template_names(part).items()}
        return {**own, **self.properties}


def safeguard_of(data: Mapping[str, Any]) -> Safeguard:
    """Return the record of a valid safeguard."""
    lists = {key: tuple(data[key]) for key in ("keep", "never") if data.get(key) is not None}
    return Safeguard(**{**data, **lists})


def safeguards_of(data: Mapping[str, Mapping[str, Any]]) -> dict[str, Safeguard]:
    """Return the records of valid safeguards, by their paths."""
    return {path: safeguard_of(each) for path, each in data.items()}


def template_names(safeguards: Mapping[str, Safeguard]) -> dict[str, Safeguard]:
    """Return safeguards by CloudFormation's names."""
    return {rule.cloudformation or camel(path): rule for path, rule in safeguards.items()}


def camel(path: str) -> str:
    """Return a path in CloudFormation's spelling: ``DeletionProtection`` for ``deletion_protection``."""
    return re.sub(r"(?:^|_|(?<=[.\[]))([a-z])", lambda found: found[1].upper(), path)
