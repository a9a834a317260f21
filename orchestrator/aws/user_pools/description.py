"""Reads everything that Cognito says about a user pool, but its users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
    clients = _pages(client.list_user_pool_clients, "UserPoolClients", UserPoolId=pool)
    providers = _pages(client.list_identity_providers, "Providers", UserPoolId=pool)
    beside, unread = _beside(client, pool)
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


def _beside(client: Any, pool: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the pool has beside, and what could not be read."""
    calls: tuple[tuple[str, str, Callable[[ApiPart], bool]], ...] = (
        ("get_ui_customization", "a UI customization of the hosted pages", lambda a: _has(a, "UICustomization", "CSS")),
        (
            "describe_risk_configuration",
            "a risk configuration",
            lambda a: _any(a.get("RiskConfiguration"), but={"UserPoolId", "ClientId", "LastModifiedDate"}),
        ),
        (
            "get_log_delivery_configuration",
            "a log delivery configuration",
            lambda a: _has(a, "LogDeliveryConfiguration", "LogConfigurations"),
        ),
    )
    beside: list[str] = []
    unread: list[str] = []
    for call, what, found in calls:
        try:
            if found(getattr(client, call)(UserPoolId=pool)):
                beside.append(what)
        except AwsFailure:
            unread.append(what)
    return tuple(beside), tuple(unread)


def _has(answer: ApiPart, part: str, key: str) -> bool:
    return bool((answer.get(part) or {}).get(key))


def _any(part: ApiPart | None, *, but: set[str]) -> bool:
    return any(value for key, value in (part or {}).items() if key not in but)
