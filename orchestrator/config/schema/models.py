"""The shape of each kind of file in ``live/``, strict: what ``docs/live.md`` lists, and nothing else.

The models check a file as it is written, before anything is merged. ``None`` stands where a file may clear what it
inherits. Descriptions end up in the JSON Schemas.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NAME = r"^[a-z][a-z0-9-]{0,30}$"
REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]+$"
ACCOUNT_ID = r"^[0-9]{12}$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
DURATION = r"^([1-9][0-9]*h)?([1-9][0-9]*m)?([1-9][0-9]*s)?$"
ROLE = r"^[A-Za-z0-9_+=,.@/-]+$"
IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_-]*$"
TAG_KEY = r"^[A-Za-z0-9_ .:/=+@-]+$"
TAG_VALUE = r"^[A-Za-z0-9_ .:/=+@-]*$"
PROFILE = r"^[A-Za-z0-9_.@:/+=, -]+$"
UNIT = r"^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*(@[a-z0-9-]+)?$"
STACK = r"^[a-z][a-z0-9-]{0,30}(@[a-z0-9-]+)?$"
PROVIDER = r"^([A-Za-z0-9]+([.-][A-Za-z0-9]+)*/)?[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9][A-Za-z0-9_-]*$"

PATTERN_DESCRIPTIONS = {
    NAME: "lower-case letters, digits and -, beginning with a letter, at most 31",
    REGION: "a region such as eu-west-1",
    ACCOUNT_ID: "the twelve digits of an AWS account",
    DATE: "a day such as 2027-01-31",
    DURATION: "a time such as 90s, 10m or 1h30m",
    ROLE: "the name of a role",
    IDENTIFIER: "letters, digits, _ and -, beginning with a letter",
    TAG_KEY: "letters, digits, spaces and _ . : / = + @ -",
    TAG_VALUE: "letters, digits, spaces and _ . : / = + @ -",
    PROFILE: "the name of an AWS profile",
    UNIT: "a unit: STAGE/STACK or STAGE/STACK@REGION",
    STACK: "a stack: NAME or NAME@REGION",
    PROVIDER: "the address of a provider, e.g. datadog/datadog",
}
"""Pattern -> what it asks for, in words."""

Name = Annotated[str, StringConstraints(pattern=NAME)]
Region = Annotated[str, StringConstraints(pattern=REGION)]
AccountId = Annotated[str, StringConstraints(pattern=ACCOUNT_ID)]
Duration = Annotated[str, StringConstraints(pattern=DURATION, min_length=2, max_length=12)]
RoleName = Annotated[str, StringConstraints(pattern=ROLE, max_length=64)]
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
TagKey = Annotated[str, StringConstraints(pattern=TAG_KEY, max_length=128)]
TagValue = Annotated[str, StringConstraints(pattern=TAG_VALUE, max_length=256)]
Date = Annotated[str, StringConstraints(pattern=DATE)]
UnitPath = Annotated[str, StringConstraints(pattern=UNIT)]
Profile = Annotated[str, StringConstraints(pattern=PROFILE, max_length=128)]
StackName = Annotated[str, StringConstraints(pattern=STACK)]


class StrictModel(BaseModel):
    """No unknown keys, no conversion of one kind of value into another."""

    model_config = ConfigDict(strict=True, extra="forbid")


class ProviderModel(StrictModel):
    """A provider that is not under ``hashicorp/``."""

    source: Annotated[str, StringConstraints(pattern=PROVIDER)] = Field(
        description="Address of the provider, e.g. datadog/datadog."
    )
    version: str = Field(description="Version or constraint.")


class StateModel(StrictModel):
    """Where states are kept."""

    bucket: str = Field(
        description="Name of each account's state bucket; ${{ name }}, ${{ account }}, ${{ account_id }}."
    )


class RolesModel(StrictModel):
    """Names of the roles in each account."""

    bootstrap: RoleName | None = Field(None, description="Makes the others.")
    plan: RoleName | None = Field(None, description="Reads; plans run under it.")
    apply: RoleName | None = Field(None, description="Writes; applies run under it. It deletes nothing protected.")
    break_glass: RoleName | None = Field(
        None, description="Applies what a waiver allows, or with --break-glass; its session says who and why."
    )


class TimeoutsModel(StrictModel):
    """How long one unit may take."""

    plan: Duration | None = Field(None, description="Limit for a plan, e.g. 10m.")
    apply: Duration | None = Field(None, description="Limit for an apply, e.g. 60m.")


class OrchModel(StrictModel):
    """``live/orch.yaml``: what is true for the whole catalogue."""

    format: Literal[1] = Field(description="Version of the catalogue's format.")
    name: Name = Field(description="First part of every name in AWS. It never changes.")
    orch: str = Field(description='Versions of orch that may run this catalogue, e.g. "~=0.1".')
    region: Region = Field(description="Region of everything that does not say otherwise.")
    terraform: str = Field(">=1.11,<2.0", description="Versions of Terraform that may be used.")
    binary: Literal["terraform", "tofu"] = Field("terraform", description="Which program runs.")
    providers: dict[Identifier, Any] = Field(
        default_factory=dict, description="Provider -> version; others than hashicorp's: {source, version}."
    )
    module_sources: list[str] | None = Field(
        None, description="Addresses that modules may call modules from, beside those that stacks name themselves."
    )
    state: StateModel = Field(description="Where states are kept.")
    roles: RolesModel | None = Field(None, description="Names of the roles in each account.")
    tags: dict[TagKey, TagValue] | None = Field(None, description="Tags on everything.")
    timeouts: TimeoutsModel | None = Field(None, description="How long one unit may take.")
    management: AccountId = Field(
        "999999999999", description="The account whose principals enter the others; the emulator's entry user is there."
    )


class AliasModel(StrictModel):
    """A further provider configuration of a stack."""

    region: Region | None = Field(None, description="Its region.")
    account: Name | None = Field(None, description="Its account.")


class StackModel(StrictModel):
    """``live/stacks/NAME.yaml``, and what a stage may say differently."""

    module: str | None = Field(None, description="Folder under modules/, a registry address, or git::https://…")
    version: str | None = Field(None, description="Version of a module with an address.")
    depends_on: list[StackName] | None = Field(None, description="Order without data.")
    inputs: dict[Identifier, Any] | None = Field(None, description="Variables of the module.")
    secrets: dict[Identifier, str | None] | None = Field(
        None, description="Ephemeral variable -> ssm:/path or secretsmanager:ID."
    )
    archives: dict[Identifier, str | None] | None = Field(None, description="Variable -> folder that orch zips for it.")
    providers: dict[str, AliasModel | None] | None = Field(
        None, description="The module's further provider configurations."
    )
    region: Region | None = Field(None, description="Its region.")
    regions: list[Region] | None = Field(None, description="One unit in each of these regions.")
    timeouts: TimeoutsModel | None = Field(None, description="How long a unit of it may take.")
    imports: dict[str, str | None] | None = Field(
        None, description="Address in the module -> id of what exists already."
    )
    moved: dict[str, str | None] | None = Field(None, description="Old address in the module -> new address.")
    named: Name | None = Field(None, description="Keep the names in AWS that a stack of this name had.")


# An entry of `stacks` is a StackModel, empty, or false. It is checked by hand (files.py): of a union that does not fit
# pydantic reports every member, and a person wants one line.
StackEntryModel = Any


class AccountModel(StrictModel):
    """``live/accounts/NAME.yaml``."""

    id: AccountId = Field(description="Twelve digits, quoted.")
    access: Literal["restricted", "open"] = Field(
        "restricted", description="restricted: apply asks for the stage's name and a clean tree."
    )
    region: Region | None = Field(None, description="Its region.")
    regions: list[Region] | None = Field(None, description="Regions that are allowed here.")
    stacks: dict[Name, StackEntryModel] | None = Field(None, description="The account's own stacks, before its stages.")
    roles: RolesModel | None = Field(None, description="Names of the roles, where they differ.")
    tags: dict[TagKey, TagValue] | None = Field(None, description="Tags on everything in it.")
    profile: Profile | None = Field(None, description="AWS profile to start from, for people.")


class StageModel(StrictModel):
    """``live/stages/NAME.yaml``."""

    account: Name | None = Field(None, description="The account that it runs in.")
    extends: Name | None = Field(None, description="The stage that this one is like.")
    region: Region | None = Field(None, description="Its region.")
    stacks: dict[Name, StackEntryModel] | None = Field(
        None, description="Which stacks, and what differs here; false: not here."
    )
    uses: dict[Name, UnitPath | None] | None = Field(
        None, description="Units of other stages, by the name that stacks know them by."
    )
    expires: Date | None = Field(None, description="Day after which it may be removed.")
    named: Name | None = Field(None, description="Keep the names in AWS that a stage of this name had.")
    disposable: bool | None = Field(None, description="It may be destroyed without being asked for by name.")
