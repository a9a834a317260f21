"""Reads everything that Cognito says about a user pool, but its users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.aws.causes import AwsFailure, code_of

ApiPart = Mapping[str, Any]
"""A part of an answer of the API, with Cognito's own names inside."""

_PAGE = 60
_GONE = "ResourceNotFoundException"


@dataclass(frozen=True, slots=True)
class PoolDescription:
    """A user pool as the API describes it.

    Attributes:
        pool: ``UserPool`` of DescribeUserPool.
        mfa: the answer of GetUserPoolMfaConfig.
        domains: name -> ``DomainDescription`` of DescribeUserPoolDomain.
        clients: ``UserPoolClient`` of DescribeUserPoolClient of each app client. Contains secrets.
        groups: ``Groups`` of ListGroups.
        resource_servers: ``ResourceServers`` of ListResourceServers.
        identity_providers: ``IdentityProvider`` of DescribeIdentityProvider of each. Contains secrets.
        beside: what the pool has that the module does not manage, in words.
        unread: what it may have beside, but what could not be read.
    """

    pool: ApiPart
    mfa: ApiPart
    domains: Mapping[str, ApiPart]
    clients: tuple[ApiPart, ...]
    groups: tuple[ApiPart, ...]
    resource_servers: tuple[ApiPart, ...]
    identity_providers: tuple[ApiPart, ...]
    beside: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def describe_pool(client: Any, pool: str) -> PoolDescription | None:
    """Read a user pool.

    Args:
        client: botocore's ``cognito-idp`` client in the pool's account and region.
        pool: ID of the pool.

    Returns:
        None if there is no such pool.

    Raises:
        botocore's exceptions: something cannot be read.
    """
    try:
        described = client.describe_user_pool(UserPoolId=pool)["UserPool"]
    except AwsFailure as error:
        if code_of(error) in {_GONE, "InvalidParameterException", "ValidationException"}:
            return None
        raise
    clients = tuple(_pages(client.list_user_pool_clients, "UserPoolClients", UserPoolId=pool))
    providers = _pages(client.list_identity_providers, "Providers", UserPoolId=pool)
    beside, unread = _beside(client, pool, clients)
    domains = [described[key] for key in ("Domain", "CustomDomain") if described.get(key)]
    return PoolDescription(
        pool=described,
        mfa=client.get_user_pool_mfa_config(UserPoolId=pool),
        domains={each: client.describe_user_pool_domain(Domain=each)["DomainDescription"] for each in domains},
        clients=tuple(
            client.describe_user_pool_client(UserPoolId=pool, ClientId=each["ClientId"])["UserPoolClient"]
            for each in clients
        ),
        groups=tuple(_pages(client.list_groups, "Groups", UserPoolId=pool, size="Limit")),
        resource_servers=tuple(_pages(client.list_resource_servers, "ResourceServers", UserPoolId=pool, limit=50)),
        identity_providers=tuple(
            client.describe_identity_provider(UserPoolId=pool, ProviderName=each["ProviderName"])["IdentityProvider"]
            for each in providers
        ),
        beside=beside,
        unread=unread,
    )


def list_pools(client: Any) -> list[tuple[str, str]]:
    """Return id and name of up to 60 pools of the account and region.

    Raises:
        botocore's exceptions: they cannot be sorted_list.
    """
    return [(each["Id"], each["Name"]) for each in client.list_user_pools(MaxResults=_PAGE)["UserPools"]]


def _pages(
    call: Callable[..., ApiPart], key: str, *, size: str = "MaxResults", limit: int = _PAGE, **arguments: str
) -> Iterator[ApiPart]:
    """Yield the entries of a list; the three lists of Cognito's that botocore cannot page are read the same way."""
    page = call(**arguments, **{size: limit})
    yield from page.get(key) or ()
    while page.get("NextToken"):
        page = call(**arguments, **{size: limit}, NextToken=page["NextToken"])
        yield from page.get(key) or ()


def _beside(client: Any, pool: str, clients: Sequence[ApiPart]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the pool and its clients have beside, and what could not be read."""
    beside: list[str] = []
    unread: list[str] = []
    for part in _PARTS:
        try:
            if part.of_pool and _has(client, part, pool, ""):
                beside.append(part.what)
            with_one = [each for each in clients if part.of_clients and _has(client, part, pool, each["ClientId"])]
            beside += [f"{part.what} of the client {each['ClientName']}" for each in with_one]
        except AwsFailure:
            unread.append(part.what)
    return tuple(beside), tuple(unread)


@dataclass(frozen=True, slots=True)
class _Part:
    """Something that a pool or one of its clients can have beside.

    Attributes:
        call: name of botocore's method.
        what: in words.
        answer: the key of its answer.
        keys: what is in the answer if it is there.
        of_pool: whether a pool has it as a whole.
        of_clients: whether a client can have its own.
    """

    call: str
    what: str
    answer: str
    keys: tuple[str, ...]
    of_pool: bool = True
    of_clients: bool = True


_PARTS = (
    _Part("get_ui_customization", "a UI customization of the hosted pages", "UICustomization", ("CSS", "ImageUrl")),
    _Part(
        "describe_risk_configuration",
        "a risk configuration",
        "RiskConfiguration",
        (
            "CompromisedCredentialsRiskConfiguration",
            "AccountTakeoverRiskConfiguration",
            "RiskExceptionConfiguration",
        ),
    ),
    _Part(
        "get_log_delivery_configuration",
        "a log delivery configuration",
        "LogDeliveryConfiguration",
        ("LogConfigurations",),
        of_clients=False,
    ),
    _Part(
        "describe_managed_login_branding_by_client",
        "a branding of the managed login",
        "ManagedLoginBranding",
        ("ManagedLoginBrandingId",),
        of_pool=False,
    ),
)


def _has(client: Any, part: _Part, pool: str, id_: str) -> bool:
    """Return whether a pool, or a client of it, has a part of its own."""
    try:
        answer = getattr(client, part.call)(UserPoolId=pool, **({"ClientId": id_} if id_ else {}))
    except AwsFailure as error:
        if code_of(error) == _GONE:
            return False
        raise
    found = answer.get(part.answer) or {}
    inherited = id_ and part.of_pool and found.get("ClientId") != id_  # a client without its own gets the pool's
    return not inherited and any(found.get(key) for key in part.keys)
