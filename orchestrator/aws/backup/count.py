"""Count what a resource contains before it might be lost: users of a pool, items of a table, messages in a queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.aws.causes import AwsFailure, code_of
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import AnyRole
from orchestrator.errors import OrchError
from orchestrator.util.plural import plural

NOT_COUNTED = "not counted"

PAGE = 1000
PAGES = 10
"""Maximum number of pages that are listed: a bucket can hold billions of objects, `PAGE` in each."""


_Found = TypeVar("_Found")
_GONE = frozenset({"NoSuchBucket", "RepositoryNotFoundException"})
"""Error codes of AWS: there is no such resource any more."""


class _Look(NamedTuple, Generic[_Found]):
    """How to look into a resource of one type.

    Attributes:
        service: botocore's name of the service that is asked.
        action: the IAM action that this needs; a test compares it with what the plan role may do.
        ask: gets a client of the service and the id of the resource.
    """

    service: str
    action: str
    ask: Callable[[Any, str], _Found]


def describe_contents(identities: Identities, role: AnyRole, thing: ResourceLocation) -> str:
    """Return what a resource contains, in words: ``3 users``, ``more than 10,000 objects``. Never fails.

    Args:
        identities: provides the clients.
        role: the role to read with; the plan role can count without access to the data.
        thing: a resource of any type.

    Returns:
        the words; `NOT_COUNTED` for other types, and if AWS does not answer.
    """
    look = COUNTS.get(thing.type)
    if look is None:
        return NOT_COUNTED
    try:
        return look.ask(identities.client(look.service, thing.account, role, region=thing.region), thing.id)
    except (*AwsFailure, OrchError, KeyError, TypeError, ValueError, StopIteration):
        return NOT_COUNTED


def has_contents(identities: Identities, role: AnyRole, thing: ResourceLocation) -> bool | None:
    """Return whether a bucket has a version of an object, or a repository an image. Never fails.

    Args:
        identities: provides the clients.
        role: the role to read with.
        thing: the resource.

    Returns:
        False also for other types, and for what does not exist; None if AWS does not tell, e.g. because the role may
        not look.
    """
    look = LOOKED_INTO.get(thing.type)
    if look is None:
        return False
    try:
        return look.ask(identities.client(look.service, thing.account, role, region=thing.region), thing.id)
    except AwsFailure as error:
        return False if code_of(error) in _GONE else None
    except (OrchError, KeyError, TypeError):
        return None


def _has_versions(client: Any, bucket: str) -> bool:
    found = client.list_object_versions(Bucket=bucket, MaxKeys=1)
    return bool(found.get("Versions") or found.get("DeleteMarkers"))


def _has_images(client: Any, repository: str) -> bool:
    return bool(client.list_images(repositoryName=repository, maxResults=1)["imageIds"])


LOOKED_INTO: Mapping[str, _Look[bool]] = {
    "aws_s3_bucket": _Look("s3", "s3:ListBucketVersions", _has_versions),
    "aws_ecr_repository": _Look("ecr", "ecr:ListImages", _has_images),
}
"""Resource type -> how to find out whether there is anything in it."""


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


COUNTS: Mapping[str, _Look[str]] = {
    "aws_backup_vault": _Look("backup", "backup:DescribeBackupVault", _recovery_points),
    "aws_cloudformation_stack": _Look("cloudformation", "cloudformation:ListStackResources", _resources),
    "aws_cloudformation_stack_set": _Look("cloudformation", "cloudformation:ListStackInstances", _stacks),
    "aws_cloudwatch_log_group": _Look("logs", "logs:DescribeLogGroups", _events),
    "aws_cognito_identity_pool": _Look("cognito-identity", "cognito-identity:ListIdentities", _identities),
    "aws_cognito_user_group": _Look("cognito-idp", "cognito-idp:ListUsersInGroup", _members),
    "aws_cognito_user_pool": _Look("cognito-idp", "cognito-idp:DescribeUserPool", _users),
    "aws_dynamodb_table": _Look("dynamodb", "dynamodb:DescribeTable", _items),
    "aws_ecr_repository": _Look("ecr", "ecr:ListImages", _images),
    "aws_efs_file_system": _Look("efs", "elasticfilesystem:DescribeFileSystems", _files),
    "aws_glacier_vault": _Look("glacier", "glacier:DescribeVault", _archives),
    "aws_iam_user": _Look("iam", "iam:ListAccessKeys", _access_keys),
    "aws_route53_zone": _Look("route53", "route53:GetHostedZone", _records),
    "aws_s3_bucket": _Look("s3", "s3:ListBucket", _objects),
    "aws_sqs_queue": _Look("sqs", "sqs:GetQueueAttributes", _messages),
}
"""Resource type -> how to count what is in it."""
