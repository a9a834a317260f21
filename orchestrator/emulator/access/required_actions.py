"""The actions that a request must be allowed: its own on each resource, tagging, and passing a role to a service."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.cognitoidp.models import cognitoidp_backends
from moto.iam.models import iam_backends

from orchestrator.emulator.access.action_names import action_of, tagging_action
from orchestrator.emulator.access.callers import PARTITION, Caller
from orchestrator.emulator.access.policy import RequiredAction
from orchestrator.emulator.access.request import AwsRequest
from orchestrator.emulator.access.resource_arns import resource_arns

# (service, operation) -> (parameter with the role's ARN, the service that the role is passed to).
_PASSED: Mapping[tuple[str, str], tuple[str, str]] = {
    ("apigatewayv2", "CreateIntegration"): ("CredentialsArn", "apigateway.amazonaws.com"),
    ("cloudformation", "CreateStack"): ("RoleARN", "cloudformation.amazonaws.com"),
    ("cloudformation", "UpdateStack"): ("RoleARN", "cloudformation.amazonaws.com"),
    ("codebuild", "CreateProject"): ("serviceRole", "codebuild.amazonaws.com"),
    ("codebuild", "UpdateProject"): ("serviceRole", "codebuild.amazonaws.com"),
    ("codepipeline", "CreatePipeline"): ("pipeline.roleArn", "codepipeline.amazonaws.com"),
    ("codepipeline", "UpdatePipeline"): ("pipeline.roleArn", "codepipeline.amazonaws.com"),
    ("cognito-idp", "CreateUserPool"): ("SmsConfiguration.SnsCallerArn", "cognito-idp.amazonaws.com"),
    ("cognito-idp", "UpdateUserPool"): ("SmsConfiguration.SnsCallerArn", "cognito-idp.amazonaws.com"),
    ("events", "PutRule"): ("RoleArn", "events.amazonaws.com"),
    ("lambda", "CreateFunction"): ("Role", "lambda.amazonaws.com"),
    ("lambda", "UpdateFunctionConfiguration"): ("Role", "lambda.amazonaws.com"),
    ("s3", "PutBucketReplication"): ("ReplicationConfiguration.Role", "s3.amazonaws.com"),
    ("scheduler", "CreateSchedule"): ("Target.RoleArn", "scheduler.amazonaws.com"),
    ("scheduler", "UpdateSchedule"): ("Target.RoleArn", "scheduler.amazonaws.com"),
    ("stepfunctions", "CreateStateMachine"): ("roleArn", "states.amazonaws.com"),
    ("stepfunctions", "UpdateStateMachine"): ("roleArn", "states.amazonaws.com"),
}
# Condition keys whose values are parameters of the request.
_PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "iam": {"PolicyArn": "iam:policyarn"},
    "s3": {
        "Prefix": "s3:prefix",
        "Delimiter": "s3:delimiter",
        "MaxKeys": "s3:max-keys",
        "ACL": "s3:x-amz-acl",
        "ServerSideEncryption": "s3:x-amz-server-side-encryption",
        "VersionId": "s3:versionid",
    },
    "sts": {
        "ExternalId": "sts:externalid",
        "RoleSessionName": "sts:rolesessionname",
        "SourceIdentity": "sts:sourceidentity",
    },
}
# For these, IAM uses the boundary of the existing role, unless the request has one.
_BOUNDED = {
    "AttachRolePolicy",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePolicy",
}


def required_actions(request: AwsRequest, caller: Caller) -> tuple[RequiredAction, ...]:
    """Return everything that must be allowed for a request to succeed.

    Args:
        request: the request.
        caller: who sent it.
    """
    context = condition_context(request, caller)
    resources = resource_arns(request, caller.account)
    actions = [action for action in (action_of(request), tagging_action(request)) if action]
    own = [
        RequiredAction(action, resource, context | _tags_of(resource)) for action in actions for resource in resources
    ]
    return (*own, *_passes(request, context))


def condition_context(request: AwsRequest, caller: Caller) -> dict[str, Sequence[str]]:
    """Return the condition keys of a request, lower case, without those of its resources."""
    now = time.time()
    context: dict[str, Sequence[str]] = {
        **caller.context,
        "aws:requestedregion": (request.region,),
        "aws:resourceaccount": (caller.account,),
        # The emulator uses plain HTTP on loopback in place of an endpoint with TLS.
        "aws:securetransport": ("true",),
        "aws:sourceip": ("127.0.0.1",),
        "aws:viaawsservice": ("false",),
        "aws:currenttime": (datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(int(now)),),
    }
    for parameter, key in _PARAMETERS.get(request.service, {}).items():
        value = request.params.get(parameter)
        if value is not None:
            context[key] = (str(value),)
    boundary = _boundary(request, caller)
    if boundary:
        context["iam:permissionsboundary"] = (boundary,)
    tags = dict(_pairs(request.params.get("Tags") or request.params.get("tags") or request.params.get("UserPoolTags")))
    for key, value in tags.items():
        context[f"aws:requesttag/{key}".lower()] = (value,)
    keys = [*tags, *(request.params.get("TagKeys") or request.params.get("tagKeys") or ())]
    if keys:
        context["aws:tagkeys"] = tuple(map(str, keys))
    if request.service == "kms":
        bound = request.params.get("EncryptionContext") or {}
        context |= {f"kms:encryptioncontext:{key}".lower(): (str(value),) for key, value in bound.items()}
    return context


def _boundary(request: AwsRequest, caller: Caller) -> str:
    if request.service != "iam":
        return ""
    given = request.params.get("PermissionsBoundary")
    if given:
        return str(given)
    if request.operation not in _BOUNDED:
        return ""
    roles = iam_backends[caller.account][PARTITION].roles.values()
    name = request.params.get("RoleName")
    return next((str(each.permissions_boundary_arn or "") for each in roles if each.name == name), "")


def _passes(request: AwsRequest, context: Mapping[str, Sequence[str]]) -> Iterable[RequiredAction]:
    parameter, service = _PASSED.get((request.service, request.operation), ("", ""))
    value: Any = request.params
    for part in parameter.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str) and value:
        yield RequiredAction("iam:PassRole", (value,), {**context, "iam:passedtoservice": (service,)})


def _pairs(tags: Any) -> Iterable[tuple[str, str]]:
    """Yield tags from the formats of the different services: a map, or a list of records."""
    if isinstance(tags, Mapping):
        yield from ((str(key), str(value)) for key, value in tags.items())
    elif isinstance(tags, list):
        for each in tags:
            if isinstance(each, Mapping):
                lower = {str(name).lower(): value for name, value in each.items()}
                yield str(lower.get("key", lower.get("tagkey", ""))), str(lower.get("value", lower.get("tagvalue", "")))


def _tags_of(resource: tuple[str, ...]) -> dict[str, Sequence[str]]:
    """Return ``aws:ResourceTag`` of existing user pools and roles, whose tags decide who can delete them."""
    arn = resource[0]
    parts = arn.split(":", 5)
    tags: Any = None
    if len(parts) == 6 and parts[2] == "cognito-idp" and parts[5].startswith("userpool/"):
        pool = cognitoidp_backends[parts[4]][parts[3]].user_pools.get(parts[5].partition("/")[2])
        tags = pool.extended_config.get("UserPoolTags") if pool else None
    elif len(parts) == 6 and parts[2] == "iam" and parts[5].startswith("role/"):
        roles = iam_backends[parts[4]][PARTITION].roles.values() if parts[4] in iam_backends else ()
        tags = next((each.tags for each in roles if each.arn == arn), None)
    return {f"aws:resourcetag/{key}".lower(): (value,) for key, value in _pairs(tags)}
