"""Evaluate policy documents: which statements apply to a request, and their combined effect. Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from orchestrator.emulator.access.conditions import ConditionContext, conditions_hold, substitute


class Effect(Enum):
    """The effect of policies on a request."""

    ALLOW = "allow"
    DENY = "deny"
    NOTHING = "nothing"


class Grant(Enum):
    """How a policy's principal element matches a caller."""

    DIRECT = "direct"
    """It names the user, role or session, or everyone."""
    ACCOUNT = "account"
    """It names the account, whose own policies must also allow the request."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller, as resource and trust policies name it.

    Attributes:
        account: 12-digit ID.
        arns: every ARN of the caller: of the user, or of the role and its session.
        federated: ARN of the identity provider that authenticated the caller, if any.
    """

    account: str
    arns: tuple[str, ...]
    federated: str | None = None


@dataclass(frozen=True, slots=True)
class RequiredAction:
    """One action of a request that must be allowed.

    Attributes:
        name: IAM name of the action: ``s3:GetObject``.
        resources: the ARNs that can name the resource; ``*`` if the action has no specific resource.
        context: condition keys in lower case with their values.
    """

    name: str
    resources: tuple[str, ...]
    context: ConditionContext


def evaluate(documents: Iterable[str], action: RequiredAction) -> Effect:
    """Evaluate policies without a principal: identity policies, boundaries, session policies.

    Args:
        documents: JSON of the policies.
        action: the action.

    Returns:
        DENY if any statement denies it, else ALLOW if any allows it, else NOTHING.
    """
    effects = {each["Effect"] for document in documents for each in _parse(document) if _applies(each, action)}
    return _combined(effects)


def evaluate_for(document: str, action: RequiredAction, principal: Principal) -> tuple[Effect, Grant]:
    """Evaluate a policy with principals: a bucket policy or a trust policy.

    Args:
        document: JSON of the policy.
        action: the action.
        principal: the caller.

    Returns:
        the effect, and for ALLOW the most specific match of the caller.
    """
    effects: set[str] = set()
    grants: set[Grant] = set()
    for each in _parse(document):
        grant = match_principal(each, principal)
        if grant is Grant.NONE or not _applies(each, action):
            continue
        effects.add(each["Effect"])
        if each["Effect"] == "Allow":
            grants.add(grant)
    effect = _combined(effects)
    if effect is not Effect.ALLOW:
        return effect, Grant.NONE
    return effect, Grant.DIRECT if Grant.DIRECT in grants else Grant.ACCOUNT


def match_principal(statement: Mapping[str, Any], principal: Principal) -> Grant:
    """Return how a statement's ``Principal`` or ``NotPrincipal`` matches a caller."""
    if "NotPrincipal" in statement:
        named = _named(statement["NotPrincipal"], principal)
        return Grant.DIRECT if named is Grant.NONE else Grant.NONE
    return _named(statement.get("Principal", {}), principal)


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether a text matches a pattern with ``*`` and ``?``."""
    return _pattern(pattern, ignore_case).fullmatch(text) is not None


def as_list(value: Any) -> Sequence[Any]:
    """Return a policy element, which can be one value or a list, as a list."""
    return value if isinstance(value, list) else [value]


def _named(given: Any, principal: Principal) -> Grant:
    if given == "*":
        return Grant.DIRECT
    if not isinstance(given, Mapping):
        return Grant.NONE
    if principal.federated is not None:
        return Grant.DIRECT if principal.federated in as_list(given.get("Federated", [])) else Grant.NONE
    named = as_list(given.get("AWS", []))
    if "*" in named or any(arn in named for arn in principal.arns):
        return Grant.DIRECT
    account = principal.account in named or f"arn:aws:iam::{principal.account}:root" in named
    return Grant.ACCOUNT if account else Grant.NONE


def _applies(statement: Mapping[str, Any], action: RequiredAction) -> bool:
    if not _action_matches(statement, action.name):
        return False
    if not _resource_matches(statement, action):
        return False
    return conditions_hold(statement.get("Condition", {}), action.context)


def _action_matches(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(matches(each, action, ignore_case=True) for each in as_list(statement["NotAction"]))
    return any(matches(each, action, ignore_case=True) for each in as_list(statement.get("Action", [])))


def _resource_matches(statement: Mapping[str, Any], action: RequiredAction) -> bool:
    for element, wanted in (("NotResource", False), ("Resource", True)):
        if element in statement:
            patterns = [substitute(each, action.context) for each in as_list(statement[element])]
            return any(matches(p, r) for p in patterns for r in action.resources) is wanted
    return True  # a trust policy has no resource


def _combined(effects: set[str]) -> Effect:
    if "Deny" in effects:
        return Effect.DENY
    return Effect.ALLOW if "Allow" in effects else Effect.NOTHING


@lru_cache(maxsize=4096)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    text = "".join({"*": ".*", "?": "."}.get(c) or re.escape(c) for c in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


@lru_cache(maxsize=4096)
def _parse(document: str) -> tuple[Mapping[str, Any], ...]:
    data = json.loads(document)
    if not isinstance(data, dict) or "Statement" not in data:
        raise ValueError("the policy document has no Statement")
    found = tuple(as_list(data["Statement"]))
    if any(each.get("Effect") not in {"Allow", "Deny"} for each in found):
        raise ValueError("the Effect of a statement must be Allow or Deny")
    return found
