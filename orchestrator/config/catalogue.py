"""The loaded configuration as frozen records: accounts, stages, units and their resolved values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from orchestrator.errors import Location

DELETE_APIS = "protected_delete_apis"
"""Module variable that gets the IAM actions that delete protected resources. Only orch sets it: IAM denies them."""

DISPOSABLE_STAGES = "disposable_stages"
"""Module variable that says whether stages of the account may be disposable. Only orch sets it: IAM follows it."""

ONLY_BY_ORCH = frozenset({DELETE_APIS, DISPOSABLE_STAGES})
"""Module variables that no stack may set: IAM follows them."""

SET_BY_ORCH = frozenset({"names", "name", *ONLY_BY_ORCH})
"""Module variables that orch sets when a stack does not.

These are names in AWS, the API calls that delete protected data, and whether stages of the account may be disposable.
"""


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to an output of another unit, already resolved to that unit.

    Attributes:
        unit: id of the unit whose output is read.
        output: name of the output.
        path: keys and indexes into the value of the output; empty for the whole value.
        at: where it is written.
        foreign: the unit is in another account, so its outputs are read from its published file, never from its state.
    """

    unit: str
    output: str
    path: tuple[str | int, ...]
    at: Location
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Text with references in it. The value of each reference must be a scalar."""

    parts: tuple[str | Ref, ...]
    at: Location


@dataclass(frozen=True, slots=True)
class Node:
    """One resolved value and the location that sets it.

    ``value`` is a scalar (str, int, float, bool, None), a mapping or a tuple of nodes, a ``Ref`` or a ``Text``.
    Nodes without references are shared between the units that inherit them.
    """

    value: Value
    at: Location


Value: TypeAlias = str | int | float | bool | Ref | Text | Mapping[str, Node] | tuple[Node, ...] | None


@dataclass(frozen=True, slots=True)
class Provider:
    """A Terraform provider that units can use: ``aws`` from ``hashicorp/aws`` with a version constraint."""

    name: str
    source: str
    version: str


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of the four IAM roles of an account (``docs/live.md``, "Roles")."""

    bootstrap: str = "OrganizationAccountAccessRole"
    plan: str = "orch-plan"
    apply: str = "orch-apply"
    break_glass: str = "orch-break-glass"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a plan or an apply of one unit can take before orch asks Terraform to stop."""

    plan: float = 600.0
    apply: float = 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of ``live/orch.yaml``."""

    name: str
    region: str
    terraform: str
    orch: str
    providers: Mapping[str, Provider]
    state_bucket: str
    """Template of the bucket name. ``Account.state_bucket`` has the result."""
    roles: Roles
    tags: Mapping[str, str]
    timeouts: Timeouts
    management: str
    """Id of the account whose principals assume the roles in the others. The emulator's user is in it."""
    binary: str = "terraform"
    """``terraform`` or ``tofu``."""
    module_sources: tuple[str, ...] = ()
    """Addresses that modules can call modules from, in addition to those that stacks name."""
    environment: tuple[str, ...] = ()
    """Environment variables that Terraform and its providers get, in addition to the usual ones."""
    checks: tuple[str, ...] = ()
    """checkov's own checks that ``orch check`` runs: ids and severities."""
    warm: bool = True
    """Keep providers running between the Terraform commands of a run."""


@dataclass(frozen=True, slots=True)
class Account:
    """One AWS account."""

    name: str
    id: str
    region: str
    regions: tuple[str, ...]
    restricted: bool
    state_bucket: str
    roles: Roles
    tags: Mapping[str, str]
    at: Location
    profile: str | None = None
    """AWS profile that role assumption starts from, for people without a common management account."""

    def allows(self, region: str) -> bool:
        """Return whether units can be in a region: one of ``regions``, or any when ``regions`` is empty."""
        return not self.regions or region in self.regions


@dataclass(frozen=True, slots=True)
class Stage:
    """One running copy of the platform in one account. ``lineage`` is this stage, then the stages that it extends."""

    name: str
    account: str
    region: str
    lineage: tuple[str, ...]
    at: Location
    expires: str | None = None
    disposable: bool = False
    """Whether ``live/`` says that it may lose everything; ``run/disposable/check.py`` decides whether that counts."""
    disposable_at: Location | None = None
    """Where it says so."""
    named: str | None = None
    """The former name of a renamed stage, which its names in AWS keep."""


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """Where a module comes from: ``path`` for ``modules/NAME``, otherwise an address that Terraform fetches."""

    address: str
    version: str | None
    path: Path | None
    at: Location


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """An additional provider configuration of a unit: ``aws.edge: {region: X}`` or ``aws.dns: {account: NAME}``."""

    name: str
    alias: str | None
    account: str
    region: str
    at: Location


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that Terraform reads from a secret store while it plans and applies. orch never sees it."""

    variable: str
    store: str
    """``ssm`` or ``secretsmanager``."""
    key: str
    at: Location


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder that orch zips. The module variable gets the path of the zip file."""

    variable: str
    folder: Path
    at: Location


