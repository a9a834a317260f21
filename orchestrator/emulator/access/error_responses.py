"""Error responses in the format that the clients of each service expect."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from xml.sax.saxutils import escape

from orchestrator.emulator.access.request import AwsRequest

_REQUEST_ID = "00000000-0000-4000-8000-000000000000"
# These services used the query protocol before; their clients still expect its codes.
_FORMERLY_QUERY = {"cloudwatch", "sqs"}


class ErrorKind(Enum):
    """Why a request fails."""

    DENIED = "denied"
    UNKNOWN_KEY = "unknown key"
    EXPIRED = "expired"
    BAD_SIGNATURE = "bad signature"
    UNSIGNED = "unsigned"
    NOT_IMPLEMENTED = "not implemented"
    FAULT = "fault"


# kind -> (status, code for S3, for query services, for EC2, for JSON services)
_CODES = {
    ErrorKind.DENIED: (403, "AccessDenied", "AccessDenied", "UnauthorizedOperation", "AccessDeniedException"),
    ErrorKind.UNKNOWN_KEY: (
        403,
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "AuthFailure",
        "UnrecognizedClientException",
    ),
    ErrorKind.EXPIRED: (403, "ExpiredToken", "ExpiredToken", "RequestExpired", "ExpiredTokenException"),
    ErrorKind.BAD_SIGNATURE: (
        403,
        "SignatureDoesNotMatch",
        "SignatureDoesNotMatch",
        "AuthFailure",
        "InvalidSignatureException",
    ),
    ErrorKind.UNSIGNED: (
        403,
        "AccessDenied",
        "MissingAuthenticationToken",
        "AuthFailure",
        "MissingAuthenticationTokenException",
    ),
    ErrorKind.NOT_IMPLEMENTED: (400, "NotImplemented", "NotImplemented", "NotImplemented", "NotImplementedException"),
    # With 500, clients would retry for minutes, although the emulator would fail again.
    ErrorKind.FAULT: (400, "EmulatorFault", "EmulatorFault", "EmulatorFault", "EmulatorFaultException"),
}


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response of the emulator.

    Attributes:
        status: HTTP status.
        headers: names and values.
        body: empty for ``HEAD``.
        why: message of an error; clients of ``HEAD`` do not receive it.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    why: str = ""


def error_response(request: AwsRequest, reason: ErrorKind, message: str) -> HttpResponse:
    """Return an error in the format of the request's service.

    Args:
        request: the failed request.
        reason: kind of error.
        message: text of the error.
    """
    status, *codes = _CODES[reason]
    return _error(request, status, (codes[0], codes[1], codes[2], codes[3]), message)


def service_error(request: AwsRequest, status: int, code: str, message: str) -> HttpResponse:
    """Return any error in the format of the request's service.

    Args:
        request: the failed request.
        status: HTTP status.
        code: AWS error code.
        message: text of the error.
    """
    return _error(request, status, (code,) * 4, message)


def _error(request: AwsRequest, status: int, codes: tuple[str, str, str, str], message: str) -> HttpResponse:
    s3, query, ec2, plain = codes
    if request.protocol in {"json", "rest-json"}:
        return _json(request, status, plain, query, message)
    text = escape(message)
    if request.service in {"s3", ""}:
        body = f"<Error><Code>{s3}</Code><Message>{text}</Message><RequestId>{_REQUEST_ID}</RequestId></Error>"
    elif request.protocol == "ec2":
        error = f"<Error><Code>{ec2}</Code><Message>{text}</Message></Error>"
        body = f"<Response><Errors>{error}</Errors><RequestID>{_REQUEST_ID}</RequestID></Response>"
    else:
        error = f"<Error><Type>Sender</Type><Code>{query}</Code><Message>{text}</Message></Error>"
        body = f"<ErrorResponse>{error}<RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"
    return _answer(request, status, "text/xml", '<?xml version="1.0" encoding="UTF-8"?>\n' + body, why=message)


def _json(request: AwsRequest, status: int, code: str, query_code: str, message: str) -> HttpResponse:
    # Services spell it message or Message; clients look for one of the two.
    body = json.dumps({"__type": code, "message": message, "Message": message})
    kind = "application/json" if request.protocol == "rest-json" else "application/x-amz-json-1.1"
    more = [("x-amzn-ErrorType", code)]
    if request.service in _FORMERLY_QUERY:
        more.append(("x-amzn-query-error", f"{query_code};Sender"))
    return _answer(request, status, kind, body, why=message, more=tuple(more))


def _answer(
    request: AwsRequest, status: int, kind: str, text: str, *, why: str, more: tuple[tuple[str, str], ...] = ()
) -> HttpResponse:
    body = b"" if request.method == "HEAD" else text.encode()
    headers = (("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-RequestId", _REQUEST_ID), *more)
    return HttpResponse(status, headers, body, why)
