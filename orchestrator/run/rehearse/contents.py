"""Puts a few users, items, objects and messages into resources of the emulator, and counts them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.aws.causes import AwsFailure, clean_message, code_of
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.errors import OrchError

NUMBER = 3
"""How many are put into each resource."""

_NAME = "orch-rehearsal"
_ATTRIBUTE = "orch_rehearsal"
_GONE = ("NotFound", "NoSuch", "NonExistent", "404")
"""Parts of the codes with which AWS says that something does not exist."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a type of resource holds.

    Attributes:
        noun: one of it.
        service: botocore's name of the service.
        fill: puts `NUMBER` into a resource: takes a client and the id of the resource.
        count: returns how many of these are in it.
    """

    noun: str
    service: str
    fill: Callable[[Any, str], None]
    count: Callable[[Any, str], int]


def fill_resource(identities: Identities, place: ResourceLocation) -> tuple[int, str]:
    """Fill a resource of a type in `CONTENTS`. Never fails.

    Args:
        identities: those of the emulator; the bootstrap role may write everywhere.
        place: the resource.

    Returns:
        How many it has now, and why there are none; an empty text if there are.
    """
    content = CONTENTS[place.type]
    try:
        client = identities.client(content.service, place.account, Role.BOOTSTRAP, region=place.region)
        content.fill(client, place.id)
        return content.count(client, place.id), ""
    except (*AwsFailure, OrchError, KeyError, TypeError, ValueError) as error:
        return 0, f"could not be filled: {clean_message(str(error)) or type(error).__name__}"


def count_filled(identities: Identities, place: ResourceLocation) -> int | None:
    """Return how many of what `fill_resource` put into a resource are in it; None if that is not known. Never fails."""
    content = CONTENTS[place.type]
    try:
        client = identities.client(content.service, place.account, Role.BOOTSTRAP, region=place.region)
        return content.count(client, place.id)
    except AwsFailure as error:
        return 0 if any(part in code_of(error) for part in _GONE) else None
    except (OrchError, KeyError, TypeError, ValueError):
        return None


def _names() -> list[str]:
    return [f"{_NAME}-{number}" for number in range(1, NUMBER + 1)]


def _email(name: str) -> str:
    return f"{name}@example.com"


def _phone(name: str) -> str:
    return f"+155501000{name.rpartition('-')[2]:0>2}"


def _add_users(client: Any, pool: str) -> None:
    described = client.describe_user_pool(UserPoolId=pool)["UserPool"]
    sign_in = described.get("UsernameAttributes") or []
    required = [each for each in described.get("SchemaAttributes", ()) if each.get("Required")]
    for name in _names():
        values = {each["Name"]: _value(each, name) for each in required if each["Name"] != "sub"}
        if "email" in sign_in or not sign_in:
            values["email"] = _email(name)
        if "phone_number" in sign_in:
            values["phone_number"] = _phone(name)
        user = _email(name) if "email" in sign_in else _phone(name) if "phone_number" in sign_in else name
        attributes = [{"Name": key, "Value": value} for key, value in values.items()]
        client.admin_create_user(UserPoolId=pool, Username=user, UserAttributes=attributes, MessageAction="SUPPRESS")


def _value(attribute: Mapping[str, Any], name: str) -> str:
    """Return a value for a required attribute of a user."""
    known = {"email": _email(name), "phone_number": _phone(name), "birthdate": "2000-01-01", "updated_at": "1"}
    by_type = {"Number": "1", "Boolean": "true", "DateTime": "2000-01-01T00:00:00Z"}
    return known.get(str(attribute["Name"])) or by_type.get(str(attribute.get("AttributeDataType")), name)


def _count_users(client: Any, pool: str) -> int:
    ours = {text for name in _names() for text in (name, _email(name), _phone(name))}
    pages = client.get_paginator("list_users").paginate(UserPoolId=pool)
    return sum(1 for page in pages for user in page["Users"] if ours & {user["Username"], *_values(user)})


def _values(user: Mapping[str, Any]) -> set[str]:
    return {str(each["Value"]) for each in user.get("Attributes", ())}


def _add_items(client: Any, table: str) -> None:
    described = client.describe_table(TableName=table)["Table"]
    types = {each["AttributeName"]: each["AttributeType"] for each in described["AttributeDefinitions"]}
    for number, name in enumerate(_names(), start=1):
        values = {"S": {"S": name}, "N": {"N": str(number)}, "B": {"B": name.encode()}}
        key = {each["AttributeName"]: values[types[each["AttributeName"]]] for each in described["KeySchema"]}
        client.put_item(TableName=table, Item={**key, _ATTRIBUTE: {"BOOL": True}})


def _count_items(client: Any, table: str) -> int:
    pages = client.get_paginator("scan").paginate(
        TableName=table, Select="COUNT", FilterExpression=f"attribute_exists({_ATTRIBUTE})"
    )
    return sum(int(page["Count"]) for page in pages)


def _add_objects(client: Any, bucket: str) -> None:
    for name in _names():
        client.put_object(Bucket=bucket, Key=f"{_NAME}/{name}.txt", Body=name.encode())


def _count_objects(client: Any, bucket: str) -> int:
    return int(client.list_objects_v2(Bucket=bucket, Prefix=f"{_NAME}/")["KeyCount"])


def _send_messages(client: Any, url: str) -> None:
    for name in _names():
        ordered = {"MessageGroupId": _NAME, "MessageDeduplicationId": name} if url.endswith(".fifo") else {}
        client.send_message(QueueUrl=url, MessageBody=name, **ordered)


def _count_messages(client: Any, url: str) -> int:
    names = [f"ApproximateNumberOfMessages{part}" for part in ("", "NotVisible", "Delayed")]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def _add_images(client: Any, repository: str) -> None:
    for name in _names():
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": name},
            "layers": [],
        }
        client.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=name)


def _count_images(client: Any, repository: str) -> int:
    found = client.list_images(repositoryName=repository)["imageIds"]
    return sum(1 for each in found if each.get("imageTag") in _names())


CONTENTS: Mapping[str, Content] = {
    "aws_cognito_user_pool": Content("user", "cognito-idp", _add_users, _count_users),
    "aws_dynamodb_table": Content("item", "dynamodb", _add_items, _count_items),
    "aws_ecr_repository": Content("image", "ecr", _add_images, _count_images),
    "aws_s3_bucket": Content("object", "s3", _add_objects, _count_objects),
    "aws_sqs_queue": Content("message", "sqs", _send_messages, _count_messages),
}
"""Resource type -> what it is filled with."""
