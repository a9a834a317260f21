"""orch adopt --pool and --resource: what people made by hand comes under code, and nothing of it changes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import Account
from tests.support.project import Project
from tests.support.states import States

pytestmark = pytest.mark.integration

LAMBDA = "arn:aws:lambda:eu-west-1:111111111111:function:hook"
SECRET = "google-s3cr3t"


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account: Account) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account.id})
    made.write("live/stages/prod.yaml", "# by hand\naccount: main\nstacks:\n  identity:  # the pool\n  box:\n")
    made.write("live/stacks/identity.yaml", "module: user_pool\n")
    made.write("live/stacks/box.yaml", "module: box\n")
    made.module("user_pool")
    return made.ready()


def live(project: Project) -> str:
    return "\n".join(path.read_text() for path in sorted((project.root / "live").rglob("*.yaml")))


def rich_pool(idp: Any, suffix: str) -> str:
    """A pool as a team has it after some years of clicking. Returns its id."""
    pool = idp.create_user_pool(
        PoolName="Members 2019",
        UsernameAttributes=["email"],
        AutoVerifiedAttributes=["email"],
        MfaConfiguration="OFF",
        DeletionProtection="ACTIVE",
        Schema=[
            {"Name": "email", "AttributeDataType": "String", "Required": True, "Mutable": True},
            {"Name": "plan", "AttributeDataType": "String"},
            {
                "Name": "company",
                "AttributeDataType": "String",
                "Mutable": True,
                "StringAttributeConstraints": {"MinLength": "1", "MaxLength": "64"},
            },
            {
                "Name": "age",
                "AttributeDataType": "Number",
                "Mutable": False,
                "NumberAttributeConstraints": {"MinValue": "0", "MaxValue": "150"},
            },
            {"Name": "since", "AttributeDataType": "DateTime", "DeveloperOnlyAttribute": True},
        ],
        Policies={
            "PasswordPolicy": {
                "MinimumLength": 6,
                "RequireUppercase": False,
                "RequireLowercase": True,
                "RequireNumbers": True,
                "RequireSymbols": False,
                "TemporaryPasswordValidityDays": 30,
            }
        },
        LambdaConfig={"PreSignUp": LAMBDA, "CustomMessage": LAMBDA},
        EmailConfiguration={
            "EmailSendingAccount": "DEVELOPER",
            "SourceArn": "arn:aws:ses:eu-west-1:111111111111:identity/example.com",
            "From": "Members <members@example.com>",
        },
        VerificationMessageTemplate={
            "DefaultEmailOption": "CONFIRM_WITH_CODE",
            "EmailMessage": 'Your code:\n<b class="x">{####}</b>',
            "EmailSubject": "Yes",
            "SmsMessage": "{####} is your code",
        },
        DeviceConfiguration={"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False},
        AccountRecoverySetting={"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
        UserPoolTags={"team": "members", "created": "2019-01-01"},
    )["UserPool"]["Id"]
    idp.set_user_pool_mfa_config(
        UserPoolId=pool, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True}
    )
    idp.create_user_pool_domain(UserPoolId=pool, Domain=f"members-{suffix}")
    idp.create_resource_server(
        UserPoolId=pool,
        Identifier="https://api.example.com",
        Name="API",
        Scopes=[{"ScopeName": "read", "ScopeDescription": "Read"}],
    )
    idp.create_identity_provider(
        UserPoolId=pool,
        ProviderName="Google",
        ProviderType="Google",
        ProviderDetails={"client_id": "google", "client_secret": SECRET, "authorize_scopes": "openid email"},
        AttributeMapping={"email": "email", "username": "sub"},
    )
    idp.create_user_pool_client(
        UserPoolId=pool,
        ClientName="web app",
        GenerateSecret=True,
        ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["code"],
        AllowedOAuthScopes=["openid", "https://api.example.com/read"],
        CallbackURLs=["https://members.example.com/in", "http://localhost:3000"],
        SupportedIdentityProviders=["COGNITO", "Google"],
        AccessTokenValidity=60,
        IdTokenValidity=60,
        RefreshTokenValidity=90,
        TokenValidityUnits={"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
        PreventUserExistenceErrors="LEGACY",
        ReadAttributes=["email", "custom:company"],
    )
    idp.create_user_pool_client(UserPoolId=pool, ClientName="old", ExplicitAuthFlows=["ADMIN_NO_SRP_AUTH"])
    idp.create_group(UserPoolId=pool, GroupName="admins", Description="Who may", Precedence=1)
    return str(pool)


def add_user(idp: Any, pool: str, name: str = "ann@example.com") -> None:
    idp.admin_create_user(
        UserPoolId=pool, Username=name, UserAttributes=[{"Name": "email", "Value": "ann@example.com"}]
    )


def users(idp: Any, pool: str) -> list[str]:
    found = idp.list_users(UserPoolId=pool)["Users"]
    return [a["Value"] for user in found for a in user["Attributes"] if a["Name"] == "email"]


def test_a_pool_made_by_hand_comes_under_code_and_gets_an_attribute_in_place(
    project: Project, account: Account
) -> None:
    idp = account.client("cognito-idp")
    pool = rich_pool(idp, account.id)
    add_user(idp, pool)
    before, described = live(project), idp.describe_user_pool(UserPoolId=pool)["UserPool"]

    absent = project.orch("adopt", "prod/identity", "--pool", "eu-west-1_Nowhere00", code=2)
    assert f"{pool} (Members 2019)" in absent.err, "the pools that are there are listed"
    other = project.orch("adopt", "prod/box", "--pool", pool, code=2)
    assert "writes inputs of the module user_pool" in other.err

    tried = project.orch("adopt", "prod/identity", "--pool", pool, "--dry-run")
    assert "nothing was written" in tried.out
    assert live(project) == before

    assert "could not be read" not in tried.out
    assert tried.err.count("The emulator does not have: a UI customization of the hosted pages, a risk") == 1

    adopted = project.orch("adopt", "prod/identity", "--pool", pool, "--json").json
    assert adopted["units"][0]["status"] == "planned"
    imported = [each for each in adopted["units"][0]["changes"] if each["imported_id"]]
    assert len(imported) == 7, "pool, domain, two clients, group, resource server, identity provider"
    written = (project.root / "live/stages/prod.yaml").read_text()
    assert written.startswith("# by hand\n")
    assert "# the pool" in written
    secret = next(
        idp.describe_user_pool_client(UserPoolId=pool, ClientId=each["ClientId"])["UserPoolClient"]["ClientSecret"]
        for each in idp.list_user_pool_clients(UserPoolId=pool, MaxResults=9)["UserPoolClients"]
        if each["ClientName"] == "web app"
    )
    for text in (live(project), json.dumps(adopted)):
        assert SECRET not in text
        assert secret not in text
    assert States(project).addresses("prod/identity") == [], "only an apply writes the state"

    project.orch("apply", "prod/identity", "--yes")
    project.orch("plan", "prod/identity", "--detailed-exitcode", code=0)
    after = idp.describe_user_pool(UserPoolId=pool)["UserPool"]
    changing = {"LastModifiedDate", "UserPoolTags"}
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in described.items() if k not in changing
    }
    assert after["UserPoolTags"].items() >= described["UserPoolTags"].items()
    kept = idp.describe_identity_provider(UserPoolId=pool, ProviderName="Google")["IdentityProvider"]
    assert kept["ProviderDetails"]["client_secret"] == SECRET

    text = (project.root / "live/stages/prod.yaml").read_text()
    marker = "      attributes:\n"
    project.write("live/stages/prod.yaml", text.replace(marker, f"{marker}        department: {{max: 32}}\n"))
    project.orch("apply", "prod/identity", "--yes")
    assert users(idp, pool) == ["ann@example.com"]
    names = {each["Name"] for each in idp.describe_user_pool(UserPoolId=pool)["UserPool"]["SchemaAttributes"]}
    assert {"custom:department", "custom:company"} <= names
    project.orch("plan", "prod/identity", "--detailed-exitcode", code=0)


def kept(idp: Any, pool: str) -> dict[str, Any]:
    """What an adoption leaves as it is: all but the tags of live/, and the time of their writing."""
    found = idp.describe_user_pool(UserPoolId=pool)["UserPool"]
    return {key: value for key, value in found.items() if key not in {"LastModifiedDate", "UserPoolTags"}}


def plain(idp: Any) -> dict[str, Any]:
    return {"PoolName": "plain"}


def with_aliases(idp: Any) -> dict[str, Any]:
    return {
        "PoolName": "aliases",
        "AliasAttributes": ["email", "preferred_username"],
        "UsernameConfiguration": {"CaseSensitive": True},
        "EmailVerificationMessage": "{####}, please",
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
        "AutoVerifiedAttributes": ["email"],
    }


def case_insensitive(idp: Any) -> dict[str, Any]:
    return {
        "PoolName": "insensitive",
        "UsernameAttributes": ["email", "phone_number"],
        "UsernameConfiguration": {"CaseSensitive": False},
        "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::111111111111:role/sms", "ExternalId": "x"},
        "SmsAuthenticationMessage": "{####}",
        "UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"},
        "UserPoolTier": "PLUS",
        "DeletionProtection": "INACTIVE",
    }


def essentials(idp: Any) -> dict[str, Any]:
    """A pool of the newer kind: sign-in without a password, old passwords remembered, triggers with a version."""
    trigger = {"LambdaVersion": "V2_0", "LambdaArn": LAMBDA}
    return {
        "PoolName": "essentials",
        "UserPoolTier": "ESSENTIALS",
        "UsernameAttributes": ["email"],
        "Policies": {
            "PasswordPolicy": {"MinimumLength": 12, "PasswordHistorySize": 5, "TemporaryPasswordValidityDays": 7},
            "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"]},
        },
        "LambdaConfig": {"PreTokenGenerationConfig": trigger, "PreTokenGeneration": LAMBDA, "PostConfirmation": LAMBDA},
    }


@pytest.mark.full
def test_pools_of_other_kinds_are_taken_over_without_a_change(project: Project, account: Account) -> None:
    idp = account.client("cognito-idp")
    kinds: tuple[Callable[[Any], dict[str, Any]], ...] = (plain, with_aliases, case_insensitive, essentials)
    pools, before = {}, {}
    for number, kind in enumerate(kinds):
        stage = f"kind{number}"
        project.write(f"live/stages/{stage}.yaml", "account: main\nstacks: {identity: }\n")
        pools[stage] = idp.create_user_pool(**kind(idp))["UserPool"]["Id"]
        add_user(idp, pools[stage], "ann@example.com")
        idp.create_user_pool_client(UserPoolId=pools[stage], ClientName="app")
        idp.create_user_pool_client(UserPoolId=pools[stage], ClientName="app")
        before[stage] = kept(idp, pools[stage])
        project.orch("adopt", f"{stage}/identity", "--pool", pools[stage])
    policies = before["kind3"]["Policies"]
    assert policies["SignInPolicy"]["AllowedFirstAuthFactors"] == ["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"]
    assert policies["PasswordPolicy"]["PasswordHistorySize"] == 5
    assert before["kind3"]["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] == "V2_0"
    project.orch("apply", *pools, "--yes")
    assert {stage: kept(idp, pool) for stage, pool in pools.items()} == before
    project.orch("plan", *pools, "--detailed-exitcode", code=0)
    assert [users(idp, pool) for pool in pools.values()] == [["ann@example.com"]] * len(pools)


@pytest.mark.full
def test_a_resource_is_imported_only_if_nothing_changes(project: Project) -> None:
    before = live(project)
    address = "terraform_data.this=by-hand"
    tried = project.orch("adopt", "prod/box", "--resource", address, "--dry-run")
    assert "nothing was written" in tried.out
    assert live(project) == before

    project.write("live/stacks/box.yaml", "module: box\ninputs: {value: other}\n")
    refused = project.orch("adopt", "prod/box", "--resource", address, "--json", code=3).json
    assert refused["units"][0]["status"] == "blocked"
    told = "\n".join(refused["notes"])
    assert 'terraform_data.this.input is not set in AWS and "other" in the configuration' in told
    assert "value (modules/box/main.tf:2:3)" in told
    assert "nothing was written" in told

    project.write("live/stacks/box.yaml", "module: box\n")
    assert live(project) == before
    project.orch("adopt", "prod/box", "--resource", f"module.this.{address}")
    rows = project.orch("runs", "--json").json["rows"]
    assert [(row["verb"], row["outcome"]) for row in rows] == [
        ("adopt", "changes planned"),
        ("adopt", "blocked by policy"),
        ("adopt", "changes planned"),
    ]
    assert "terraform_data.this: by-hand" in (project.root / "live/stages/prod.yaml").read_text()
    project.orch("apply", "prod/box", "--yes")
    assert project.orch("output", "prod/box", "id", "--raw").out == "by-hand"
    project.orch("plan", "prod/box", "--detailed-exitcode", code=0)

    again = project.orch("adopt", "prod/box", "--resource", address, code=3)
    assert "terraform_data.this is already in the state of prod/box" in " ".join(again.out.split())


def test_what_exists_already_is_taken_over_by_the_command_that_the_failed_apply_prints(
    project: Project, account: Account
) -> None:
    name = "/made/by-hand"
    account.client("logs").create_log_group(logGroupName=name)
    project.write("modules/group/main.tf", f'resource "aws_cloudwatch_log_group" "this" {{\n  name = "{name}"\n}}\n')
    project.write("live/stacks/group.yaml", "module: group\n")
    project.write("live/stages/prod.yaml", "account: main\nstacks:\n  group:\n")
    failed = " ".join(project.orch("apply", "prod/group", "--yes", code=1).out.split())
    entry = f'`imports: {{"aws_cloudwatch_log_group.this": "{name}"}}` in its entry of live/stages/prod.yaml:3:3'
    assert f"to take over what exists: {entry}" in failed
    command = re.search(r"or `orch (adopt [^`]+)`", failed)
    assert command is not None
    project.orch(*shlex.split(command[1]))
    applied = project.orch("apply", "prod/group", "--yes")
    assert "1 imported" in applied.out
    project.orch("plan", "prod/group", "--detailed-exitcode", code=0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "adopt takes one of --state, --pool and --resource"),
        (["--pool", "p", "--resource", "a.b=c"], "adopt takes one of"),
        (["--resource", "terraform_data.this"], "is not ADDRESS=ID"),
        (["--resource", "a.b=1", "--resource", "a.b=2"], "a.b is given twice"),
        (["--resource", "not an address=1"], "invalid address"),
        (
            ["--resource", "terraform_data.thsi=1"],
            "prod.yaml:5:3: nothing was written for prod/box: module box has no resource 'terraform_data.thsi'",
        ),
    ],
)
def test_wrong_options_are_told(project: Project, arguments: list[str], says: str) -> None:
    result = project.orch("adopt", "prod/box", *arguments, code=2)
    assert says in " ".join(result.err.split())
