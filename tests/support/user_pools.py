"""User pools as the API describes them, made by hypothesis, and read back from the inputs of the module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from orchestrator.aws.user_pools.description import PoolDescription

POOL = "eu-west-1_AbCdEf123"
SECRET = "s3cr3t-value"
ARN = "arn:aws:lambda:eu-west-1:111111111111:function:f"

_words = st.text("abcXYZ ä{#}<>'\"\n.-_", min_size=1, max_size=12)
_names = st.text("abcdefXY_.-", min_size=1, max_size=8)
_arns = st.sampled_from([ARN, f"{ARN}2"])
_flag = st.booleans()


def _some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.sets(st.sampled_from(values), min_size=1).map(sorted)


def _parts(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a part of an answer in which each key may be absent, but not all."""
    return st.fixed_dictionaries({}, optional=parts).filter(bool)


_function = st.fixed_dictionaries({"LambdaArn": _arns, "LambdaVersion": st.sampled_from(["V1_0", "V2_0"])})
_policy = st.fixed_dictionaries(
    {
        "MinimumLength": st.integers(6, 99),
        "TemporaryPasswordValidityDays": st.integers(0, 365),
        **{f"Require{each}": _flag for each in ("Lowercase", "Uppercase", "Numbers", "Symbols")},
    },
    optional={"PasswordHistorySize": st.integers(1, 24)},
)
_limits = st.integers(0, 2048).map(str)
_string = st.one_of(
    st.just({}),
    st.just({"StringAttributeConstraints": {}}),
    _parts(MinLength=_limits, MaxLength=_limits).map(lambda each: {"StringAttributeConstraints": each}),
)
_number = st.one_of(
    st.just({}),
    st.just({"NumberAttributeConstraints": {}}),
    _parts(MinValue=_limits, MaxValue=_limits).map(lambda each: {"NumberAttributeConstraints": each}),
)
_typed = st.one_of(
    _string.map(lambda each: {"AttributeDataType": "String", **each}),
    _number.map(lambda each: {"AttributeDataType": "Number", **each}),
    st.sampled_from(["Boolean", "DateTime"]).map(lambda each: {"AttributeDataType": each}),
)


@st.composite
def _schema(draw: st.DrawFn) -> list[dict[str, Any]]:
    custom = draw(st.dictionaries(_names, st.tuples(_typed, _flag, _flag), max_size=3))
    standard = draw(
        st.dictionaries(st.sampled_from(["email", "name", "locale"]), st.tuples(_string, _flag), max_size=2)
    )
    made = [
        {
            "Name": f"dev:custom:{name}" if developer else f"custom:{name}",
            **typed,
            "DeveloperOnlyAttribute": developer,
            "Mutable": mutable,
            "Required": False,
        }
        for name, (typed, developer, mutable) in custom.items()
    ]
    made += [
        {
            "Name": name,
            "AttributeDataType": "String",
            **limits,
            "DeveloperOnlyAttribute": False,
            "Mutable": mutable,
            "Required": True,
        }
        for name, (limits, mutable) in standard.items()
    ]
    return sorted(made, key=lambda each: str(each["Name"]))


