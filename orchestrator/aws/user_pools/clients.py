"""App clients of a user pool as inputs of the module ``user_pool``. A secret never becomes an input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.aws.user_pools.settings import renamed, sorted_list

_HOURS, _DAYS = "hours", "days"
_DEFAULT_UNITS = {"AccessToken": _HOURS, "IdToken": _HOURS, "RefreshToken": _DAYS}
"""Units that Cognito takes when none are set. The provider's import then has no block ``token_validity_units``."""

_VALIDITIES = {
    "access_token_validity": ("AccessToken", "AccessTokenValidity"),
    "id_token_validity": ("IdToken", "IdTokenValidity"),
    "refresh_token_validity": ("RefreshToken", "RefreshTokenValidity"),
}
_DEFAULTS = {
    "access_token_validity": {"value": 60, "unit": "minutes"},
    "id_token_validity": {"value": 60, "unit": "minutes"},
    "refresh_token_validity": {"value": 30, "unit": _DAYS},
    "identity_providers": ["COGNITO"],
    "prevent_user_existence_errors": "ENABLED",
    "token_revocation": True,
    "unset": [],
}
"""What the module takes by itself, so that it need not be written."""

_PLAIN = {
    "AuthSessionValidity": "auth_session_validity",
    "DefaultRedirectURI": "default_redirect_uri",
    "PreventUserExistenceErrors": "prevent_user_existence_errors",
    "EnableTokenRevocation": "token_revocation",
}
_SETS = {
    "CallbackURLs": "callback_urls",
    "LogoutURLs": "logout_urls",
    "ReadAttributes": "read_attributes",
    "WriteAttributes": "write_attributes",
}
_ROTATION = {"Feature": "feature", "RetryGracePeriodSeconds": "retry_grace_period_seconds"}
_ANALYTICS = {
    "ApplicationArn": "application_arn",
    "ApplicationId": "application_id",
    "ExternalId": "external_id",
    "RoleArn": "role_arn",
    "UserDataShared": "user_data_shared",
}


def client_keys(clients: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return key in the input ``clients`` -> client: its name, with its ID if several are named alike."""
    count = Counter(each["ClientName"] for each in clients)
    return {
        each["ClientName"] if count[each["ClientName"]] == 1 else f"{each['ClientName']}-{each['ClientId']}": each
        for each in clients
    }


def client_input(client: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return one value of the input ``clients``.

    Args:
        client: ``UserPoolClient`` of DescribeUserPoolClient.
        key: its key in the input.
    """
    flows = sorted_list(client.get("ExplicitAuthFlows"))
    oauth_flows = sorted_list(client.get("AllowedOAuthFlows"))
    oauth = bool(client.get("AllowedOAuthFlowsUserPoolClient"))
    found: dict[str, Any] = {
        "name": None if key == client["ClientName"] else client["ClientName"],
        "secret": True if client.get("ClientSecret") else None,
        "legacy_auth_flows": [flow for flow in flows if not flow.startswith("ALLOW_")],
        "oauth": None if oauth == bool(oauth_flows) else oauth,
        "oauth_flows": oauth_flows,
        "identity_providers": sorted_list(client.get("SupportedIdentityProviders")),
        "propagate_user_context": client.get("EnablePropagateAdditionalUserContextData") or None,
        "refresh_token_rotation": renamed(client.get("RefreshTokenRotation"), _ROTATION),
        "analytics": renamed(client.get("AnalyticsConfiguration"), _ANALYTICS),
        **{ours: sorted_list(client.get(theirs)) for theirs, ours in _SETS.items()},
        **renamed(client, _PLAIN),
    }
    found = {key: value for key, value in found.items() if value not in (None, {}, [])}
    if flows:
        found["auth_flows"] = [flow.removeprefix("ALLOW_") for flow in flows if flow.startswith("ALLOW_")]
    if oauth_flows:
        found["oauth_scopes"] = sorted_list(client.get("AllowedOAuthScopes"))
    found |= {**_validities(client), "unset": _unset(client)}
    return {name: value for name, value in found.items() if _DEFAULTS.get(name) != value}


def _validities(client: Mapping[str, Any]) -> dict[str, Any]:
    units = {**_DEFAULT_UNITS, **(client.get("TokenValidityUnits") or {})}
    return {
        name: {**({"value": client[value]} if client.get(value) else {}), "unit": units[unit]}
        for name, (unit, value) in _VALIDITIES.items()
    }


def _unset(client: Mapping[str, Any]) -> list[str]:
    """Return what stays unset. Terraform cannot read ``generate_secret`` back, so setting it replaces the client."""
    units = client.get("TokenValidityUnits") or {}
    missing = {
        "auth_flows": not client.get("ExplicitAuthFlows"),
        "generate_secret": True,
        "identity_providers": not client.get("SupportedIdentityProviders"),
        "prevent_user_existence_errors": not client.get("PreventUserExistenceErrors"),
        "token_revocation": client.get("EnableTokenRevocation") is None,
        "token_validity_units": not units or units == _DEFAULT_UNITS,
    }
    return [name for name, is_missing in missing.items() if is_missing]
