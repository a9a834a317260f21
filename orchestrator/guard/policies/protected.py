"""Reads ``policies/protected.yaml``: the resource types whose loss loses data or identities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    TypeAdapter,
)
from pydantic import ValidationError as PydanticError

from orchestrator.config.yaml.reader import parse_optional_yaml
from orchestrator.config.yaml.validation import to_plain, validation_problems
from orchestrator.config.yaml.value import YamlKind
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.plan.entries import addressed_type
from orchestrator.guard.policies.safeguards import AttributePath, AttributeValue, Safeguard, without
from orchestrator.guard.policies.values import plain_name, value_at

PROTECTED_FILE = "protected.yaml"

_Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*$")]
_Sentence = Annotated[str, StringConstraints(strict=True, min_length=3, pattern=r"^[^\n]*[^.\n]$")]
_CloudFormation = Annotated[str, StringConstraints(strict=True, pattern=r"^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$")]
_Property = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z][A-Za-z0-9]*$")]
_Api = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$")]


class Loss(StrEnum):
    """What kind of thing a type holds; ``severity`` in the file. The rules for waivers follow it."""

    IDENTITY = "identity"
    """Users, their ids, keys and names that others know: nothing brings them back, not even a backup."""
    DATA = "data"
    """What people or programs have stored; a backup may have it."""
    HISTORY = "history"
    """What comes and goes: logs, messages, caches. Its loss is noticed, but it is no disaster."""


class Protection(BaseModel):
    """A resource's own deletion protection: the attribute, and the value that it must keep."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: _Name
    value: AttributeValue


class TemplateType(BaseModel):
    """A companion in CloudFormation: its type, and its property that names the protected resource."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: _CloudFormation
    of: _Property


class Companion(BaseModel):
    """A separate resource that safeguards the content of a protected one, or can remove it.

    Attributes:
        of: its attribute that names the protected resource.
        attributes: what must not get worse in it; a removal counts as far as it makes something worse.
        required: the resource itself is the safeguard, so every removal counts.
        cloudformation: what it is there; without it, ``attributes`` are those of the protected resource.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: _Name | _Property
    attributes: dict[AttributePath, Safeguard] = Field(default_factory=dict)
    required: StrictBool = False
    cloudformation: TemplateType | None = None

    @property
    def in_template(self) -> Companion:
        """Return the companion with CloudFormation's names."""
        of = self.cloudformation.of if self.cloudformation is not None else camel(self.of)
        return Companion(of=of, attributes=template_names(self.attributes), required=self.required)

    def removal_counts(self, before: object) -> bool:
        """Return whether something is less safe without the resource, whose current values these are."""
        return self.required or without(self.attributes, before)


class ProtectedType(BaseModel):
    """One entry of the list; the header of the file explains the keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lost: _Sentence
    severity: Loss
    protection: Protection | None = None
    attributes: dict[AttributePath, Safeguard] = Field(default_factory=dict)
    properties: dict[AttributePath, Safeguard] = Field(default_factory=dict)
    companions: dict[_Name, Companion] = Field(default_factory=dict)
    replaced_by: dict[_Name, Literal["any", "removal"]] = Field(default_factory=dict)
    when: dict[AttributePath, AttributeValue] = Field(default_factory=dict)
    replaceable: StrictBool = False
    kept_by: dict[AttributePath, AttributeValue] = Field(default_factory=dict)
    delete_apis: tuple[_Api, ...]
    cloudformation: tuple[_CloudFormation, ...] = ()

    @property
    def safeguards(self) -> dict[str, Safeguard]:
        """Return what must not get worse, by Terraform's names; the protection attribute is one of them."""
        own = {self.protection.attribute: Safeguard(keep=(self.protection.value,))} if self.protection else {}
        return own | self.attributes

    def is_kept(self, before: object) -> bool:
        """Return whether AWS keeps a resource of these current values, and what is in it, when Terraform deletes it."""
        return any(value_at(before, path) == value for path, value in self.kept_by.items())

    @property
    def template_safeguards(self) -> dict[str, Safeguard]:
        """Return what must not get worse, by CloudFormation's names: there a companion can be a property."""
        parts = [self.safeguards, *(each.attributes for each in self.companions.values() if not each.cloudformation)]
        return {path: rule for part in parts for path, rule in template_names(part).items()} | self.properties


def template_names(safeguards: Mapping[str, Safeguard]) -> dict[str, Safeguard]:
    """Return safeguards by CloudFormation's names."""
    return {rule.cloudformation or camel(path): rule for path, rule in safeguards.items()}


def camel(path: str) -> str:
    """Return a path in CloudFormation's spelling: ``DeletionProtection`` for ``deletion_protection``."""
    return re.sub(r"(?:^|_|(?<=[.\[]))([a-z])", lambda found: found[1].upper(), path)


_FILE: TypeAdapter[dict[str, ProtectedType]] = TypeAdapter(dict[_Name, ProtectedType])