_pool = st.fixed_dictionaries(
    {
        "Id": st.just(POOL),
        "Name": _names,
        "DeletionProtection": st.sampled_from(["ACTIVE", "INACTIVE"]),
        "SchemaAttributes": _schema(),
    },
    optional={
        "UserPoolTier": st.sampled_from(["LITE", "ESSENTIALS", "PLUS"]),
        "AutoVerifiedAttributes": _some(["email", "phone_number"]),
        "UsernameConfiguration": st.fixed_dictionaries({"CaseSensitive": _flag}),
        "Policies": _parts(
            PasswordPolicy=_policy,
            SignInPolicy=st.fixed_dictionaries({"AllowedFirstAuthFactors": _some(["PASSWORD", "EMAIL_OTP"])}),
        ),
        "AdminCreateUserConfig": st.fixed_dictionaries(
            {"AllowAdminCreateUserOnly": _flag},
            optional={"InviteMessageTemplate": _parts(EmailMessage=_words, EmailSubject=_words, SMSMessage=_words)},
        ),
        "AccountRecoverySetting": st.dictionaries(
            st.sampled_from(["verified_email", "verified_phone_number"]), st.integers(1, 2), min_size=1
        ).map(lambda each: {"RecoveryMechanisms": [{"Name": n, "Priority": p} for n, p in sorted(each.items())]}),
        "EmailConfiguration": st.fixed_dictionaries(
            {"EmailSendingAccount": st.sampled_from(["DEVELOPER", "COGNITO_DEFAULT"]), "ReplyToEmailAddress": _words},
            optional={"SourceArn": _arns, "From": _words, "ConfigurationSet": _names},
        ),
        "SmsConfiguration": st.fixed_dictionaries(
            {"SnsCallerArn": _arns, "ExternalId": _names}, optional={"SnsRegion": st.just("eu-west-1")}
        ),
        "SmsAuthenticationMessage": _words,
        "VerificationMessageTemplate": st.fixed_dictionaries(
            {"DefaultEmailOption": st.sampled_from(["CONFIRM_WITH_CODE", "CONFIRM_WITH_LINK"])},
            optional=dict.fromkeys(
                ("EmailMessage", "EmailSubject", "EmailMessageByLink", "EmailSubjectByLink", "SmsMessage"), _words
            ),
        ),
        "EmailVerificationMessage": _words,
        "EmailVerificationSubject": _words,
        "SmsVerificationMessage": _words,
        "DeviceConfiguration": st.fixed_dictionaries(
            {"ChallengeRequiredOnNewDevice": _flag, "DeviceOnlyRememberedOnUserPrompt": _flag}
        ),
        "UserAttributeUpdateSettings": _some(["email", "phone_number"]).map(
            lambda each: {"AttributesRequireVerificationBeforeUpdate": each}
        ),
        "UserPoolAddOns": st.fixed_dictionaries(
            {"AdvancedSecurityMode": st.sampled_from(["OFF", "AUDIT", "ENFORCED"])},
            optional={"AdvancedSecurityAdditionalFlows": st.just({"CustomAuthMode": "AUDIT"})},
        ),
        "LambdaConfig": _parts(
            PreSignUp=_arns,
            CustomMessage=_arns,
            PostConfirmation=_arns,
            UserMigration=_arns,
            KMSKeyID=_arns,
            PreTokenGenerationConfig=_function,
            CustomEmailSender=_function,
        ),
        "UserPoolTags": st.dictionaries(_names, _words, min_size=1, max_size=2),
    },
)
_sign_in = st.sampled_from(
    [{}, {"UsernameAttributes": ["email"]}, {"AliasAttributes": ["email", "preferred_username"]}]
)
_mfa = st.fixed_dictionaries(
    {"MfaConfiguration": st.sampled_from(["OFF", "OPTIONAL", "ON"])},
    optional={
        "SoftwareTokenMfaConfiguration": st.fixed_dictionaries({"Enabled": _flag}),
        "EmailMfaConfiguration": _parts(Message=_words, Subject=_words),
        "WebAuthnConfiguration": _parts(RelyingPartyId=_names, UserVerification=st.just("preferred")),
    },
)
_units = st.sampled_from(["seconds", "minutes", "hours", "days"])
_flows = st.one_of(
    _some(["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH"]), _some(["ADMIN_NO_SRP_AUTH"])
)
_client = st.fixed_dictionaries(
    {"ClientName": _names, "AllowedOAuthFlowsUserPoolClient": _flag},
    optional={
        "ClientSecret": st.just(SECRET),
        "ExplicitAuthFlows": _flows,
        "AllowedOAuthFlows": _some(["code", "implicit"]),
        "SupportedIdentityProviders": _some(["COGNITO", "Google"]),
        "CallbackURLs": _some(["https://a.example.com", "app://b"]),
        "LogoutURLs": _some(["https://a.example.com"]),
        "DefaultRedirectURI": st.just("https://a.example.com"),
        "ReadAttributes": _some(["email", "custom:a"]),
        "WriteAttributes": _some(["email"]),
        "AuthSessionValidity": st.integers(3, 15),
        "PreventUserExistenceErrors": st.sampled_from(["ENABLED", "LEGACY"]),
        "EnableTokenRevocation": _flag,
        "EnablePropagateAdditionalUserContextData": st.just(True),
        "AccessTokenValidity": st.integers(1, 24),
        "IdTokenValidity": st.integers(1, 24),
        "RefreshTokenValidity": st.integers(1, 3650),
        "TokenValidityUnits": st.fixed_dictionaries(
            {"AccessToken": _units, "IdToken": _units, "RefreshToken": st.just("hours")}
        ),
        "RefreshTokenRotation": st.fixed_dictionaries(
            {"Feature": st.sampled_from(["ENABLED", "DISABLED"])},
            optional={"RetryGracePeriodSeconds": st.integers(1, 60)},
        ),
        "AnalyticsConfiguration": _parts(ApplicationArn=_arns, UserDataShared=_flag),
    },
)
_group = st.fixed_dictionaries({}, optional={"Description": _words, "Precedence": st.integers(0, 9), "RoleArn": _arns})
_server = st.fixed_dictionaries(
    {"Name": _names}, optional={"Scopes": st.dictionaries(_names, _words, min_size=1, max_size=2)}
)
_provider = st.fixed_dictionaries(
    {
        "ProviderType": st.sampled_from(["Google", "OIDC", "SAML"]),
        "ProviderDetails": st.dictionaries(_names, _words, min_size=1, max_size=2),
        "HasSecret": _flag,
    },
    optional={"AttributeMapping": st.just({"email": "mail"}), "IdpIdentifiers": st.just(["b", "a"])},
)


