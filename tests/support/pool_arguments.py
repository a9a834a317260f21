"""The inputs of the module ``user_pool`` as Cognito's API gets them: the way back of ``orch adopt --pool``.

Written from the module's text, not from the code that it tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.aws.user_pools.description import PoolDescription
from tests.support.user_pools import ARN, POOL, SECRET

Inputs = Mapping[str, Any]

_TYPES = {"string": "String", "number": "Number", "datetime": "DateTime", "boolean": "Boolean"}


def _api(part: Mapping[str, Any] | None, names: str) -> dict[str, Any]:
    """``names``: ``ours=Theirs`` with spaces between."""
    pairs = [pair.split("=") for pair in names.split()]
    return {theirs: part[ours] for ours, theirs in pairs if part is not None and part.get(ours) is not None}


def _only(**parts: Any) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value not in (None, {}, [])}


def description_from(inputs: Inputs, imports: Mapping[str, str]) -> PoolDescription:
    """Return the pool that the module would make, with the ids of the imports."""
    clients = inputs.get("clients", {})
    made = [_client(key, each) for key, each in clients.items()]
    for key, client in zip(clients, made, strict=True):
        client["ClientId"] = imports[f'aws_cognito_user_pool_client.this["{key}"]'].removeprefix(f"{POOL}/")
    domains = {each["name"]: each for name in ("domain", "custom_domain") if (each := inputs.get(name))}
    pool = _pool(inputs)
    for name in domains:
        pool["CustomDomain" if "." in name else "Domain"] = name
    return PoolDescription(
        pool=pool,
        mfa=_mfa(inputs),
        domains={name: _domain(each) for name, each in domains.items()},
        clients=tuple(sorted(made, key=lambda each: str(each["ClientId"]))),
        groups=tuple(
            {"GroupName": name, **_api(each, "description=Description precedence=Precedence role_arn=RoleArn")}
            for name, each in sorted(inputs.get("groups", {}).items())
        ),
        resource_servers=tuple(
            {
                "Identifier": id_,
                "Name": each.get("name", id_),
                **_only(
                    Scopes=[{"ScopeName": n, "ScopeDescription": d} for n, d in sorted(each.get("scopes", {}).items())]
                ),
            }
            for id_, each in sorted(inputs.get("resource_servers", {}).items())
        ),
        identity_providers=tuple(
            {
                "ProviderName": name,
                "ProviderType": each["type"],
                "ProviderDetails": each.get("details", {}),
                **_api(each, "attribute_mapping=AttributeMapping identifiers=IdpIdentifiers"),
            }
            for name, each in sorted(inputs.get("identity_providers", {}).items())
        ),
    )


def _pool(inputs: Inputs) -> dict[str, Any]:
    unset = inputs.get("unset", [])
    policy = inputs.get("password_policy")
    template = _api(
        inputs.get("verification"),
        "email_option=DefaultEmailOption email_message=EmailMessage email_subject=EmailSubject sms_message=SmsMessage "
        "email_message_by_link=EmailMessageByLink email_subject_by_link=EmailSubjectByLink",
    )
    older = inputs.get("verification_messages", {})
    invitation = _api(
        inputs.get("invitation"), "email_message=EmailMessage email_subject=EmailSubject sms_message=SMSMessage"
    )
    add_ons = inputs.get("threat_protection", {})
    sign_in = inputs.get("sign_in", {})
    return {
        "Id": POOL,
        "Name": inputs["names"]["pool"],
        "DeletionProtection": inputs["deletion_protection"],
        "SchemaAttributes": _schema(inputs),
        **_only(
            UserPoolTier=inputs.get("tier"),
            AutoVerifiedAttributes=inputs["auto_verified_attributes"],
            UsernameAttributes=sign_in.get("username_attributes"),
            AliasAttributes=sign_in.get("alias_attributes"),
            UsernameConfiguration={}
            if "username_configuration" in unset
            else {"CaseSensitive": sign_in.get("case_sensitive", False)},
            Policies=_only(
                PasswordPolicy={}
                if "password_policy" in unset
                else _api(
                    policy,
                    "minimum_length=MinimumLength temporary_validity_days=TemporaryPasswordValidityDays "
                    "history_size=PasswordHistorySize require_lowercase=RequireLowercase require_numbers=RequireNumbers "
                    "require_uppercase=RequireUppercase require_symbols=RequireSymbols",
                ),
                SignInPolicy=_only(AllowedFirstAuthFactors=inputs.get("first_factors")),
            ),
            AdminCreateUserConfig={}
            if "admin_create_user_config" in unset
            else {"AllowAdminCreateUserOnly": not inputs["self_sign_up"], **_only(InviteMessageTemplate=invitation)},
            AccountRecoverySetting=_only(
                RecoveryMechanisms=[
                    {"Name": name, "Priority": each} for name, each in sorted(inputs["account_recovery"].items())
                ]
            ),
            EmailConfiguration=_api(
                inputs.get("email"),
                "sending_account=EmailSendingAccount source_arn=SourceArn from=From reply_to=ReplyToEmailAddress "
                "configuration_set=ConfigurationSet",
            ),
            SmsConfiguration=_api(inputs.get("sms"), "role_arn=SnsCallerArn external_id=ExternalId region=SnsRegion"),
            SmsAuthenticationMessage=inputs.get("sms_authentication_message"),
            VerificationMessageTemplate=template,
            EmailVerificationMessage=template.get("EmailMessage") or older.get("email_message"),
            EmailVerificationSubject=template.get("EmailSubject") or older.get("email_subject"),
            SmsVerificationMessage=template.get("SmsMessage") or older.get("sms_message"),
            DeviceConfiguration=_api(
                inputs.get("devices"),
                "challenge_on_new_device=ChallengeRequiredOnNewDevice remember_on_prompt=DeviceOnlyRememberedOnUserPrompt",
            ),
            UserAttributeUpdateSettings=_only(
                AttributesRequireVerificationBeforeUpdate=inputs.get("verify_before_update")
            ),
            UserPoolAddOns={
                **_api(add_ons, "mode=AdvancedSecurityMode"),
                **_only(AdvancedSecurityAdditionalFlows=_api(add_ons, "custom_auth_mode=CustomAuthMode")),
            },
            LambdaConfig=_triggers(inputs.get("triggers", {})),
            UserPoolTags=inputs.get("tags"),
        ),
    }


def _triggers(triggers: Mapping[str, Any]) -> dict[str, Any]:
    plain = (
        "create_auth_challenge=CreateAuthChallenge custom_message=CustomMessage define_auth_challenge=DefineAuthChallenge "
        "post_authentication=PostAuthentication post_confirmation=PostConfirmation pre_authentication=PreAuthentication "
        "pre_sign_up=PreSignUp pre_token_generation=PreTokenGeneration user_migration=UserMigration kms_key_id=KMSKeyID "
        "verify_auth_challenge_response=VerifyAuthChallengeResponse"
    )
    versioned = {
        "pre_token_generation_config": "PreTokenGenerationConfig",
        "custom_email_sender": "CustomEmailSender",
        "custom_sms_sender": "CustomSMSSender",
    }
    functions = {
        theirs: _api(triggers.get(ours), "lambda_arn=LambdaArn lambda_version=LambdaVersion")
        for ours, theirs in versioned.items()
    }
    return {**_api(triggers, plain), **_only(**functions)}


def _schema(inputs: Inputs) -> list[dict[str, Any]]:
    custom = [
        {
            "Name": f"dev:custom:{name}" if each.get("developer_only") else f"custom:{name}",
            **_attribute(each),
            "DeveloperOnlyAttribute": each.get("developer_only", False),
            "Required": False,
        }
        for name, each in inputs.get("attributes", {}).items()
    ]
    standard = [
        {"Name": name, **_attribute(each), "DeveloperOnlyAttribute": False, "Required": each.get("required", False)}
        for name, each in inputs.get("standard_attributes", {}).items()
    ]
    return sorted([*custom, *standard], key=lambda each: str(each["Name"]))


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "AttributeDataType": _TYPES[attribute.get("type", "string")],
        "Mutable": attribute.get("mutable", True),
    }
    limits = attribute.get("limits", "default")
    if limits == "none" or made["AttributeDataType"] not in {"String", "Number"}:
        return made
    text = made["AttributeDataType"] == "String"
    suffix, defaults = ("Length", {"min": 0, "max": 2048}) if text else ("Value", {})
    values = {
        **(defaults if limits == "default" else {}),
        **{k: attribute[k] for k in ("min", "max") if k in attribute},
    }
    key = "StringAttributeConstraints" if text else "NumberAttributeConstraints"
    return {**made, key: {f"{name.title()}{suffix}": str(value) for name, value in values.items()}}


def _mfa(inputs: Inputs) -> dict[str, Any]:
    token = inputs.get("software_token_mfa") or ("unset" if inputs["mfa"] == "OFF" else "enabled")
    return {
        "MfaConfiguration": inputs["mfa"],
        **({} if token == "unset" else {"SoftwareTokenMfaConfiguration": {"Enabled": token == "enabled"}}),
        **_only(
            EmailMfaConfiguration=_api(inputs.get("email_mfa"), "message=Message subject=Subject"),
            WebAuthnConfiguration=_api(
                inputs.get("passkeys"), "relying_party_id=RelyingPartyId user_verification=UserVerification"
            ),
        ),
    }


def _domain(domain: Mapping[str, Any]) -> dict[str, Any]:
    certificate = domain.get("certificate_arn")
    assert certificate in (None, f"{ARN}:certificate")
    return {
        "ManagedLoginVersion": domain.get("managed_login_version", 1),
        **_only(CustomDomainConfig=_only(CertificateArn=certificate)),
    }


def _client(key: str, client: Mapping[str, Any]) -> dict[str, Any]:
    unset = client.get("unset", [])
    flows = [f"ALLOW_{each}" for each in client.get("auth_flows", [])] + client.get("legacy_auth_flows", [])
    usual = {"access": (60, "minutes"), "id": (60, "minutes"), "refresh": (30, "days")}
    validities = {
        name: client.get(f"{name}_token_validity", {"value": value, "unit": unit})
        for name, (value, unit) in usual.items()
    }
    oauth_flows = client.get("oauth_flows", [])
    return {
        "ClientName": client.get("name", key),
        "AllowedOAuthFlowsUserPoolClient": client.get("oauth", bool(oauth_flows)),
        **({"ClientSecret": SECRET} if client.get("secret") else {}),
        **_only(
            ExplicitAuthFlows=[] if "auth_flows" in unset else sorted(flows),
            AllowedOAuthFlows=oauth_flows,
            AllowedOAuthScopes=client["oauth_scopes"] if oauth_flows else [],
            SupportedIdentityProviders=None
            if "identity_providers" in unset
            else client.get("identity_providers", ["COGNITO"]),
            PreventUserExistenceErrors=None
            if "prevent_user_existence_errors" in unset
            else client.get("prevent_user_existence_errors", "ENABLED"),
            EnableTokenRevocation=None if "token_revocation" in unset else client.get("token_revocation", True),
            TokenValidityUnits={}
            if "token_validity_units" in unset
            else {f"{name.title()}Token": each["unit"] for name, each in validities.items()},
            RefreshTokenRotation=_api(
                client.get("refresh_token_rotation"),
                "feature=Feature retry_grace_period_seconds=RetryGracePeriodSeconds",
            ),
            AnalyticsConfiguration=_api(
                client.get("analytics"),
                "application_arn=ApplicationArn application_id=ApplicationId external_id=ExternalId role_arn=RoleArn "
                "user_data_shared=UserDataShared",
            ),
            **{f"{name.title()}TokenValidity": each.get("value") for name, each in validities.items()},
        ),
        **_api(
            client,
            "callback_urls=CallbackURLs logout_urls=LogoutURLs default_redirect_uri=DefaultRedirectURI "
            "read_attributes=ReadAttributes write_attributes=WriteAttributes auth_session_validity=AuthSessionValidity "
            "propagate_user_context=EnablePropagateAdditionalUserContextData",
        ),
    }
