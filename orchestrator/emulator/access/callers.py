"""Find the caller of a request: the user or role session that owns the access key, with all policies that apply."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from orchestrator.emulator.access.policy import Principal

PARTITION = "aws"
_KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True)
class Caller:
    """A user, or a session of a role.

    Attributes:
        account: 12-digit ID.
        arn: as returned by ``GetCallerIdentity``.
        principal: as named in resource and trust policies.
        secret: secret access key.
        token: session token; None for a user.
        expires: end of the session; None for a user.
        identity: JSON of the identity policies.
        boundary: JSON of the permissions boundary; None: it has none; "": the policy was deleted, which allows nothing.
        session: JSON of the session policies; None: it was assumed without any.
        tags: session tags.
        context: condition keys about the caller, lower case.
    """

    account: str
    arn: str
    principal: Principal
    secret: str
    token: str | None
    expires: datetime | None
    identity: tuple[str, ...]
    boundary: str | None
    session: tuple[str, ...] | None
    context: Mapping[str, tuple[str, ...]]
    tags: Mapping[str, str] = field(default_factory=dict)


def account_of(access_key: str) -> str | None:
    """Return the account ID that an access key ID encodes; None if it encodes none.

    Args:
        access_key: 20 characters: AKIA or ASIA, 8 for half of the account ID, one that tells whether the account ID is
            odd, and 7 random ones.
    """
    if len(access_key) != len("AKIA") + 16:
        return None
    try:
        half = int.from_bytes(base64.b32decode(access_key[4:12]), "big") - int.from_bytes(
            base64.b32decode("QAAAAAAA"), "big"
        )
    except (binascii.Error, ValueError):
        return None
    odd = access_key[12] in _KEY_ALPHABET[16:]
    number = 2 * half + odd
    return f"{number:012d}" if 0 <= number < 10**12 else None


def find_caller(access_key: str) -> Caller | None:
    """Return the owner of an access key; None if there is no owner or its role was deleted.

    Args:
        access_key: access key ID.
    """
    account = account_of(access_key)
    if account is None or account not in iam_backends:
        return None
    backend = iam_backends[account][PARTITION]
    for user in backend.users.values():
        for key in user.access_keys:
            if key.access_key_id == access_key and key.status == "Active":
                return _user(backend, user, key)
    for session in reversed(sts_backends[account][PARTITION].assumed_roles):
        if session.access_key_id == access_key:
            role = role_by_arn(session.role_arn)
            return None if role is None else _session(backend, role, session)
    return None


def role_by_arn(arn: str) -> Any:
    """Return moto's role with an ARN; None if it does not exist."""
    account = arn.split(":")[4] if arn.count(":") >= 5 else ""
    if account not in iam_backends:
        return None
    return next((role for role in iam_backends[account][PARTITION].roles.values() if role.arn == arn), None)


def managed(backend: Any, arn: str) -> str:
    """Return the JSON of a managed policy's default version; "" if the policy does not exist."""
    policy = backend.managed_policies.get(arn)
    return "" if policy is None else _document(policy)


def _document(policy: Any) -> str:
    return str(next(each for each in policy.versions if each.is_default).document)


def _user(backend: Any, user: Any, key: Any) -> Caller:
    groups = [group for group in backend.groups.values() if user in group.users]
    documents = [*user.policies.values(), *map(_document, user.managed_policies.values())]
    for group in groups:
        documents += [*group.policies.values(), *map(_document, group.managed_policies.values())]
    boundary = getattr(user, "permissions_boundary_arn", None)
    return Caller(
        account=backend.account_id,
        arn=user.arn,
        principal=Principal(backend.account_id, (user.arn,)),
        secret=key.secret_access_key,
        token=None,
        expires=None,
        identity=tuple(documents),
        boundary=managed(backend, boundary) if boundary else None,
        session=None,
        context=_context(
            backend.account_id, user.arn, "User", user.id, backend.tagger.get_tag_dict_for_resource(user.arn).items()
        )
        | {"aws:username": (user.name,)},
    )


def _session(backend: Any, role: Any, session: Any) -> Caller:
    given = [text for text in [session.policy, *getattr(session, "policy_documents", ())] if text]
    boundary = role.permissions_boundary_arn
    tags: dict[str, str] = dict(getattr(session, "session_tags", {}))
    return Caller(
        account=backend.account_id,
        arn=session.arn,
        principal=Principal(backend.account_id, (role.arn, session.arn)),
        secret=session.secret_access_key,
        token=session.session_token,
        expires=session.expiration.replace(tzinfo=UTC),
        identity=(*role.policies.values(), *map(_document, role.managed_policies.values())),
        boundary=managed(backend, boundary) if boundary else None,
        session=tuple(given) or None,
        context=_context(
            backend.account_id,
            role.arn,
            "AssumedRole",
            f"{role.id}:{session.session_name}",
            # A session tag overrides the role's tag with the same key.
            ({tag["Key"]: tag["Value"] for tag in role.tags or ()} | tags).items(),
        ),
        tags=tags,
    )


def _context(
    account: str, arn: str, kind: str, id_: str, tags: Iterable[tuple[str, str]]
) -> dict[str, tuple[str, ...]]:
    return {
        "aws:principalarn": (arn,),
        "aws:principalaccount": (account,),
        "aws:principaltype": (kind,),
        "aws:userid": (id_,),
        **{f"aws:principaltag/{key}".lower(): (value,) for key, value in tags},
    }
