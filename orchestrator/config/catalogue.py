"""The loaded configuration as frozen records: accounts, stages, units and their resolved values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.config.nodes import Node, PlainValue, Ref, Unset, references
from orchestrator.errors import Location

DELETE_APIS = "protected_delete_apis"
"""Module variable that gets the IAM actions that delete protected resources. Only orch sets it: IAM denies them."""

DISPOSABLE_STAGES = "disposable_stages"
"""Module variable that says whether stages of the account may be disposable. Only orch sets it: IAM follows it."""

ONLY_BY_ORCH = frozenset({DELETE_APIS, DISPOSABLE_STAGES})
"""Module variables that no stack may set: IAM follows them."""

NOT_CREATED = "000000000000"
"""Id of an account that does not exist yet. No AWS account has it."""

NAME_VARIABLES = ("name", "names")
"""Module variables that orch sets to the names in AWS of a unit, if the stack or the module asks for it."""


@dataclass(frozen=True, slots=True)
class RunKey:
    """A value of one run that ``live/orch.yaml`` declares under ``run``.

    Attributes:
        name: its name, in ``--set NAME=VALUE`` and ``${{ run.NAME }}``.
        type: ``string``, ``number`` or ``bool``.
        required: it has no default.
        default: the value when it is not given.
        at: where it is declared.
    """

    name: str
    type: str
    required: bool
    default: PlainValue
    at: Location


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
    retry: tuple[str, ...] = ()
    """Errors that pass on their own, as regular expressions, in addition to those that orch knows."""
    run: Mapping[str, RunKey] = field(default_factory=dict)
    """Values of one run, by name."""


@dataclass(frozen=True, slots=True)
class Membership:
    """How an account belongs to the organization of AWS accounts.

    Attributes:
        email: address of its root user. No two AWS accounts have the same.
        organizational_unit: names below the root, such as ``Workloads/Development``, or an id (``ou-…``); None: any.
        at: where it is written.
    """

    email: str
    organizational_unit: str | None
    at: Location


@dataclass(frozen=True, slots=True)
class Account:
    """One AWS account. ``id`` is `NOT_CREATED` until `orch bootstrap` has created it."""

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
    state_prefix: str = ""
    """Prefix of all keys in the state bucket; ends with ``/`` unless it is empty."""
    state_kms_key: str | None = None
    """KMS key that encrypts states: ``alias/NAME``, ARN or id. None: the bucket's own default."""
    organization: Membership | None = None

    @property
    def created(self) -> bool:
        """Whether the account exists, as far as ``live/`` says."""
        return self.id != NOT_CREATED

    def state_url(self, key: str = "") -> str:
        """Return the address of an object in the state bucket: ``s3://BUCKET/PREFIX/KEY``."""
        return f"s3://{self.state_bucket}/{self.state_prefix}{key}"

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
class ProviderArguments:
    """A configuration of a provider other than aws.

    Attributes:
        name: local name of the provider.
        alias: its alias; None for the default configuration.
        arguments: argument or block -> value.
        at: where it is written.
    """

    name: str
    alias: str | None
    arguments: Mapping[str, Node]
    at: Location

    @property
    def key(self) -> str:
        """Its name in ``live/``: ``datadog``, or ``datadog.eu``."""
        return f"{self.name}.{self.alias}" if self.alias else self.name


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that Terraform reads from a secret store while it plans and applies. orch never sees it.

    Attributes:
        variable: its name under ``secrets``: a module variable, unless only provider arguments read it.
        store: ``ssm`` or ``secretsmanager``.
        key: the parameter's path or the secret's id.
        at: where it is written.
        passed: it is a variable of the module.
    """

    variable: str
    store: str
    key: str
    at: Location
    passed: bool = True


@dataclass(frozen=True, slots=True)
class Build:
    """How a folder is built before it is zipped.

    Attributes:
        run: program and arguments; never a shell.
        inputs: globs below the folder: the files that the program gets.
        network: the program may use the network.
        output: the folder below the built one that is zipped; empty: all of it.
        at: where it is written.
    """

    run: tuple[str, ...]
    inputs: tuple[str, ...]
    network: bool
    output: str
    at: Location


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder that orch zips. The module variable gets the path of the zip file."""

    variable: str
    folder: Path
    at: Location
    build: Build | None = None


@dataclass(frozen=True, slots=True)
class NameVariable:
    """A module variable that orch sets to the names in AWS of its unit.

    Attributes:
        variable: one of ``NAME_VARIABLES``.
        at: what asks for it: ``names: true`` in ``live/``, or the declaration of the variable.
    """

    variable: str
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
        providers: its additional configurations of aws.
        configured: its configurations of other providers.
        imports: address in the module -> import id.
        moved: old -> new address in the module.
        named: the former name of a renamed stack, which its names in AWS keep.
        named_stage: the former name of a renamed stage, which its names in AWS keep.
        run_values: the values of the run that it reads.
        unset: the values of the run that it reads and that were not given: it cannot be planned.
        name_variables: the module variables that orch sets to its names in AWS.
        outputs: names of the outputs of its module, without ephemeral ones; None if Terraform downloads the module.
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
    configured: tuple[ProviderArguments, ...] = ()
    imports: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    named: str | None = None
    named_stage: str | None = None
    name_variables: tuple[NameVariable, ...] = ()
    outputs: frozenset[str] | None = None
    of_account: bool = False
    """Whether this is a stack of the account itself, not of a stage."""
    timeouts: Timeouts = Timeouts()
    run_values: Mapping[str, PlainValue] = field(default_factory=dict)
    unset: tuple[Unset, ...] = ()

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
        run_values: the values of this run, given or by default.
    """

    root: Path
    settings: Settings
    accounts: Mapping[str, Account]
    stages: Mapping[str, Stage]
    units: Mapping[str, Unit]
    trusted: Mapping[str, bytes] | None = field(default=None, repr=False)
    run_values: Mapping[str, PlainValue] = field(default_factory=dict)

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


def unit_references(unit: Unit) -> Iterator[tuple[str, Ref]]:
    """Yield every reference of a unit with the variable or the provider configuration that it is for."""
    yield from input_references(unit)
    yield from provider_references(unit)


def provider_references(unit: Unit) -> Iterator[tuple[str, Ref]]:
    """Yield every reference in provider arguments with the key of the configuration: ``datadog.eu``."""
    for config in unit.configured:
        for node in config.arguments.values():
            for ref in references(node):
                yield config.key, ref


def input_references(unit: Unit) -> Iterator[tuple[str, Ref]]:
    """Yield every reference in the inputs of a unit with the variable that it sets."""
    for variable, node in unit.inputs.items():
        for ref in references(node):
            yield variable, ref


def declared_outputs(catalogue: Catalogue, unit: Unit) -> frozenset[str]:
    """Return the names of the outputs in a unit's root: all of a local module, of another those that units read."""
    if unit.outputs is not None:
        return unit.outputs
    others = catalogue.units.values()
    return frozenset(ref.output for other in others for _, ref in unit_references(other) if ref.unit == unit.id)
