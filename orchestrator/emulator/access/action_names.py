"""The IAM action of an API operation, where the two names differ."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.emulator.access.request import AwsRequest

# IAM's prefix of a service, if it differs from botocore's name.
_PREFIXES = {
    "apigatewayv2": "apigateway",
    "dynamodbstreams": "dynamodb",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "resourcegroupstaggingapi": "tag",
    "s3control": "s3",
    "sesv2": "ses",
    "stepfunctions": "states",
}

# S3: operation -> action (Service Authorization Reference).
_S3 = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
# With a version ID the action is another.
_S3_VERSIONED = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
}
_S3CONTROL = {
    "DeletePublicAccessBlock": "PutAccountPublicAccessBlock",
    "GetPublicAccessBlock": "GetAccountPublicAccessBlock",
    "PutPublicAccessBlock": "PutAccountPublicAccessBlock",
}
_LAMBDA = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction"}

# Operations that create something with tags also require the permission to tag it. This includes sessions.
_TAGGING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "dynamodb": ("TagResource", ("CreateTable",)),
    "events": ("TagResource", ("PutRule", "CreateEventBus")),
    "kms": ("TagResource", ("CreateKey",)),
    "lambda": ("TagResource", ("CreateFunction", "CreateEventSourceMapping")),
    "logs": ("TagResource", ("CreateLogGroup",)),
    "secretsmanager": ("TagResource", ("CreateSecret",)),
    "sns": ("TagResource", ("CreateTopic",)),
    "sqs": ("TagQueue", ("CreateQueue",)),
    "ssm": ("AddTagsToResource", ("PutParameter",)),
    "sts": ("TagSession", ("AssumeRole",)),
}
_IAM_TAGGING = {
    "CreateInstanceProfile": "TagInstanceProfile",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
    "CreatePolicy": "TagPolicy",
    "CreateRole": "TagRole",
    "CreateUser": "TagUser",
}


def action_of(request: AwsRequest) -> str:
    """Return the IAM action of a request: ``s3:ListBucket`` for ``HeadBucket``.

    Args:
        request: the request.

    Returns:
        prefix and action.
    """
    prefix = _PREFIXES.get(request.service, request.service)
    return f"{prefix}:{_name(request)}"


def tagging_action(request: AwsRequest) -> str | None:
    """Return the tagging action that a request needs in addition, because it creates something with tags; else None."""
    if not (request.params.get("Tags") or request.params.get("tags")):
        return None
    if request.service == "iam":
        name = _IAM_TAGGING.get(request.operation)
        return f"iam:{name}" if name else None
    action, operations = _TAGGING.get(request.service, ("", ()))
    return f"{request.service}:{action}" if request.operation in operations else None


def _name(request: AwsRequest) -> str:
    operation = request.operation
    if request.service in {"apigateway", "apigatewayv2"}:
        return request.method  # API Gateway's actions are the HTTP methods
    if request.service == "s3control":
        return _S3CONTROL.get(operation, operation)
    if request.service == "lambda":
        return _LAMBDA.get(operation, operation)
    if request.service != "s3":
        return operation
    action = _S3.get(operation, operation)
    return _S3_VERSIONED.get(action, action) if request.params.get("VersionId") else action
