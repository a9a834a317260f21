"""The list of ``policies/protected.yaml``: the resource types whose loss loses data or identities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.plan.entries import addressed_type
from orchestrator.guard.policies.protected_types import Companion, Loss, ProtectedType
from orchestrator.guard.policies.values import plain_name, value_at

PROTECTED_FILE = "protected.yaml"


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
        from orchestrator.guard.policies.protected_file import read_types  # noqa: PLC0415 - policies need no pydantic

        return cls(types=read_types(data, shown_as))

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
