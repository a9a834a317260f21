"""Count what a resource contains before it might be lost: users of a pool, items of a table, objects of a bucket."""

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
"""Maximum number of pages (of `PAGE` objects) that are listed: a bucket can hold billions of objects."""


def describe_contents(identities: Identities, role: AnyRole, thing: ResourceLocation) -> str:
    """Return what a resource contains, in words: ``3 users``, ``more than 10,000 objects``. Never fails.

    Args:
        identities: provides the clients.
        role: the role to read with; the plan role can count without access to the data.
        thing: a user pool, a table or a bucket.

    Returns:
        the words; `NOT_COUNTED` for other types, and if AWS does not answer.
    """
    service, count = _COUNTED.get(thing.type, ("", None))
    if count is None:
        return NOT_COUNTED
    try:
        return count(identities.client(service, thing.account, role, region=thing.region), thing.id)
    except (*AwsFailure, OrchError, KeyError, TypeError):
        return NOT_COUNTED


def has_contents(identities: Identities, role: AnyRole, thing: ResourceLocation) -> bool:
    """Return whether a bucket has a version of an object, or a repository an image. Never fails.

    Args:
        identities: provides the clients.
        role: the role to read with.
        thing: the resource.

    Returns:
        False also for other types, and if AWS does not answer.
    """
    service, look = _LOOKED_INTO.get(thing.type, ("", None))
    if look is None:
        return False
    try:
        return look(identities.client(service, thing.account, role, region=thing.region), thing.id)
    except (*AwsFailure, OrchError, KeyError, TypeError):
        return False


def _has_versions(client: Any, bucket: str) -> bool:
    found = client.list_object_versions(Bucket=bucket, MaxKeys=1)
    return bool(found.get("Versions") or found.get("DeleteMarkers"))


def _has_images(client: Any, repository: str) -> bool:
    return bool(client.list_images(repositoryName=repository, maxResults=1)["imageIds"])


_LOOKED_INTO: Mapping[str, tuple[str, Callable[[Any, str], bool]]] = {
    "aws_s3_bucket": ("s3", _has_versions),
    "aws_ecr_repository": ("ecr", _has_images),
}


def _users(client: Any, pool: str) -> str:
    number = client.describe_user_pool(UserPoolId=pool)["UserPool"]["EstimatedNumberOfUsers"]
    return f"{_many(number, 'user')}, by AWS's estimate"


def _items(client: Any, table: str) -> str:
    number = client.describe_table(TableName=table)["Table"]["ItemCount"]
    return f"{_many(number, 'item')}, as AWS counted within the last six hours"


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
"""Resource type -> the service that counts, and the function that does it."""
