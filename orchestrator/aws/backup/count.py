"""Count what a resource contains before it might be lost: users of a pool, items of a table, messages in a queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.aws.causes import AwsFailure
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import AnyRole
from orchestrator.errors import OrchError
from orchestrator.util.plural import plural

NOT_COUNTED = "not counted"

PAGE = 1000
PAGES = 10
"""Maximum number of pages that are listed: a bucket can hold billions of objects, `PAGE` in each."""


def describe_contents(identities: Identities, role: AnyRole, thing: ResourceLocation) -> str:
    """Return what a resource contains, in words: ``3 users``, ``more than 10,000 objects``. Never fails.

    Args:
        identities: provides the clients.
        role: the role to read with; the plan role can count without access to the data.
        thing: a resource of any type.

    Returns:
        the words; `NOT_COUNTED` for other types, and if AWS does not answer.
    """
    service, count = _COUNTED.get(thing.type, ("", None))
    if count is None:
        return NOT_COUNTED
    try:
        return count(identities.client(service, thing.account, role, region=thing.region), thing.id)
    except (*AwsFailure, OrchError, KeyError, TypeError, ValueError, StopIteration):
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
    return f"{plural(number, 'user')}, by AWS's estimate"


def _items(client: Any, table: str) -> str:
    number = client.describe_table(TableName=table)["Table"]["ItemCount"]
    return f"{plural(number, 'item')}, as AWS counted within the last six hours"


def _objects(client: Any, bucket: str) -> str:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, MaxKeys=PAGE)
    total = 0
    for number, page in enumerate(pages, start=1):
        total += page["KeyCount"]
        if number == PAGES and page.get("IsTruncated"):
            return f"more than {plural(total, 'object')}"
    return plural(total, "object")


def _messages(client: Any, url: str) -> str:
    names = (
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    )
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
    return f"{plural(sum(int(found[name]) for name in names), 'message')}, by AWS's estimate"


def _members(client: Any, group: str) -> str:
    pool, _, name = group.partition("/")
    return _listed(client, "list_users_in_group", "Users", "member", UserPoolId=pool, GroupName=name)


def _identities(client: Any, pool: str) -> str:
    found = client.list_identities(IdentityPoolId=pool, MaxResults=60)
    number = plural(len(found["Identities"]), "identity", "identities")
    return f"more than {number}" if found.get("NextToken") else number


def _images(client: Any, repository: str) -> str:
    return _listed(client, "list_images", "imageIds", "image", repositoryName=repository)


def _recovery_points(client: Any, vault: str) -> str:
    return plural(client.describe_backup_vault(BackupVaultName=vault)["NumberOfRecoveryPoints"], "recovery point")


def _resources(client: Any, stack: str) -> str:
    return _listed(client, "list_stack_resources", "StackResourceSummaries", "resource", StackName=stack)


def _stacks(client: Any, stack_set: str) -> str:
    return _listed(client, "list_stack_instances", "Summaries", "stack", StackSetName=stack_set)


def _events(client: Any, group: str) -> str:
    found = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return (
        f"{plural(next(each['storedBytes'] for each in found if each['logGroupName'] == group), 'byte')} of log events"
    )


def _files(client: Any, file_system: str) -> str:
    (found,) = client.describe_file_systems(FileSystemId=file_system)["FileSystems"]
    return f"{plural(found['SizeInBytes']['Value'], 'byte')}, by AWS's estimate"


def _archives(client: Any, vault: str) -> str:
    return f"{plural(client.describe_vault(vaultName=vault)['NumberOfArchives'], 'archive')}, as AWS counted yesterday"


def _access_keys(client: Any, user: str) -> str:
    return _listed(client, "list_access_keys", "AccessKeyMetadata", "access key", UserName=user)


def _records(client: Any, zone: str) -> str:
    return plural(client.get_hosted_zone(Id=zone)["HostedZone"]["ResourceRecordSetCount"], "record")


def _listed(client: Any, operation: str, key: str, noun: str, **where: str) -> str:
    """Count what an operation lists, up to `PAGES` pages."""
    total = 0
    for number, page in enumerate(client.get_paginator(operation).paginate(**where), start=1):
        if number > PAGES:
            return f"more than {plural(total, noun)}"
        total += len(page[key])
    return plural(total, noun)


_COUNTED: Mapping[str, tuple[str, Callable[[Any, str], str]]] = {
    "aws_backup_vault": ("backup", _recovery_points),
    "aws_cloudformation_stack": ("cloudformation", _resources),
    "aws_cloudformation_stack_set": ("cloudformation", _stacks),
    "aws_cloudwatch_log_group": ("logs", _events),
    "aws_cognito_identity_pool": ("cognito-identity", _identities),
    "aws_cognito_user_group": ("cognito-idp", _members),
    "aws_cognito_user_pool": ("cognito-idp", _users),
    "aws_dynamodb_table": ("dynamodb", _items),
    "aws_ecr_repository": ("ecr", _images),
    "aws_efs_file_system": ("efs", _files),
    "aws_glacier_vault": ("glacier", _archives),
    "aws_iam_user": ("iam", _access_keys),
    "aws_route53_zone": ("route53", _records),
    "aws_s3_bucket": ("s3", _objects),
    "aws_sqs_queue": ("sqs", _messages),
}
"""Resource type -> the service that counts, and the function that does it."""
