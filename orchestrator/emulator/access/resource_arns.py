"""The ARNs of the resources that a request accesses, as IAM names them.

For services that are not listed here, the ARN is a parameter that is an ARN of the service. Otherwise the resource is
``*``, so that a policy on one ARN neither allows nor denies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends

from orchestrator.emulator.access.callers import PARTITION
from orchestrator.emulator.access.request import AwsRequest

ANY = ("*",)

# service -> (parameter, last part of the ARN); the first parameter that is present counts.
_SIMPLE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "budgets": (("BudgetName", "budget/{}"), ("Budget.BudgetName", "budget/{}")),
    "cloudformation": (("StackName", "stack/{}/*"), ("StackSetName", "stackset/{}:*")),
    "cloudwatch": (("AlarmName", "alarm:{}"), ("DashboardName", "dashboard/{}")),
    "codebuild": (("projectName", "project/{}"), ("name", "project/{}")),
    "codepipeline": (("name", "{}"), ("pipelineName", "{}"), ("pipeline.name", "{}")),
    "cognito-idp": (("UserPoolId", "userpool/{}"),),
    "ecr": (("repositoryName", "repository/{}"),),
    "events": (("Rule", "rule/{}"), ("Name", "rule/{}")),
    "kinesis": (("StreamName", "stream/{}"),),
    "kms": (("KeyId", "key/{}"), ("TargetKeyId", "key/{}")),
    "scheduler": (("Name", "schedule/default/{}"),),
    "sns": (("TopicArn", "{}"), ("ResourceArn", "{}"), ("Name", "{}"), ("SubscriptionArn", "{}")),
    "sts": (("RoleArn", "{}"),),
    "stepfunctions": (("name", "stateMachine:{}"),),
}
_GLOBAL = {"budgets", "iam", "organizations"}
_NO_RESOURCE = {("cognito-idp", "CreateUserPool"), ("kms", "CreateKey")}


def resource_arns(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    """Return the resources that a request accesses.

    Args:
        request: the request.
        account: account of the caller.

    Returns:
        at least one entry; each entry has all ARNs of one resource.
    """
    special = _SPECIAL.get(request.service)
    if special is not None:
        return special(request, account)
    if (request.service, request.operation) in _NO_RESOURCE:
        return (ANY,)
    for name, end in _SIMPLE.get(request.service, ()):
        value = _param(request.params, name)
        if value:
            return ((_arn(request, account, end.format(value), value),),)
    return (_own_arn(request),)


def _param(params: Mapping[str, Any], name: str) -> str:
    value: Any = params
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def _arn(request: AwsRequest, account: str, end: str, value: str = "") -> str:
    if value.startswith("arn:"):
        return value
    region = "" if request.service in _GLOBAL else request.region
    return f"arn:{PARTITION}:{request.service}:{region}:{account}:{end}"


def _own_arn(request: AwsRequest) -> tuple[str, ...]:
    """Return a parameter that is an ARN of the service itself."""
    start = f"arn:{PARTITION}:{request.service}:"
    for value in request.params.values():
        if isinstance(value, str) and value.startswith(start):
            return (value,)
    return ANY


def _s3(request: AwsRequest, _account: str) -> tuple[tuple[str, ...], ...]:
    bucket, key = _param(request.params, "Bucket"), _param(request.params, "Key")
    if not bucket:
        return (ANY,)
    base = f"arn:{PARTITION}:s3:::{bucket}"
    if request.operation == "DeleteObjects":
        objects = (request.params.get("Delete") or {}).get("Objects") or ()
        return tuple((f"{base}/{each.get('Key', '')}",) for each in objects) or ((base,),)
    return ((f"{base}/{key}" if key else base,),)


def _s3control(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    arn = unquote(request.path.rpartition("/tags/")[2]) if "/tags/" in request.path else ""
    return ((arn,),) if arn.startswith("arn:") else ((f"arn:{PARTITION}:s3:{request.region}:{account}:account", "*"),)


def _iam(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    params, backend = request.params, iam_backends[account][PARTITION]
    for name, kind, known in (
        ("RoleName", "role", backend.roles.values()),
        ("UserName", "user", backend.users.values()),
        ("GroupName", "group", backend.groups.values()),
        ("InstanceProfileName", "instance-profile", backend.instance_profiles.values()),
    ):
        value = _param(params, name)
        if value:
            there = next((each.arn for each in known if each.name == value), None)
            path = _param(params, "Path") or "/"
            return ((there or f"arn:{PARTITION}:iam::{account}:{kind}{path}{value}",),)
    if request.operation == "CreatePolicy":
        path = _param(params, "Path") or "/"
        return ((f"arn:{PARTITION}:iam::{account}:policy{path}{_param(params, 'PolicyName')}",),)
    return (_own_arn(request),)


def _sqs(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    url, name = _param(request.params, "QueueUrl"), _param(request.params, "QueueName")
    if url:
        *_, owner, queue = url.split("/")
        return ((_arn(request, owner, queue),),)
    return ((_arn(request, account, name),),) if name else (ANY,)


def _dynamodb(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    params = request.params
    batch = params.get("RequestItems")
    if isinstance(batch, Mapping):
        return tuple((_arn(request, account, f"table/{name}", name),) for name in batch)
    if isinstance(params.get("TransactItems"), list):
        tables = [_param(each, "TableName") for item in params["TransactItems"] for each in item.values()]
        return tuple((_arn(request, account, f"table/{name}", name),) for name in dict.fromkeys(tables))
    table = _param(params, "TableName")
    if not table:
        return (_own_arn(request),)
    arn = _arn(request, account, f"table/{table}", table)
    index = _param(params, "IndexName")
    return ((f"{arn}/index/{index}" if index else arn,),)


def _lambda(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    params = request.params
    name = _param(params, "FunctionName")
    if name and request.operation not in {"CreateEventSourceMapping", "ListEventSourceMappings"}:
        if name.startswith("arn:"):
            return ((name,),)
        plain = name.rpartition("function:")[2]
        qualifier = _param(params, "Qualifier")
        return ((_arn(request, account, f"function:{plain}" + (f":{qualifier}" if qualifier else "")),),)
    for key, kind in (("UUID", "event-source-mapping"), ("LayerName", "layer")):
        if _param(params, key):
            return ((_arn(request, account, f"{kind}:{_param(params, key)}", _param(params, key)),),)
    return (_own_arn(request),)


def _logs(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    params = request.params
    group, stream = _param(params, "logGroupName"), _param(params, "logStreamName")
    arn = next((v for k in ("resourceArn", "logGroupIdentifier") if (v := _param(params, k)).startswith("arn:")), "")
    if not group and not arn:
        return (ANY,)
    arn = arn.removesuffix(":*") or _arn(request, account, f"log-group:{group}")
    # Policies name a log group with and without the star of its streams.
    return ((f"{arn}:log-stream:{stream}",),) if stream else ((arn, f"{arn}:*"),)


def _secrets(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    value = _param(request.params, "SecretId") or _param(request.params, "Name")
    if not value or value.startswith("arn:"):
        return ((value or "*",),)
    secret = secretsmanager_backends[account][request.region].secrets.get(value)
    # A secret's ARN ends in six characters that AWS chooses.
    return ((secret.arn if secret else _arn(request, account, f"secret:{value}-000000"),),)


def _ssm(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    params = request.params
    names = params.get("Names") if isinstance(params.get("Names"), list) else []
    one = _param(params, "Name") or _param(params, "Path") or _param(params, "ResourceId")
    found = [*(names or ()), *([one] if one else [])]
    return tuple((_arn(request, account, f"parameter/{name.lstrip('/')}", name),) for name in found) or (ANY,)


def _rds(request: AwsRequest, account: str) -> tuple[tuple[str, ...], ...]:
    """Return the snapshot and its source, both of which are checked; otherwise instances, clusters or groups."""
    kinds = (
        ("DBInstanceIdentifier", "db"),
        ("DBClusterIdentifier", "cluster"),
        ("DBSnapshotIdentifier", "snapshot"),
        ("DBClusterSnapshotIdentifier", "cluster-snapshot"),
    )
    named = [(_param(request.params, name), kind) for name, kind in kinds]
    found = tuple((_arn(request, account, f"{kind}:{value}", value),) for value, kind in named if value)
    return found or (_own_arn(request),)


def _apigateway(request: AwsRequest, _account: str) -> tuple[tuple[str, ...], ...]:
    path = unquote(request.path).removeprefix("/v2")
    return ((f"arn:{PARTITION}:apigateway:{request.region}::{path}",),)


_SPECIAL: Mapping[str, Callable[[AwsRequest, str], tuple[tuple[str, ...], ...]]] = {
    "apigateway": _apigateway,
    "apigatewayv2": _apigateway,
    "dynamodb": _dynamodb,
    "iam": _iam,
    "lambda": _lambda,
    "logs": _logs,
    "rds": _rds,
    "s3": _s3,
    "s3control": _s3control,
    "secretsmanager": _secrets,
    "sqs": _sqs,
    "ssm": _ssm,
}
