"""What orch and its provider server say to each other: one JSON object a line, over a private socket pair."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A provider on this machine, with the checksums that the lock file allows.

    Attributes:
        address: for example ``registry.terraform.io/hashicorp/aws``.
        folder: the unpacked package.
        checksums: the lock file's ``h1:`` checksums of the package.
    """

    address: str
    folder: str
    checksums: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """What one Terraform command needs.

    Attributes:
        packages: the providers to serve.
        identity: the accounts and the role whose credentials ``environment`` contains. Provider processes are shared
            only within one identity.
        environment: the environment of the provider processes. It can contain secrets.
        folder: Terraform's working folder.
        data_dir: Terraform's data folder, which lists the unit's modules.
        types: resource types of the unit's state.
        prepare: start processes ahead of their first call.
        whole: serve the whole schema, for a command whose output cannot be taken back.
    """

    packages: tuple[LockedPackage, ...]
    identity: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: str = ""
    data_dir: str = ""
    types: tuple[str, ...] = ()
    prepare: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """The answer to a `LeaseRequest`.

    Attributes:
        id: its number.
        reattach: the value of ``TF_REATTACH_PROVIDERS``; empty if no provider can be served.
        cold: address -> why the provider is not served.
    """

    id: int
    reattach: str
    cold: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LeaseEnd:
    """What happened during a lease.

    Attributes:
        hidden: the resource types of the providers that the lease did not serve.
        crashed: a provider process ended by itself; its last words.
        failure: what went wrong in the server itself.
    """

    hidden: frozenset[str] = frozenset()
    crashed: str = ""
    failure: str = ""


def encode(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def request_from(data: Mapping[str, Any]) -> LeaseRequest:
    """Return the request that `request_data` made."""
    packages = (LockedPackage(**{**each, "checksums": tuple(each["checksums"])}) for each in data["packages"])
    return LeaseRequest(**{**data, "types": tuple(data["types"]), "packages": tuple(packages)})


def request_data(request: LeaseRequest) -> dict[str, Any]:
    """Return a request as JSON data."""
    return asdict(request)