@st.composite
def descriptions(draw: st.DrawFn) -> PoolDescription:
    """Any user pool that Cognito may describe, in the form that `description_from` returns."""
    pool: dict[str, Any] = {**draw(_pool), **draw(_sign_in)}
    template = pool.get("VerificationMessageTemplate", {})
    for top, inside in _TOP.items():
        if inside in template:  # Cognito returns the same message in both places
            pool[top] = template[inside]
    clients: list[dict[str, Any]] = draw(st.lists(_client, max_size=3))
    for number, client in enumerate(clients):
        client["ClientId"] = f"client{number}"
        if "AllowedOAuthFlows" in client:
            client["AllowedOAuthScopes"] = draw(_some(["openid", "tasks/read"]))
    domains = draw(st.sampled_from([(), ("login",), ("login.example.com",), ("login", "login.example.com")]))
    for each in domains:
        pool["CustomDomain" if "." in each else "Domain"] = each
    groups = draw(st.dictionaries(_names, _group, max_size=2))
    servers: dict[str, dict[str, Any]] = draw(st.dictionaries(_names, _server, max_size=2))
    providers: dict[str, dict[str, Any]] = draw(st.dictionaries(_names, _provider, max_size=2))
    for provider in providers.values():
        if provider.pop("HasSecret"):
            provider["ProviderDetails"] = {**provider["ProviderDetails"], "client_secret": SECRET}
    return PoolDescription(
        pool=pool,
        mfa=draw(_mfa),
        domains={each: _domain(each, draw(st.sampled_from([1, 2]))) for each in domains},
        clients=tuple(clients),
        groups=tuple({"GroupName": name, **each} for name, each in sorted(groups.items())),
        resource_servers=tuple(
            {"Identifier": id_, **each, **_scopes(each.get("Scopes", {}))} for id_, each in sorted(servers.items())
        ),
        identity_providers=tuple({"ProviderName": name, **each} for name, each in sorted(providers.items())),
    )


_TOP = {
    "EmailVerificationMessage": "EmailMessage",
    "EmailVerificationSubject": "EmailSubject",
    "SmsVerificationMessage": "SmsMessage",
}


def _scopes(scopes: Mapping[str, str]) -> dict[str, Any]:
    return {"Scopes": [{"ScopeName": n, "ScopeDescription": d} for n, d in sorted(scopes.items())]} if scopes else {}


def _domain(name: str, version: int) -> dict[str, Any]:
    custom = {"CustomDomainConfig": {"CertificateArn": f"{ARN}:certificate"}} if "." in name else {}
    return {"ManagedLoginVersion": version, **custom}
