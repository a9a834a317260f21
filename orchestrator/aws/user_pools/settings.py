"""Settings of a user pool as inputs of the module ``user_pool``: everything but attributes, clients and federation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Names = Mapping[str, str]
"""Cognito's name -> the module's name."""

_POLICY = {
    "RequireLowercase": "require_lowercase",
    "RequireUppercase": "require_uppercase",
    "RequireNumbers": "require_numbers",
    "RequireSymbols": "require_symbols",
}
_MESSAGES = {"EmailMessage": "email_message", "EmailSubject": "email_subject", "SMSMessage": "sms_message"}
_EMAIL = {
    "SourceArn": "source_arn",
    "From": "from",
    "ReplyToEmailAddress": "reply_to",
    "ConfigurationSet": "configuration_set",
}
_SMS = {"SnsCallerArn": "role_arn", "ExternalId": "external_id", "SnsRegion": "region"}
_TEMPLATE = {
    "DefaultEmailOption": "email_option",
    "EmailMessage": "email_message",
    "EmailSubject": "email_subject",
    "EmailMessageByLink": "email_message_by_link",
    "EmailSubjectByLink": "email_subject_by_link",
    "SmsMessage": "sms_message",
}
_TOP_MESSAGES = {
    "EmailVerificationMessage": ("EmailMessage", "email_message"),
    "EmailVerificationSubject": ("EmailSubject", "email_subject"),
    "SmsVerificationMessage": ("SmsMessage", "sms_message"),
}
_DEVICES = {
    "ChallengeRequiredOnNewDevice": "challenge_on_new_device",
    "DeviceOnlyRememberedOnUserPrompt": "remember_on_prompt",
}
_TRIGGERS = {
    "CreateAuthChallenge": "create_auth_challenge",
    "CustomMessage": "custom_message",
    "DefineAuthChallenge": "define_auth_challenge",
    "PostAuthentication": "post_authentication",
    "PostConfirmation": "post_confirmation",
    "PreAuthentication": "pre_authentication",
    "PreSignUp": "pre_sign_up",
    "PreTokenGeneration": "pre_token_generation",
    "UserMigration": "user_migration",
    "VerifyAuthChallengeResponse": "verify_auth_challenge_response",
    "KMSKeyID": "kms_key_id",
}
_VERSIONED = {
    "PreTokenGenerationConfig": "pre_token_generation_config",
    "CustomEmailSender": "custom_email_sender",
    "CustomSMSSender": "custom_sms_sender",
}
_FUNCTION = {"LambdaArn": "lambda_arn", "LambdaVersion": "lambda_version"}


def renamed(source: Mapping[str, Any] | None, names: Names) -> dict[str, Any]:
    """Return the values of a part of an answer under the module's names; absent and empty ones are left out."""
    return {ours: source[theirs] for theirs, ours in names.items() if source and source.get(theirs) not in (None, "")}


def sorted_list(values: Iterable[str] | None) -> list[str]:
    """Return the values of a set in one order."""
    return sorted(values or ())


