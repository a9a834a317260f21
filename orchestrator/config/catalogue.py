"""The catalogue as frozen records: what every other room reads and none changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from orchestrator.errors import Location

SET_BY_ORCH = frozenset({"names", "name", "protected_delete_apis"})
"""Module variables that orch sets when a stack does not: names in AWS, and the API calls that delete protected data."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to an output of another unit, already resolved to that unit.

    Attributes:
        unit: id of the unit whose output is read.
        output: name of the output.
        path: keys and indices inside the output's value; empty for the whole of it.
        at: where it is written.
        foreign: the unit is in another account, so its outputs come from its published file, never from its state.
    """

    unit: str
    output: str
    path: tuple[str | int, ...]
    at: Location
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Text with references inside; each reference must turn out to be a scalar."""

    parts: tuple[str | Ref, ...]
    at: Location


@dataclass(frozen=True, slots=True)
class Node:
    """One resolved value of the catalogue and the place that set it.

    ``value`` is a scalar (str, int, float, bool, None), a mapping or a tuple of nodes, a ``Ref`` or a ``Text``.
    Nodes without references are shared between the units that inherit them.
    """

    value: Value
    at: Location


Value: TypeAlias = str | int | float | bool | Ref | Text | Mapping[str, Node] | tuple[Node, ...] | None


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider that units may use: ``aws`` -> ``hashicorp/aws`` at a version constraint."""

    name: str
    source: str
    version: str


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of the four roles of an account (``docs/live.md``, "Roles")."""

    bootstrap: str = "OrganizationAccountAccessRole"
    plan: str = "orch-plan"
    apply: str = "orch-apply"
    break_glass: str = "orch-break-glass"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that one unit's plan or apply may take before orch asks Terraform to stop."""

    plan: float = 600.0
    apply: float = 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """``live/orch.yaml``, checked."""

    name: str
    region: str
    terraform: str
    orch: str
    providers: Mapping[str, Provider]
    state_bucket: str
    """Template of the bucket's name; ``Account.state_bucket`` has it filled in."""
    roles: Roles
    tags: Mapping[str, str]
    timeouts: Timeouts
    binary: str = "terraform"
    """``terraform`` or ``tofu``."""
    management: str = "999999999999"
    """Id of the account whose principals enter the others; the emulator's entry user is there."""
    module_sources: tuple[str, ...] = ()
    """Addresses that modules may call modules from, beside those that stacks name themselves."""


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
    """A named AWS profile that the chain starts from, for people without a common entry account."""

    def allows(self, region: str) -> bool:
        """Whether units may be in a region: those of ``regions``, or all when it names none."""
        return not self.regions or region in self.regions


@dataclass(frozen=True, slots=True)
class Stage:
    """One running copy of the platform in one account. ``lineage``: this stage, then what it extends."""

    name: str
    account: str
    region: str
    lineage: tuple[str, ...]
    at: Location
    expires: str | None = None
    disposable: bool = False
    named: str | None = None
    """The stage name that names in AWS keep, when the stage was renamed."""


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """Where a stack's module comes from: ``path`` for ``modules/NAME``, else an address that Terraform fetches."""

    address: str
    version: str | None
    path: Path | None
    at: Location


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """One further provider configuration of a unit: ``aws.edge: {region: X}`` or ``aws.dns: {account: NAME}``."""

    name: str
    alias: str | None
    account: str
    region: str
    at: Location


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that Terraform reads at plan and apply time and orch never sees."""

    variable: str
    store: str
    """``ssm`` or ``secretsmanager``."""
    key: str
    at: Location


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder that orch zips: the module's variable gets the path of the zip."""

    variable: str
    folder: Path
    at: Location


@dataclass(frozen=True, slots=True)
class Unit:
    """One stack in one stage (or account) and region: one state, one node of the graph.

    Attributes:
        id: ``prod/api``, or ``prod/edge@us-east-1`` outside the stage's region.
        stage: the stage's name; the account's name for an account's own stack.
        baseline: an account's own stack named ``baseline``: it makes the roles, so it runs under ``roles.bootstrap``.
        inputs: variable -> node; references inside are resolved to units.
        upstreams: ids of the units that must be done first, data and order alike, sorted.
        imports: address inside the module -> import id; ``moved``: old -> new address inside the module.
        named: the stack name that names in AWS keep, when the unit was renamed; ``named_stage``: the stage name.
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
    """An account's own stack, not a stage's."""
    timeouts: Timeouts = Timeouts()

    @property
    def baseline(self) -> bool:
        """Whether this unit makes the roles that every other unit of its account runs under."""
        return self.of_account and self.stack == "baseline"

    @property
    def state_key(self) -> str:
        """Key of the state in the account's bucket: ``STAGE/STACK/REGION/terraform.tfstate``."""
        return f"{self.stage}/{self.stack}/{self.region}/terraform.tfstate"

    @property
    def outputs_key(self) -> str:
        """Key of the outputs published for other accounts."""
        return f"outputs/{self.stage}/{self.stack}/{self.region}.json"

    @property
    def folder(self) -> str:
        """The unit's folder below any folder of units, as a relative POSIX path."""
        return f"{self.stage}/{self.stack}/{self.region}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that ``live/`` says, loaded and checked. ``root`` is the folder that contains ``live/``."""

    root: Path
    settings: Settings
    accounts: Mapping[str, Account]
    stages: Mapping[str, Stage]
    units: Mapping[str, Unit]

    def account_of(self, unit: Unit) -> Account:
        """The account that a unit runs in."""
        return self.accounts[unit.account]


def references(node: Node) -> Iterator[Ref]:
    """Every reference in a node, in the order in which they are written."""
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
    """Every reference of a unit with the variable that it feeds."""
    for variable, node in unit.inputs.items():
        for ref in references(node):
            yield variable, ref
