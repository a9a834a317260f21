"""Check a request before moto receives it: authenticate the caller, then authorize the request."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote

from orchestrator.emulator.access.authorization import denial_reason, federation_denial_reason
from orchestrator.emulator.access.callers import Caller, find_caller
from orchestrator.emulator.access.error_responses import ErrorKind, HttpResponse, error_response
from orchestrator.emulator.access.request import AwsRequest
from orchestrator.emulator.access.signature import has_valid_signature


def check_access(request: AwsRequest) -> tuple[Caller | None, HttpResponse | None]:
    """Authenticate and authorize a request.

    Args:
        request: the request.

    Returns:
        the caller (None if unknown or not needed), and the error response if access is denied.
    """
    signature = request.signature
    if signature is None:
        return None, _authorize_unsigned(request)
    caller = find_caller(signature.access_key)
    token = request.headers.get("x-amz-security-token")
    if caller is None or (unquote(token) if token is not None else None) != caller.token:
        return None, error_response(
            request, ErrorKind.UNKNOWN_KEY, "The security token included in the request is invalid."
        )
    if not has_valid_signature(request, signature, caller.secret):
        return None, error_response(
            request, ErrorKind.BAD_SIGNATURE, "The request signature we calculated does not match the one you provided."
        )
    return caller, _authorize(request, caller)


def _authorize(request: AwsRequest, caller: Caller) -> HttpResponse | None:
    if caller.expires is not None and caller.expires <= datetime.now(UTC):
        return error_response(request, ErrorKind.EXPIRED, "The security token included in the request is expired")
    try:
        why = denial_reason(request, caller)
    except ValueError as error:
        why = f"Invalid policy: {error}"
    return None if why is None else error_response(request, ErrorKind.DENIED, why)


def _authorize_unsigned(request: AwsRequest) -> HttpResponse | None:
    if request.service == "sts" and request.operation == "AssumeRoleWithWebIdentity":
        why = federation_denial_reason(request)
        return None if why is None else error_response(request, ErrorKind.DENIED, why)
    if request.open:
        return None
    return error_response(request, ErrorKind.UNSIGNED, "Request is missing Authentication Token")