def pool_settings(pool: Mapping[str, Any], mfa: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs.

    Args:
        pool: ``UserPool`` of DescribeUserPool.
        mfa: the answer of GetUserPoolMfaConfig.
    """
    policies = pool.get("Policies") or {}
    found = {
        "names": {"pool": pool["Name"]},
        "sign_in": _sign_in(pool),
        "auto_verified_attributes": sorted_list(pool.get("AutoVerifiedAttributes")),
        "deletion_protection": pool.get("DeletionProtection") or "INACTIVE",
        "tier": pool.get("UserPoolTier"),
        "password_policy": _password_policy(policies.get("PasswordPolicy")),
        "first_factors": sorted_list((policies.get("SignInPolicy") or {}).get("AllowedFirstAuthFactors")),
        "self_sign_up": not (pool.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly", False),
        "invitation": renamed((pool.get("AdminCreateUserConfig") or {}).get("InviteMessageTemplate"), _MESSAGES),
        "email": _email(pool.get("EmailConfiguration")),
        "sms": renamed(pool.get("SmsConfiguration"), _SMS),
        "sms_authentication_message": pool.get("SmsAuthenticationMessage"),
        "verification": renamed(pool.get("VerificationMessageTemplate"), _TEMPLATE),
        "verification_messages": _verification_messages(pool),
        "verify_before_update": sorted_list(
            (pool.get("UserAttributeUpdateSettings") or {}).get("AttributesRequireVerificationBeforeUpdate")
        ),
        "threat_protection": _threat_protection(pool.get("UserPoolAddOns")),
        "triggers": _triggers(pool.get("LambdaConfig")),
        "tags": {key: value for key, value in (pool.get("UserPoolTags") or {}).items() if not key.startswith("aws:")},
        **_mfa(mfa),
    }
    kept = {key: value for key, value in found.items() if value not in (None, {}, [])}
    # Here an empty value is not the module's default.
    kept["auto_verified_attributes"] = found["auto_verified_attributes"]
    kept["account_recovery"] = _account_recovery(pool.get("AccountRecoverySetting"))
    if (devices := pool.get("DeviceConfiguration")) is not None:
        kept["devices"] = renamed(devices, _DEVICES)
    if unset := _unset(pool):
        kept["unset"] = unset
    return kept


def _unset(pool: Mapping[str, Any]) -> list[str]:
    missing = {
        "admin_create_user_config": pool.get("AdminCreateUserConfig"),
        "password_policy": (pool.get("Policies") or {}).get("PasswordPolicy"),
        "username_configuration": pool.get("UsernameConfiguration"),
    }
    return [name for name, value in missing.items() if value is None]


def _sign_in(pool: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: sorted_list(pool[key])
        for key, name in (("UsernameAttributes", "username_attributes"), ("AliasAttributes", "alias_attributes"))
        if pool.get(key)
    }
    if pool.get("UsernameConfiguration") is not None:
        found["case_sensitive"] = bool(pool["UsernameConfiguration"].get("CaseSensitive"))
    return found


def _password_policy(policy: Mapping[str, Any] | None) -> dict[str, Any]:
    if policy is None:
        return {}
    found: dict[str, Any] = {ours: bool(policy.get(theirs)) for theirs, ours in _POLICY.items()}
    found["minimum_length"] = policy.get("MinimumLength", 6)
    found["temporary_validity_days"] = policy.get("TemporaryPasswordValidityDays", 0)
    if policy.get("PasswordHistorySize"):
        found["history_size"] = policy["PasswordHistorySize"]
    return found


def _account_recovery(setting: Mapping[str, Any] | None) -> dict[str, int]:
    return {each["Name"]: each["Priority"] for each in (setting or {}).get("RecoveryMechanisms") or ()}


def _email(email: Mapping[str, Any] | None) -> dict[str, Any]:
    found = renamed(email, _EMAIL)
    sender = (email or {}).get("EmailSendingAccount", "COGNITO_DEFAULT")
    return {**found, "sending_account": sender} if found or sender != "COGNITO_DEFAULT" else {}


def _verification_messages(pool: Mapping[str, Any]) -> dict[str, Any]:
    template = pool.get("VerificationMessageTemplate") or {}
    return {
        ours: pool[theirs]
        for theirs, (in_template, ours) in _TOP_MESSAGES.items()
        if pool.get(theirs) and not template.get(in_template)
    }


def _threat_protection(add_ons: Mapping[str, Any] | None) -> dict[str, Any]:
    flows = (add_ons or {}).get("AdvancedSecurityAdditionalFlows")
    return renamed(add_ons, {"AdvancedSecurityMode": "mode"}) | renamed(flows, {"CustomAuthMode": "custom_auth_mode"})


def _triggers(config: Mapping[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = renamed(config, _TRIGGERS)
    found |= {
        ours: renamed((config or {})[theirs], _FUNCTION)
        for theirs, ours in _VERSIONED.items()
        if (config or {}).get(theirs)
    }
    return found


def _mfa(mfa: Mapping[str, Any]) -> dict[str, Any]:
    mode = mfa.get("MfaConfiguration") or "OFF"
    found: dict[str, Any] = {"mfa": mode}
    token = mfa.get("SoftwareTokenMfaConfiguration")
    state = "unset" if token is None else "enabled" if token.get("Enabled") else "disabled"
    if state != ("unset" if mode == "OFF" else "enabled"):
        found["software_token_mfa"] = state
    if (email := mfa.get("EmailMfaConfiguration")) is not None:
        found["email_mfa"] = renamed(email, {"Message": "message", "Subject": "subject"})
    passkeys = {"RelyingPartyId": "relying_party_id", "UserVerification": "user_verification"}
    found["passkeys"] = renamed(mfa.get("WebAuthnConfiguration"), passkeys)
    return found
