"""Reads ``policies/protected.yaml``: the resource types whose loss loses data or identities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    TypeAdapter,
    field_validator,
)
from pydantic import ValidationError as PydanticError
from pydantic_core import PydanticCustomError

from orchestrator.config.yaml.reader import parse_optional_yaml
from orchestrator.config.yaml.validation import to_plain, validation_problems
from orchestrator.config.yaml.value import YamlKind
from orchestrator.errors import CatalogueError, Location, Problem

PROTECTED_FILE = "protected.yaml"

AttributeValue = StrictBool | StrictInt | StrictStr
_Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*$")]
_Path = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]
_Sentence = Annotated[str, StringConstraints(strict=True, min_length=3, pattern=r"^[^\n]*[^.\n]$")]
_CloudFormation = Annotated[str, StringConstraints(strict=True, pattern=r"^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$")]
_Api = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$")]


class Protection(BaseModel):
    """A resource's own deletion protection: the attribute, and the value that it must keep."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: _Name
    value: AttributeValue


class Companion(BaseModel):
    """A separate resource that safeguards the content of a protected one.

    ``attribute`` must keep ``value``; without an attribute, the resource itself must remain.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: _Path | None = None
    value: AttributeValue | None = None


class ProtectedType(BaseModel):
    """One entry of the list; the header of the file explains the keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lost: _Sentence
    protection: Protection | None = None
    disarmed_by: dict[_Path, AttributeValue] = Field(default_factory=dict)
    shortened_by: dict[_Name, Literal["forever", "none"]] = Field(default_factory=dict)
    nets: dict[_Name, Companion] = Field(default_factory=dict)
    replaced_by: dict[_Name, Literal["any", "removal"]] = Field(default_factory=dict)
    delete_apis: tuple[_Api, ...]
    cloudformation: tuple[_CloudFormation, ...] = ()

    @field_validator("delete_apis")
    @classmethod
    def _at_least_one(cls, apis: tuple[str, ...]) -> tuple[str, ...]:
        if not apis:
            kind, message = "no_api", "name at least one API"
            raise PydanticCustomError(kind, message)
        return apis

    @property
    def attributes(self) -> frozenset[str]:
        """Return every attribute that the entry names, `a.b` for b in the block a; all are in the provider's schema."""
        own = {self.protection.attribute} if self.protection else set()
        return frozenset(own | self.disarmed_by.keys() | self.shortened_by.keys() | self.replaced_by.keys())


_FILE: TypeAdapter[dict[str, ProtectedType]] = TypeAdapter(dict[_Name, ProtectedType])


@dataclass(frozen=True, slots=True)
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

    def __contains__(self, resource_type: str) -> bool:
        return resource_type in self.types

    @property
    def delete_apis(self) -> tuple[str, ...]:
        """Return the IAM actions that delete a resource of a listed type, sorted."""
        return tuple(sorted({api for entry in self.types.values() for api in entry.delete_apis}))

    def get(self, resource_type: str) -> ProtectedType | None:
        """Return the entry of a type, or None if it is not protected."""
        return self.types.get(resource_type)

    def companion_of(self, resource_type: str) -> Companion | None:
        """Return what must not change in a resource of a type that safeguards a protected one; None for other types."""
        owner = self.companion_owner(resource_type)
        return owner.nets[resource_type] if owner is not None else None

    def companion_owner(self, resource_type: str) -> ProtectedType | None:
        """Return the entry of the protected type that resources of this type safeguard, or None."""
        return next((entry for entry in self.types.values() if resource_type in entry.nets), None)

    def of_cloudformation(self, resource_type: str) -> ProtectedType | None:
        """Return the entry of a CloudFormation type, or None if it is not protected."""
        return next((entry for entry in self.types.values() if resource_type in entry.cloudformation), None)


_SAID = {
    "string_pattern_mismatch": "is invalid (types, attributes: a-z 0-9 _; APIs: service:Action; `lost`: no period)",
}
