"""What is in something that may be lost, counted live: users of a pool, items of a table, objects of a bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.aws.causes import AwsFailure
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import AnyRole
from orchestrator.errors import OrchError

NOT_COUNTED = "not counted"

PAGE = 1000
BUCKET_PAGES = 10
"""How much of a bucket is listed: so many pages of so many objects; a bucket may have billions."""


def describe_contents(identities: Identities, role: AnyRole, thing: ResourceLocation) -> str:
    """What is in it, in words: ``3 users``, ``more than 10,000 objects``. Never an error: this only informs.

    Args:
        identities: gives the clients.
        role: the role to look with; the plan role can count, and see nothing of what it counts.
        thing: a pool, a table or a bucket.

    Returns:
        the words; `NOT_COUNTED` for any other type, and when AWS does not answer.
    """
    service, count = _COUNTED.get(thing.type, ("", None))
    if count is None:
        return NOT_COUNTED
    try:
        return count(identities.client(service, thing.account, role, region=thing.region), thing.id)
    except (*AwsFailure, OrchError, KeyError, TypeError):
        return NOT_COUNTED


def _users(client: Any, pool: str) -> str:
    number = client.describe_user_pool(UserPoolId=pool)["UserPool"]["EstimatedNumberOfUsers"]
    return f"{_many(number, 'user')}, by AWS's estimate"


def _items(client: Any, table: str) -> str:
    number = client.describe_table(TableName=table)["Table"]["ItemCount"]
    return f"{_many(number, 'item')}, as AWS counted at some time in the last six hours"


def _objects(client: Any, bucket: str) -> str:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, MaxKeys=PAGE)
    total = 0
    for number, page in enumerate(pages, start=1):
        total += page["KeyCount"]
        if number == BUCKET_PAGES and page.get("IsTruncated"):
            return f"more than {_many(total, 'object')}"
    return _many(total, "object")


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


_COUNTED: Mapping[str, tuple[str, Callable[[Any, str], str]]] = {
    "aws_cognito_user_pool": ("cognito-idp", _users),
    "aws_dynamodb_table": ("dynamodb", _items),
    "aws_s3_bucket": ("s3", _objects),
}
"""Type -> the service that counts, and how."""
