"""Why a call of AWS failed, and AWS's words about it made safe to show.

Nothing that could be a secret gets through: AWS repeats the whole signed request (session token included) when a
signature does not match, and a ``credential_process`` may print anything.
"""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import urlsplit

from botocore import exceptions as boto

AwsFailure = (boto.BotoCoreError, boto.ClientError)
"""What to catch around a call of boto3."""


class Cause(StrEnum):
    """Why a call of AWS failed, as far as a person would act differently on it."""

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
# Order matters: the first class that fits decides.
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
    """AWS's error code of a failed call, or an empty string when the call never got an answer."""
    if not isinstance(error, boto.ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))


def cause_of(error: BaseException) -> Cause:
    """The cause of a failed call.

    Args:
        error: what boto3 raised.

    Returns:
        the cause; `Cause.OTHER` for what needs AWS's own words.
    """
    if isinstance(error, boto.ClientError):
        cause = _BY_CODE.get(code_of(error), Cause.OTHER)
        if cause is Cause.DENIED and "MultiFactorAuthentication" in str(error):
            return Cause.MFA
        return cause
    return next((cause for kind, cause in _CLASSES if isinstance(error, kind)), Cause.OTHER)


_KEY_ID = re.compile(r"\b(A[A-Z]{3})[A-Z0-9]{12,}\b")
# Ends at what ARNs and host names have and keys and tokens have not, so that those stay readable.
_LONG = re.compile(r"[A-Za-z0-9+/=%_]{40,}")
_MOST = 400


def clean_message(text: str) -> str:
    """Text of AWS or of a tool, safe and short enough to show.

    Args:
        text: any message.

    Returns:
        its first line without access key ids, tokens and other long opaque words, at most 400 characters.
    """
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    line = _LONG.sub("…", _KEY_ID.sub(r"\1…", line))
    return line if len(line) <= _MOST else line[: _MOST - 1] + "…"


def message_of(error: BaseException) -> str:
    """AWS's own words about a failed call, cleaned and without a full stop."""
    text = str(error)
    if isinstance(error, boto.ParamValidationError):  # its first line says only that something is wrong
        text = " ".join(text.split())
    if isinstance(error, boto.ClientError):
        text = str(error.response.get("Error", {}).get("Message", "")) or code_of(error) or text
    return clean_message(text).rstrip(".")


def endpoint_of(error: BaseException) -> str:
    """Scheme and host that could not be reached, without path and query; empty when it is not known."""
    kwargs = getattr(error, "kwargs", {})
    parts = urlsplit(str(kwargs.get("endpoint_url") or ""))
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}" if parts.hostname else ""
