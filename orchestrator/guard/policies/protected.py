"""``policies/protected.yaml``: the types of resource whose loss loses data or identities."""

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
from ruamel.yaml.comments import CommentedMap

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.marked import load_tree, problems_of

PROTECTED_FILE = "protected.yaml"

AttributeValue = StrictBool | StrictInt | StrictStr
_Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*$")]
_Path = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]
_Sentence = Annotated[str, StringConstraints(strict=True, min_length=3, pattern=r"^[^\n]*[^.\n]$")]
_CloudFormation = Annotated[str, StringConstraints(strict=True, pattern=r"^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$")]
_Api = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$")]


class Protection(BaseModel):
    """A resource's own protection: the attribute, and the value that must stay."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: _Name
    value: AttributeValue


class Companion(BaseModel):
    """A resource of its own that keeps another one's content: what of it must stay; without an attribute, itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: _Path | None = None
    value: AttributeValue | None = None


class ProtectedType(BaseModel):
    """One entry of the list; the file's header says what each key means."""

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
        """Every attribute that this entry names, `a.b` for b in the block a; each must be in the provider's schema."""
        own = {self.protection.attribute} if self.protection else set()
        return frozenset(own | self.disarmed_by.keys() | self.shortened_by.keys() | self.replaced_by.keys())


_FILE: TypeAdapter[dict[str, ProtectedType]] = TypeAdapter(dict[_Name, ProtectedType])


@dataclass(frozen=True, slots=True)
class Protected:
    """The list, checked. ``types``: resource type -> its entry."""

    types: Mapping[str, ProtectedType]

    @classmethod
    def read(cls, file: Path, *, shown_as: str | None = None) -> Protected:
        """Read the list from a file.

        Args:
            file: ``policies/protected.yaml``.
            shown_as: how problems name the file; by default its own path.

        Raises:
            CatalogueError: the file is missing, is not YAML, or an entry is wrong; with file and line.
        """
        name = shown_as or file.as_posix()
        try:
            data = file.read_bytes()
        except OSError as error:
            problem = Problem(Location(name), f"the list of protected resources cannot be read: {error.strerror}")
            raise CatalogueError([problem]) from error
        return cls.parse(data, shown_as=name)

    @classmethod
    def parse(cls, data: bytes, *, shown_as: str) -> Protected:
        """The same from bytes that were read already.

        Raises:
            CatalogueError: as for ``read``.
        """
        tree = load_tree(data, shown_as)
        if not isinstance(tree, CommentedMap) or not tree:
            what = "the list of protected resources is empty"
            hint = "name at least one type, e.g. aws_cognito_user_pool with what its loss loses"
            raise CatalogueError([Problem(Location(shown_as, 1), what, hint)])
        try:
            types = _FILE.validate_python(tree)
        except PydanticError as error:
            raise CatalogueError(problems_of(error, tree, shown_as, _SAID, ProtectedType.model_fields)) from error
        return cls(types=types)

    def __contains__(self, resource_type: str) -> bool:
        return resource_type in self.types

    @property
    def delete_apis(self) -> tuple[str, ...]:
        """Every call that deletes something of the list, as IAM names it; sorted."""
        return tuple(sorted({api for entry in self.types.values() for api in entry.delete_apis}))

    def get(self, resource_type: str) -> ProtectedType | None:
        """The entry of a type, or None when it is not protected."""
        return self.types.get(resource_type)

    def companion_of(self, resource_type: str) -> tuple[ProtectedType, Companion] | None:
        """For a type that keeps the content of a protected one: that one's entry, and what must stay."""
        return next(
            ((entry, entry.nets[resource_type]) for entry in self.types.values() if resource_type in entry.nets), None
        )

    def of_cloudformation(self, resource_type: str) -> ProtectedType | None:
        """The entry of a type of CloudFormation's, or None when it is not protected."""
        return next((entry for entry in self.types.values() if resource_type in entry.cloudformation), None)


_SAID = {
    "string_pattern_mismatch": "is not written as it should be (names a-z_, APIs service:Action, no full stop)",
}
