"""Classify failed AWS calls, and make their messages safe to show.

Messages can contain secrets: when a signature does not match, AWS repeats the whole signed request with its session
token, and a ``credential_process`` can print anything.
"""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import urlsplit

from botocore import exceptions as boto

AwsFailure = (boto.BotoCoreError, boto.ClientError)
"""The exceptions to catch around a botocore call."""


class Cause(StrEnum):
    """Why an AWS call failed. Two causes differ if the user has to act differently."""

    NO_CREDENTIALS = "no credentials"
    NO_PROFILE = "no such profile"
    BAD_CONFIG = "broken AWS configuration"
    SSO = "SSO session expired"
    MFA = "MFA"
    EXPIRED = "credentials expired"
    INVALID = "credentials not accepted"
    CLOCK = "clock"
    DENIED = "denied"
    THROTTLED = "throttled"
    NETWORK = "network"
    NO_BUCKET = "no such bucket"
    NO_OBJECT = "no such object"
    OTHER = "other"


# fmt: off
_CODES: dict[Cause, tuple[str, ...]] = {
    Cause.THROTTLED: (
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
        "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "SlowDown",
        "BandwidthLimitExceeded", "PriorRequestNotComplete", "EC2ThrottledException", "429",
    ),
    Cause.DENIED: (
        "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError",
        "AuthorizationErrorException", "Forbidden", "AllAccessDisabled", "403",
    ),
    Cause.EXPIRED: ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"),
    Cause.INVALID: (
        "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
        "AuthFailure", "InvalidToken", "IncompleteSignature", "InvalidIdentityToken",
    ),
    Cause.CLOCK: ("RequestTimeTooSkewed", "RequestExpired"),
    Cause.NO_BUCKET: ("NoSuchBucket",),
    Cause.NO_OBJECT: ("NoSuchKey",),
}
# fmt: on
_BY_CODE = {code: cause for cause, codes in _CODES.items() for code in codes}
# Order matters: the first class that matches wins.
_CLASSES: tuple[tuple[type[Exception], Cause], ...] = (
    (boto.NoCredentialsError, Cause.NO_CREDENTIALS),
    (boto.NoAuthTokenError, Cause.NO_CREDENTIALS),
    (boto.PartialCredentialsError, Cause.BAD_CONFIG),
    (boto.ProfileNotFound, Cause.NO_PROFILE),
    (boto.SSOError, Cause.SSO),
    (boto.TokenRetrievalError, Cause.SSO),
    (boto.RefreshWithMFAUnsupportedError, Cause.MFA),
    (boto.ConfigParseError, Cause.BAD_CONFIG),
    (boto.ConfigNotFound, Cause.BAD_CONFIG),
    (boto.InvalidConfigError, Cause.BAD_CONFIG),
    (boto.CredentialRetrievalError, Cause.BAD_CONFIG),
    (boto.MetadataRetrievalError, Cause.NO_CREDENTIALS),
    (boto.ConnectionError, Cause.NETWORK),
    (boto.HTTPClientError, Cause.NETWORK),
)


def code_of(error: BaseException) -> str:
    """Return the AWS error code of a failed call; empty if AWS did not answer."""
    if not isinstance(error, boto.ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))


def cause_of(error: BaseException) -> Cause:
    """Return the cause of a failed call.

    Args:
        error: the exception that botocore raised.

    Returns:
        the cause; `Cause.OTHER` if only AWS's own message explains the failure.
    """
    if isinstance(error, boto.ClientError):
        cause = _BY_CODE.get(code_of(error), Cause.OTHER)
        if cause is Cause.DENIED and "MultiFactorAuthentication" in str(error):
            return Cause.MFA
        return cause
    return next((cause for kind, cause in _CLASSES if isinstance(error, kind)), Cause.OTHER)


_KEY_ID = re.compile(r"\b(A[A-Z]{3})[A-Z0-9]{12,}\b")
# Stops at characters that occur in ARNs and host names but not in keys and tokens, so that ARNs stay readable.
_LONG = re.compile(r"[A-Za-z0-9+/=%_]{40,}")
_MOST = 400


def clean_message(text: str) -> str:
    """Make a message of AWS or of a tool safe and short enough to show.

    Args:
        text: any message.

    Returns:
        its first line without access key IDs, tokens and other long opaque words, at most 400 characters.
    """
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    line = _LONG.sub("…", _KEY_ID.sub(r"\1…", line))
    return line if len(line) <= _MOST else line[: _MOST - 1] + "…"


def message_of(error: BaseException) -> str:
    """Return AWS's message about a failed call, cleaned and without a trailing period."""
    text = str(error)
    if isinstance(error, boto.ParamValidationError):  # the first line alone does not say what is wrong
        text = " ".join(text.split())
    if isinstance(error, boto.ClientError):
        text = str(error.response.get("Error", {}).get("Message", "")) or code_of(error) or text
    return clean_message(text).rstrip(".")


def endpoint_of(error: BaseException) -> str:
    """Return scheme and host of the unreachable endpoint, without path and query; empty if unknown."""
    kwargs = getattr(error, "kwargs", {})
    parts = urlsplit(str(kwargs.get("endpoint_url") or ""))
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}" if parts.hostname else ""