@dataclass(frozen=True, slots=True)
class Unit:
    """One stack in one stage (or account) and region. It has one state and is one node of the graph.

    Attributes:
        id: ``prod/api``, or ``prod/edge@us-east-1`` outside the region of the stage.
        stage: name of the stage; name of the account for a stack of the account itself.
        baseline: a stack of the account itself named ``baseline``. It creates the roles, so it runs under
            ``roles.bootstrap``.
        inputs: variable -> node, with references resolved to units.
        upstreams: ids of the units that must be done first, because of a reference or ``depends_on``, sorted.
        imports: address in the module -> import id.
        moved: old -> new address in the module.
        named: the former name of a renamed stack, which its names in AWS keep.
        named_stage: the former name of a renamed stage, which its names in AWS keep.
    """

    id: str
    stage: str
    stack: str
    account: str
    region: str
    module: ModuleSource
    inputs: Mapping[str, Node]
    at: Location
    upstreams: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    archives: tuple[Archive, ...] = ()
    providers: tuple[ProviderConfig, ...] = ()
    imports: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    named: str | None = None
    named_stage: str | None = None
    of_account: bool = False
    """Whether this is a stack of the account itself, not of a stage."""
    timeouts: Timeouts = Timeouts()

    @property
    def baseline(self) -> bool:
        """Whether this unit creates the roles that every other unit of its account runs under."""
        return self.of_account and self.stack == "baseline"

    @property
    def accounts(self) -> frozenset[str]:
        """Names of the accounts whose resources it can change: its own and those of its provider aliases."""
        return frozenset({self.account, *(config.account for config in self.providers)})

    @property
    def state_key(self) -> str:
        """Key of the state in the bucket of the account: ``STAGE/STACK/REGION/terraform.tfstate``."""
        return f"{self.stage}/{self.stack}/{self.region}/terraform.tfstate"

    @property
    def outputs_key(self) -> str:
        """Key of the outputs that are published to other accounts."""
        return f"outputs/{self.stage}/{self.stack}/{self.region}.json"

    @property
    def folder(self) -> str:
        """Folder of the unit inside any folder of units, as a relative POSIX path."""
        return f"{self.stage}/{self.stack}/{self.region}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole configuration, loaded and checked.

    Attributes:
        root: the folder that contains ``live/``.
        trusted: the files whose privileged keys were taken from the protected commit instead of ``root``; None: none.
    """

    root: Path
    settings: Settings
    accounts: Mapping[str, Account]
    stages: Mapping[str, Stage]
    units: Mapping[str, Unit]
    trusted: Mapping[str, bytes] | None = field(default=None, repr=False)

    def account_of(self, unit: Unit) -> Account:
        """Return the account that a unit runs in."""
        return self.accounts[unit.account]

    def restricted_accounts(self, unit: Unit) -> frozenset[str]:
        """Return the names of the restricted accounts whose resources a unit can change."""
        return frozenset(name for name in unit.accounts if self.accounts[name].restricted)

    def is_restricted(self, subject: str) -> bool:
        """Return whether a unit, or ``account:NAME``, can change a restricted account; one that is unknown may.

        Args:
            subject: the id of a unit, which may no longer be in ``live/``, or ``account:`` and the name of an account.
        """
        if (unit := self.units.get(subject)) is not None:
            return bool(self.restricted_accounts(unit))
        account = self.accounts.get(subject.removeprefix("account:"))
        return any(each.restricted for each in self.accounts.values()) if account is None else account.restricted


def has_baseline(catalogue: Catalogue, account: Account) -> bool:
    """Return whether ``live/`` has a stack that makes the roles of an account."""
    return any(unit.baseline and unit.account == account.name for unit in catalogue.units.values())


def references(node: Node) -> Iterator[Ref]:
    """Yield every reference in a node, in the order in which they are written."""
    value = node.value
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Text):
        yield from (part for part in value.parts if isinstance(part, Ref))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from references(item)


def unit_references(unit: Unit) -> Iterator[tuple[str, Ref]]:
    """Yield every reference of a unit with the variable that it sets."""
    for variable, node in unit.inputs.items():
        for ref in references(node):
            yield variable, ref