@dataclass(frozen=True)
class Protected:
    """The validated list. ``types``: resource type -> its entry."""

    types: Mapping[str, ProtectedType]

    @classmethod
    def read(cls, file: Path, *, shown_as: str | None = None) -> Protected:
        """Read the list from a file.

        Args:
            file: ``policies/protected.yaml``.
            shown_as: the name of the file in error messages; by default its path.

        Raises:
            CatalogueError: the file is missing or not YAML, or an entry is invalid; with file and line.
        """
        name = shown_as or file.as_posix()
        try:
            data = file.read_bytes()
        except OSError as error:
            problem = Problem(Location(name), f"cannot read the list of protected resources: {error.strerror}")
            raise CatalogueError([problem]) from error
        return cls.parse(data, shown_as=name)

    @classmethod
    def parse(cls, data: bytes, *, shown_as: str) -> Protected:
        """Parse the content of the file.

        Raises:
            CatalogueError: as for ``read``.
        """
        tree = parse_optional_yaml(data, shown_as)
        if tree is None or tree.kind is not YamlKind.MAP or not tree.value:
            what = "the list of protected resources is empty"
            hint = "add at least one type, e.g. aws_cognito_user_pool, with `lost` and `delete_apis`"
            raise CatalogueError([Problem(Location(shown_as, 1), what, hint)])
        try:
            types = _FILE.validate_python(to_plain(tree))
        except PydanticError as error:
            known = ProtectedType.model_fields
            raise CatalogueError(validation_problems(error, tree, words=_SAID, known=known)) from error
        return cls(types=types)

    def __contains__(self, resource_type: object) -> bool:
        """Return whether every resource of a type is protected, whatever its values are."""
        entry = self.get(resource_type) if isinstance(resource_type, str) else None
        return entry is not None and not entry.when

    @property
    def delete_apis(self) -> tuple[str, ...]:
        """Return the IAM actions that delete a resource of a listed type, sorted."""
        return tuple(sorted({api for entry in self.types.values() for api in entry.delete_apis}))

    def get(self, resource_type: str) -> ProtectedType | None:
        """Return the entry of a type of Terraform, or None if it is not protected. awscc has CloudFormation's types."""
        return self.types.get(resource_type) or self._templates.get(self._named(resource_type))

    def entry_of(self, resource_type: str, values: Mapping[str, Any]) -> ProtectedType | None:
        """Return the entry of one resource; None if it is not protected.

        Args:
            resource_type: Terraform's type.
            values: its current values; those that are planned for a new one. Only a value that is known and different
                from the entry's ``when`` makes an exception.
        """
        entry = self.get(resource_type)
        if entry is None:
            return None
        given = ((value_at(values, path), wanted) for path, wanted in entry.when.items())
        return None if any(value is not None and value != wanted for value, wanted in given) else entry

    def companion_of(self, resource_type: str) -> Companion | None:
        """Return what must not change in a resource of a type that safeguards a protected one; None for other types."""
        found = self._owners.get(self._named(resource_type))
        return found[1] if found is not None else None

    def companion_owner(self, resource_type: str) -> ProtectedType | None:
        """Return the entry of the protected type that resources of this type safeguard, or None."""
        found = self._owners.get(self._named(resource_type))
        return found[0] if found is not None else None

    def of_cloudformation(self, resource_type: str) -> ProtectedType | None:
        """Return the entry of a CloudFormation type, or None if it is not protected."""
        return self._templates.get(resource_type)

    def severity_at(self, address: str) -> Loss:
        """Return what kind of thing an address of a finding holds; a companion counts as what it belongs to.

        What is inside of a CloudFormation stack, and what the list does not know, counts as data.
        """
        kind = addressed_type(address)
        entry = self.get(kind) or self.companion_owner(kind)
        return entry.severity if entry is not None else Loss.DATA

    @property
    def companion_types(self) -> frozenset[str]:
        """Return the types of companions, in Terraform and in CloudFormation."""
        return frozenset(self._owners)

    def _named(self, resource_type: str) -> str:
        """Return CloudFormation's type for a type of the provider awscc that is on the list; others as they are."""
        if not resource_type.startswith(_AWSCC):
            return resource_type
        return self._awscc.get(plain_name(resource_type.removeprefix(_AWSCC)), resource_type)

    @cached_property
    def _templates(self) -> Mapping[str, ProtectedType]:
        return {name: entry for entry in self.types.values() for name in entry.cloudformation}

    @cached_property
    def _owners(self) -> Mapping[str, tuple[ProtectedType, Companion]]:
        """Return each companion type, in Terraform and CloudFormation, with its owner's entry and its own."""
        return {
            name: (entry, companion)
            for entry in self.types.values()
            for kind, companion in entry.companions.items()
            for name in (kind, companion.cloudformation.type if companion.cloudformation is not None else kind)
        }

    @cached_property
    def _awscc(self) -> Mapping[str, str]:
        """Return CloudFormation's types by awscc's names: ``AWS::RDS::DBInstance`` is ``awscc_rds_db_instance``."""
        names = (name for name in (*self._templates, *self._owners) if "::" in name)
        return {"".join(name.split("::")[1:]).lower(): name for name in names}


_AWSCC = "awscc_"


_SAID = {
    "string_pattern_mismatch": "is invalid (types, attributes: a-z 0-9 _; APIs: service:Action; `lost`: no period)",
}
