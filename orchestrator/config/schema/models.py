"""The strict shape of each kind of file in ``live/``, as ``docs/live.md`` describes it.

The models check a file as written, before anything is merged. ``None`` is allowed where a file can clear what it
inherits. The descriptions appear in the JSON Schemas.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NAME = r"^[a-z][a-z0-9-]{0,30}$"
REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]+$"
ACCOUNT_ID = r"^[0-9]{12}$"
EMAIL = r"^[A-Za-z0-9_.+%'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
ORGANIZATIONAL_UNIT = r"^[^/\s]([^/]*[^/\s])?(/[^/\s]([^/]*[^/\s])?)*$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
DURATION = r"^([1-9][0-9]*h)?([1-9][0-9]*m)?([1-9][0-9]*s)?$"
ROLE = r"^[A-Za-z0-9_+=,.@/-]+$"
IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_-]*$"
TAG_KEY = r"^[A-Za-z0-9_ .:/=+@-]+$"
TAG_VALUE = r"^[A-Za-z0-9_ .:/=+@-]*$"
PROFILE = r"^[A-Za-z0-9_.@:/+=, -]+$"
UNIT = r"^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*(@[a-z0-9-]+)?$"
STACK = r"^[a-z][a-z0-9-]{0,30}(@[a-z0-9-]+)?$"
CHECK = r"^(CKV2?_[A-Z0-9]+_[0-9]+|LOW|MEDIUM|HIGH|CRITICAL)$"
PROVIDER = r"^([A-Za-z0-9]+([.-][A-Za-z0-9]+)*/)?[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9][A-Za-z0-9_-]*$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"

PATTERN_DESCRIPTIONS = {
    NAME: "lowercase letters, digits and -, starting with a letter, at most 31 characters",
    REGION: "an AWS region such as eu-west-1",
    ACCOUNT_ID: "a 12-digit AWS account ID",
    EMAIL: "an e-mail address such as aws+sandbox@example.com",
    ORGANIZATIONAL_UNIT: "names of organizational units such as Workloads/Development, or an id (ou-…)",
    DATE: "a date such as 2027-01-31",
    DURATION: "a duration such as 90s, 10m or 1h30m",
    ROLE: "an IAM role name",
    IDENTIFIER: "letters, digits, _ and -, starting with a letter or _",
    TAG_KEY: "letters, digits, spaces and _ . : / = + @ -",
    TAG_VALUE: "letters, digits, spaces and _ . : / = + @ -",
    PROFILE: "an AWS profile name",
    UNIT: "a unit such as STAGE/STACK or STAGE/STACK@REGION",
    STACK: "a stack such as NAME or NAME@REGION",
    CHECK: "an id of checkov such as CKV_AWS_53, or LOW, MEDIUM, HIGH or CRITICAL",
    PROVIDER: "a provider address such as datadog/datadog",
    VARIABLE: "letters, digits and _, starting with a letter or _",
}
"""Pattern -> what it allows, in words."""

Name = Annotated[str, StringConstraints(pattern=NAME)]
Region = Annotated[str, StringConstraints(pattern=REGION)]
AccountId = Annotated[str, StringConstraints(pattern=ACCOUNT_ID)]
Duration = Annotated[str, StringConstraints(pattern=DURATION, min_length=2, max_length=12)]
RoleName = Annotated[str, StringConstraints(pattern=ROLE, max_length=64)]
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
TagKey = Annotated[str, StringConstraints(pattern=TAG_KEY, max_length=128)]
TagValue = Annotated[str, StringConstraints(pattern=TAG_VALUE, max_length=256)]
Email = Annotated[str, StringConstraints(pattern=EMAIL, max_length=64)]
OrganizationalUnit = Annotated[str, StringConstraints(pattern=ORGANIZATIONAL_UNIT, max_length=512)]
Date = Annotated[str, StringConstraints(pattern=DATE)]
UnitPath = Annotated[str, StringConstraints(pattern=UNIT)]
Profile = Annotated[str, StringConstraints(pattern=PROFILE, max_length=128)]
VariableName = Annotated[str, StringConstraints(pattern=VARIABLE)]
CheckName = Annotated[str, StringConstraints(pattern=CHECK)]
StackName = Annotated[str, StringConstraints(pattern=STACK)]


class StrictModel(BaseModel):
    """A model without unknown keys and without conversion between types."""

    model_config = ConfigDict(strict=True, extra="forbid")


class ProviderModel(StrictModel):
    """A provider outside ``hashicorp/``."""

    source: Annotated[str, StringConstraints(pattern=PROVIDER)] = Field(
        description="Provider address, e.g. datadog/datadog."
    )
    version: str = Field(description="Version or constraint.")


class StateModel(StrictModel):
    """Where Terraform states are stored."""

    bucket: str = Field(
        description="Name of each account's bucket; ${{ name }}, ${{ account }}, ${{ account_id }}, ${{ region }}."
    )


class RolesModel(StrictModel):
    """Names of the IAM roles in each account."""

    bootstrap: RoleName | None = Field(None, description="Role that creates the other roles.")
    plan: RoleName | None = Field(None, description="Read-only role for plans.")
    apply: RoleName | None = Field(None, description="Role for applies. It cannot delete protected resources.")
    break_glass: RoleName | None = Field(
        None,
        description="Role for applies with a waiver or --break-glass. Its session tags record who and why.",
    )


class TimeoutsModel(StrictModel):
    """Time limits for one unit."""

    plan: Duration | None = Field(None, description="Time limit for a plan, e.g. 10m.")
    apply: Duration | None = Field(None, description="Time limit for an apply, e.g. 60m.")


class OrchModel(StrictModel):
    """``live/orch.yaml``: settings for the whole repository."""

    format: Literal[1] = Field(description="Version of the file format.")
    name: Name = Field(description="First part of every name in AWS. Do not change it later.")
    orch: str = Field(description='Versions of orch that can run this repository, e.g. "~=0.1".')
    region: Region = Field(description="Default region.")
    terraform: str = Field(">=1.11,<2.0", description="Allowed Terraform versions.")
    binary: Literal["terraform", "tofu"] = Field("terraform", description="Program to run: terraform or tofu.")
    providers: dict[Identifier, Any] = Field(
        default_factory=dict, description="Provider -> version. For providers outside hashicorp/: {source, version}."
    )
    module_sources: list[str] | None = Field(
        None, description="Addresses that modules can call modules from, in addition to those that stacks name."
    )
    environment: list[VariableName] | None = Field(
        None, description="Environment variables that Terraform and its providers get, in addition to the usual ones."
    )
    checks: list[CheckName] | None = Field(
        None, description="checkov's own checks that `orch check` runs: ids, or the lowest severity."
    )
    state: StateModel = Field(description="Where Terraform states are stored.")
    roles: RolesModel | None = Field(None, description="Names of the IAM roles in each account.")
    tags: dict[TagKey, TagValue] | None = Field(None, description="Tags for every resource.")
    timeouts: TimeoutsModel | None = Field(None, description="Time limits for one unit.")
    warm: bool = Field(True, description="Keep providers running between Terraform commands of a run.")
    management: AccountId = Field(
        description="Account whose principals assume the roles in the others. The emulator's user is in it."
    )


class AliasModel(StrictModel):
    """An additional provider configuration of a stack."""

    region: Region | None = Field(None, description="Region.")
    account: Name | None = Field(None, description="Account.")


class StackModel(StrictModel):
    """``live/stacks/NAME.yaml``, and the keys that a stage can override."""

    module: str | None = Field(None, description="Folder in modules/, a registry address, or git::https://…")
    version: str | None = Field(None, description="Version of a registry module, or the git ref of a git module.")
    depends_on: list[StackName] | None = Field(
        None, description="Stacks to apply first, although none of their outputs is read."
    )
    inputs: dict[Identifier, Any] | None = Field(None, description="Module variables -> values.")
    secrets: dict[Identifier, str | None] | None = Field(
        None, description="Ephemeral module variable -> ssm:/path or secretsmanager:ID."
    )
    archives: dict[Identifier, str | None] | None = Field(None, description="Module variable -> folder to zip.")
    providers: dict[str, AliasModel | None] | None = Field(
        None, description="Additional provider configurations that the module requires."
    )
    region: Region | None = Field(None, description="Region.")
    regions: list[Region] | None = Field(None, description="Regions. Each gets its own unit.")
    timeouts: TimeoutsModel | None = Field(None, description="Time limits for each unit.")
    imports: dict[str, str | None] | None = Field(
        None, description="Resource address in the module -> ID of the existing resource to import."
    )
    moved: dict[str, str | None] | None = Field(None, description="Old address in the module -> new address.")
    named: Name | None = Field(None, description="Former name of the stack, which its names in AWS keep.")


# An entry of `stacks` is a StackModel, empty, or false. validate.py checks it, because pydantic reports one error for
# each member of a union.
StackEntryModel = Any


class OrganizationModel(StrictModel):
    """How an account belongs to AWS Organizations."""

    email: Email = Field(description="Address of the account's root user, which no other AWS account has.")
    organizational_unit: OrganizationalUnit | None = Field(
        None, description="Organizational unit of the account: names below the root such as Workloads/Development."
    )


class AccountModel(StrictModel):
    """``live/accounts/NAME.yaml``."""

    id: AccountId | None = Field(
        None, description="12-digit account ID, quoted. `orch bootstrap` creates an account without one."
    )
    organization: OrganizationModel | None = Field(
        None, description="Where the account belongs in AWS Organizations; required if it does not exist yet."
    )
    access: Literal["restricted", "open"] = Field(
        "restricted", description="restricted: an apply asks for the stage name and requires a clean working tree."
    )
    region: Region | None = Field(None, description="Region.")
    regions: list[Region] | None = Field(None, description="Allowed regions.")
    stacks: dict[Name, StackEntryModel] | None = Field(
        None, description="Stacks of the account itself, applied before its stages."
    )
    roles: RolesModel | None = Field(None, description="Names of the IAM roles, where they differ.")
    tags: dict[TagKey, TagValue] | None = Field(None, description="Tags for every resource in the account.")
    profile: Profile | None = Field(None, description="AWS profile to start from.")


class StageModel(StrictModel):
    """``live/stages/NAME.yaml``."""

    account: Name | None = Field(None, description="Account that the stage runs in.")
    extends: Name | None = Field(None, description="Stage whose keys and stacks this one inherits.")
    region: Region | None = Field(None, description="Region.")
    stacks: dict[Name, StackEntryModel] | None = Field(
        None, description="Stacks of the stage and what they override. false leaves an inherited stack out."
    )
    uses: dict[Name, UnitPath | None] | None = Field(
        None, description="Name that references use -> unit of another stage, STAGE/STACK. null makes its outputs null."
    )
    expires: Date | None = Field(None, description="Date after which the stage can be removed.")
    named: Name | None = Field(None, description="Former name of the stage, which its names in AWS keep.")
    disposable: bool | None = Field(
        None,
        description="Whether the stage may be destroyed and rebuilt with all its data. Only for a new stage in an "
        "account with access: open. Never inherited.",
    )
