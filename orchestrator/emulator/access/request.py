"""What a request asks for: service, operation, parameters, and who says that they sent it."""

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

# Where a service signs under another name than botocore's.
_SERVICES = {
    "elasticfilesystem": "efs",
    "elasticmapreduce": "emr",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
# (signing name, start of the path, service): services that sign with another's name.
_BY_PATH = (
    ("s3", "/v20180820/", "s3control"),
    ("apigateway", "/v2/", "apigatewayv2"),
    ("ses", "/v2/", "sesv2"),
)


@dataclass(frozen=True, slots=True)
class Signature:
    """The parts of an ``Authorization`` header (Signature Version 4).

    Attributes:
        access_key: id of the key.
        date: day of the signing key: ``20260131``.
        region: region that the request is for.
        service: the service, under the name that it signs with.
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
    """A request of a client, understood.

    Attributes:
        service: botocore's name of the service; the signing name where botocore knows none; "" if it is not said.
        operation: the API's name of the operation, as ``CreateUserPool``; "" if it is none that the service has.
        protocol: of the service: ``json``, ``rest-json``, ``query``, ``ec2``, ``rest-xml``.
        params: the operation's parameters by their names in the API.
        method: of HTTP.
        path: as it was sent, still encoded.
        query: as it was sent.
        headers: names in lower case.
        body_hash: SHA-256 of the body, hexadecimal.
        signature: None: the request is not signed.
        open: the operation needs no credentials, as ``InitiateAuth``.
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
        """The region that it is for; ``us-east-1`` where nothing says."""
        return self.signature.region if self.signature else "us-east-1"


def read_request(environ: dict[str, Any], body: bytes) -> AwsRequest:
    """Understand a request.

    Args:
        environ: WSGI's; its input is the body again.
        body: the whole body.

    Returns:
        the request; what cannot be understood of it is empty.
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
    """The parts of an ``Authorization`` header; None if it is not of Signature Version 4."""
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
        return _said(headers, body), "json" if "x-amz-target" in headers else "rest-json", {}, False
    try:
        protocol = determine_request_protocol(model, request.content_type)
        operation, uri = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError, BotoCoreError, KeyError, AttributeError):
        # Neither moto's router nor the service's description knows it.
        return _said(headers, body), str(model.protocol), {}, False
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
    except Exception:  # noqa: BLE001  # whatever is wrong with the parameters, moto says it in the service's own way
        params = {}
    return operation.name, protocol, params, operation.auth_type == "none"


def _said(headers: Mapping[str, str], body: bytes) -> str:
    """The operation's name as the client says it, if it does."""
    target = headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return ""


@cache
def _model(service: str) -> Any:
    """Botocore's description of a service; None if it has none."""
    try:
        return get_service_model(service)
    except (BotoCoreError, json.JSONDecodeError, KeyError, OSError):
        return None
