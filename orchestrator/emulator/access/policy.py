"""Policy documents: does a statement speak about this call, and what do all of them together say? Pure functions."""

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
    """What policies say about a call."""

    ALLOW = "allow"
    DENY = "deny"
    NOTHING = "nothing"


class Grant(Enum):
    """How a policy's principal names a caller."""

    DIRECT = "direct"
    """Its user, role or session is named, or everyone is."""
    ACCOUNT = "account"
    """Its account is named: the account's own policies decide further."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, as policies of resources and roles name it.

    Attributes:
        account: 12-digit id.
        arns: every ARN that names it: of the user; of the role and of its session.
        federated: ARN of the identity provider that vouches for it, if any.
    """

    account: str
    arns: tuple[str, ...]
    federated: str | None = None


@dataclass(frozen=True, slots=True)
class RequiredAction:
    """One thing that a call does.

    Attributes:
        action: IAM's name of it: ``s3:GetObject``.
        resources: the ARNs that it can be named by; ``*`` where it is about no single resource.
        context: condition keys, in lower case, with their values.
    """

    action: str
    resources: tuple[str, ...]
    context: ConditionContext


def evaluate(documents: Iterable[str], question: RequiredAction) -> Effect:
    """What policies without a principal say: those of a role, of a user, boundaries, session policies.

    Args:
        documents: the policies' JSON.
        question: the call.

    Returns:
        DENY if any statement denies it, else ALLOW if any allows it, else NOTHING.
    """
    said = {each["Effect"] for document in documents for each in _parse(document) if _concerns(each, question)}
    return _sum(said)


def evaluate_for(document: str, question: RequiredAction, principal: Principal) -> tuple[Effect, Grant]:
    """What a policy with principals says: of a bucket, or who may assume a role.

    Args:
        document: the policy's JSON.
        question: the call.
        principal: who calls.

    Returns:
        the effect, and for ALLOW the closest way in which a statement names the caller.
    """
    said: set[str] = set()
    grants: set[Grant] = set()
    for each in _parse(document):
        grant = names(each, principal)
        if grant is Grant.NONE or not _concerns(each, question):
            continue
        said.add(each["Effect"])
        if each["Effect"] == "Allow":
            grants.add(grant)
    effect = _sum(said)
    if effect is not Effect.ALLOW:
        return effect, Grant.NONE
    return effect, Grant.DIRECT if Grant.DIRECT in grants else Grant.ACCOUNT


def names(statement: Mapping[str, Any], principal: Principal) -> Grant:
    """How a statement's ``Principal`` or ``NotPrincipal`` names a caller."""
    if "NotPrincipal" in statement:
        named = _named(statement["NotPrincipal"], principal)
        return Grant.DIRECT if named is Grant.NONE else Grant.NONE
    return _named(statement.get("Principal", {}), principal)


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether a text is of a pattern with ``*`` and ``?``."""
    return _pattern(pattern, ignore_case).fullmatch(text) is not None


def as_list(value: Any) -> Sequence[Any]:
    """A policy's element, which may be one value or a list of them."""
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


def _concerns(statement: Mapping[str, Any], question: RequiredAction) -> bool:
    if not _action_is_meant(statement, question.action):
        return False
    if not _resource_is_meant(statement, question):
        return False
    return conditions_hold(statement.get("Condition", {}), question.context)


def _action_is_meant(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(matches(each, action, ignore_case=True) for each in as_list(statement["NotAction"]))
    return any(matches(each, action, ignore_case=True) for each in as_list(statement.get("Action", [])))


def _resource_is_meant(statement: Mapping[str, Any], question: RequiredAction) -> bool:
    for element, wanted in (("NotResource", False), ("Resource", True)):
        if element in statement:
            patterns = [substitute(each, question.context) for each in as_list(statement[element])]
            return any(matches(p, r) for p in patterns for r in question.resources) is wanted
    return True  # a trust policy has neither


def _sum(said: set[str]) -> Effect:
    if "Deny" in said:
        return Effect.DENY
    return Effect.ALLOW if "Allow" in said else Effect.NOTHING


@lru_cache(maxsize=4096)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    text = "".join({"*": ".*", "?": "."}.get(c) or re.escape(c) for c in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


@lru_cache(maxsize=4096)
def _parse(document: str) -> tuple[Mapping[str, Any], ...]:
    data = json.loads(document)
    if not isinstance(data, dict) or "Statement" not in data:
        raise ValueError("a policy document without Statement")
    found = tuple(as_list(data["Statement"]))
    if any(each.get("Effect") not in {"Allow", "Deny"} for each in found):
        raise ValueError("a statement's Effect is neither Allow nor Deny")
    return found
