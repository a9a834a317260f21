"""Parse a request: service, operation, parameters and signature."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import BotoCoreError
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

_ALGORITHM = "AWS4-HMAC-SHA256"
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")
_SIGNED = re.compile(r"SignedHeaders=([^,\s]+)")
_SIGNATURE = re.compile(r"Signature=([0-9a-f]{64})")

# Services whose signing name differs from botocore's name.
_SERVICES = {
    "elasticfilesystem": "efs",
    "elasticmapreduce": "emr",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
# (signing name, path prefix, service): services that sign with the name of another service.
_BY_PATH = (
    ("s3", "/v20180820/", "s3control"),
    ("apigateway", "/v2/", "apigatewayv2"),
    ("ses", "/v2/", "sesv2"),
)


@dataclass(frozen=True, slots=True)
class Signature:
    """The parts of an ``Authorization`` header (Signature Version 4).

    Attributes:
        access_key: access key ID.
        date: day of the signing key: ``20260131``.
        region: region that the request is for.
        service: signing name of the service.
        headers: names of the signed headers, lower case.
        value: 64 hexadecimal digits.
    """

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    value: str


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """A parsed request.

    Attributes:
        service: botocore's name of the service; the signing name if botocore does not know it; "" if unknown.
        operation: API operation, such as ``CreateUserPool``; "" if the service does not have it.
        protocol: protocol of the service: ``json``, ``rest-json``, ``query``, ``ec2``, ``rest-xml``.
        params: parameters of the operation by their API names.
        method: HTTP method.
        path: as it was sent, still encoded.
        query: as it was sent.
        headers: names in lower case.
        body_hash: SHA-256 of the body, hexadecimal.
        signature: None: the request is not signed.
        open: the operation needs no credentials, such as ``InitiateAuth``.
    """

    service: str
    operation: str
    protocol: str
    params: Mapping[str, Any]
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body_hash: str
    signature: Signature | None
    open: bool

    @property
    def region(self) -> str:
        """The region of the request; ``us-east-1`` if it is not signed."""
        return self.signature.region if self.signature else "us-east-1"


def read_request(environ: dict[str, Any], body: bytes) -> AwsRequest:
    """Parse a request.

    Args:
        environ: WSGI environment; its input contains the body again.
        body: the whole body.

    Returns:
        the request; parts that cannot be parsed are empty.
    """
    request = Request(environ)
    headers = {name.lower(): value for name, value in request.headers.items()}
    signature = read_signature(headers.get("authorization", ""))
    path, query = request.raw_path, environ.get("QUERY_STRING", "")
    service = _service(signature, path, headers, body)
    operation, protocol, params, is_open = _operation(service, request, headers, body)
    return AwsRequest(
        service=service,
        operation=operation,
        protocol=protocol,
        params=params,
        method=request.method,
        path=path,
        query=query,
        headers=headers,
        body_hash=hashlib.sha256(body).hexdigest(),
        signature=signature,
        open=is_open,
    )


def read_signature(header: str) -> Signature | None:
    """Parse an ``Authorization`` header; None if it is not Signature Version 4."""
    credential, signed, value = _CREDENTIAL.search(header), _SIGNED.search(header), _SIGNATURE.search(header)
    if not header.startswith(_ALGORITHM) or not (credential and signed and value):
        return None
    key, date, region, service = credential.groups()
    return Signature(key, date, region, service.lower(), tuple(signed[1].split(";")), value[1])


def _service(signature: Signature | None, path: str, headers: Mapping[str, str], body: bytes) -> str:
    target = headers.get("x-amz-target", "")
    if signature is None:
        return _unsigned_service(target, body)
    name = signature.service
    for signed, start, other in _BY_PATH:
        if name == signed and path.startswith(start):
            return other
    if name == "dynamodb" and target.startswith("DynamoDBStreams"):
        return "dynamodbstreams"
    if name == "elasticloadbalancing":
        return "elbv2" if b"2015-12-01" in body else "elb"
    return _SERVICES.get(name, name)


def _unsigned_service(target: str, body: bytes) -> str:
    if target.startswith("AWSCognitoIdentityProviderService."):
        return "cognito-idp"
    if target.startswith("AWSCognitoIdentityService."):
        return "cognito-identity"
    return "sts" if b"Action=AssumeRoleWith" in body else ""


def _operation(
    service: str, request: Request, headers: Mapping[str, str], body: bytes
) -> tuple[str, str, Mapping[str, Any], bool]:
    model = _model(service) if service else None
    if model is None:
        return _claimed_operation(headers, body), "json" if "x-amz-target" in headers else "rest-json", {}, False
    try:
        protocol = determine_request_protocol(model, request.content_type)
        operation, uri = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError, BotoCoreError, KeyError, AttributeError):
        # Unknown to moto's router or to the service description.
        return _claimed_operation(headers, body), str(model.protocol), {}, False
    values = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": body,
        "url_path": request.path,
        "url_params": uri,
    }
    try:
        params = PROTOCOL_PARSERS[protocol](operation).parse(values)
    except Exception:  # noqa: BLE001  # moto itself reports invalid parameters in the service's format
        params = {}
    return operation.name, protocol, params, operation.auth_type == "none"


def _claimed_operation(headers: Mapping[str, str], body: bytes) -> str:
    """Return the operation's name that the client sent, if any."""
    target = headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return ""


@cache
def _model(service: str) -> Any:
    """Return botocore's description of a service; None if it has none."""
    try:
        return get_service_model(service)
    except (BotoCoreError, json.JSONDecodeError, KeyError, OSError):
        return None
