"""Decide whether a caller may send a request, in IAM's order: an explicit deny, then every layer that must allow."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from moto.s3.models import s3_backends

from orchestrator.emulator.access.callers import PARTITION, Caller, role_by_arn
from orchestrator.emulator.access.policy import Effect, Grant, Principal, RequiredAction, evaluate, evaluate_for
from orchestrator.emulator.access.request import AwsRequest
from orchestrator.emulator.access.required_actions import required_actions
from orchestrator.emulator.access.service_control_policies import service_control_policies

_TRUST_POLICY_ACTIONS = {"sts:AssumeRole", "sts:TagSession"}
"""Actions that a role's trust policy decides: assuming the role, and setting session tags."""
_ALWAYS = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}


def denial_reason(request: AwsRequest, caller: Caller) -> str | None:
    """Return why a request is denied.

    Args:
        request: the request.
        caller: who sent it.

    Returns:
        AWS's error message; None if the request is allowed.
    """
    if (request.service, request.operation) in _ALWAYS:
        return None
    for action in required_actions(request, caller):
        why = (
            _denied_by_trust(action, caller)
            if action.name in _TRUST_POLICY_ACTIONS
            else _denied_by_layers(action, caller)
        )
        if why is not None:
            return _sentence(caller.arn, action, why)
    return None


def federation_denial_reason(request: AwsRequest) -> str | None:
    """Return why a caller with a token of an identity provider cannot assume a role.

    The token's signature is not checked, because the emulator cannot fetch the provider's keys.

    Args:
        request: AssumeRoleWithWebIdentity.

    Returns:
        AWS's error message; None if the role's trust policy allows the request.
    """
    claims = _claims(str(request.params.get("WebIdentityToken", "")))
    issuer = str(claims.get("iss", "")).removeprefix("https://")
    arn = str(request.params.get("RoleArn", ""))
    role = role_by_arn(arn)
    denied = f"Not authorized to perform sts:{request.operation}"
    if role is None or not issuer:
        return denied
    context: dict[str, Sequence[str]] = {
        f"{issuer}:{name}".lower(): tuple(map(str, value)) if isinstance(value, list) else (str(value),)
        for name, value in claims.items()
    }
    provider = f"arn:{PARTITION}:iam::{role.account_id}:oidc-provider/{issuer}"
    action = RequiredAction(f"sts:{request.operation}", (arn,), context)
    effect, _ = evaluate_for(
        role.assume_role_policy_document, action, Principal(role.account_id, (), federated=provider)
    )
    return None if effect is Effect.ALLOW else denied


def _denied_by_layers(action: RequiredAction, caller: Caller) -> str | None:
    effects = [(name, evaluate(documents, action)) for name, documents in _layers(caller)]
    owner, document = _resource_policy(action)
    theirs, grant = evaluate_for(document, action, caller.principal) if document else (Effect.NOTHING, Grant.NONE)
    for name, effect in (*effects, ("a resource-based policy", theirs)):
        if effect is Effect.DENY:
            return f"with an explicit deny in {name}"
    own = owner in {"", caller.account}
    for name, effect in effects:
        if effect is Effect.ALLOW:
            continue
        # In the caller's own account, a bucket policy can allow what the identity policies do not mention.
        if name == _IDENTITY and own and theirs is Effect.ALLOW and grant is Grant.DIRECT:
            continue
        return f"because no {name.partition(' ')[2]} allows the {action.name} action"
    if not own and theirs is not Effect.ALLOW:
        return f"because no resource-based policy allows the {action.name} action"
    return None


def _denied_by_trust(action: RequiredAction, caller: Caller) -> str | None:
    """Evaluate assuming a role: its trust policy must allow it, and the caller's own policies unless it names them."""
    role = role_by_arn(action.resources[0])
    if role is None:
        return ""  # AWS does not reveal that a role does not exist
    effect, grant = evaluate_for(role.assume_role_policy_document, action, caller.principal)
    if effect is not Effect.ALLOW:
        return ""
    for name, documents in _layers(caller):
        mine = evaluate(documents, action)
        if mine is Effect.DENY:
            return f"with an explicit deny in {name}"
        named = name == _IDENTITY and grant is Grant.DIRECT and role.account_id == caller.account
        if mine is not Effect.ALLOW and not named:
            return f"because no {name.partition(' ')[2]} allows the {action.name} action"
    return None


_IDENTITY = "an identity-based policy"


def _layers(caller: Caller) -> list[tuple[str, Iterable[str]]]:
    """Return the layers of policies, each of which must allow a request."""
    layers: list[tuple[str, Iterable[str]]] = [
        ("a service control policy", documents) for documents in service_control_policies(caller.account)
    ]
    layers.append((_IDENTITY, caller.identity))
    if caller.boundary is not None:
        layers.append(("a permissions boundary", [caller.boundary] if caller.boundary else []))
    if caller.session is not None:
        layers.append(("a session policy", caller.session))
    return layers


def _resource_policy(action: RequiredAction) -> tuple[str, str]:
    """Return owner and policy of a bucket; both are "" for other resources."""
    arn = action.resources[0]
    prefix = f"arn:{PARTITION}:s3:::"
    if not action.name.startswith("s3:") or not arn.startswith(prefix):
        return "", ""
    name = arn.removeprefix(prefix).partition("/")[0]
    _, owner = s3_backends.bucket_accounts.get(name, ("", ""))
    # CreateBucket itself reports that the name is taken.
    if not owner or action.name == "s3:CreateBucket":
        return "", ""
    policy = s3_backends[owner][PARTITION].buckets[name].policy
    return owner, policy.decode() if isinstance(policy, bytes) else str(policy or "")


def _sentence(arn: str, action: RequiredAction, why: str) -> str:
    on = "" if action.resources[0] == "*" else f" on resource: {action.resources[0]}"
    return f"User: {arn} is not authorized to perform: {action.name}{on} {why}".rstrip()


def _claims(token: str) -> Mapping[str, Any]:
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
