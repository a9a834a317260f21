"""Known causes of failed Terraform commands, as data: how they read, what to do, and which of them pass on their own.

The patterns are regular expressions, searched for without regard to case in the errors that Terraform prints.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FailureCause:
    """One cause.

    Attributes:
        patterns: one of them is in the error.
        advice: the cause and what to do, in one sentence.
        passes: it passes on its own, so that a command that changes nothing is tried again.
    """

    patterns: tuple[str, ...]
    advice: str
    passes: bool = False


_BUSY = "AWS was throttling or unavailable even after retries: try again later, or with a smaller -j"
_NO_REGISTRY = "a registry or module source could not be reached: check the address, the network and HTTPS_PROXY"
_UNREACHABLE = "AWS could not be reached: check the network and HTTPS_PROXY, then run again"

_REGISTRY = (
    r"(?:Failed to query available provider packages|Failed to install provider|Could not retrieve the list of"
    r"|Error accessing remote module registry|Failed to retrieve available versions for module"
    r"|Failed to download module|Could not download module|Module not installed|registry service)(?s:.)*?"
)
"""What ``terraform init`` says when a registry, a mirror or a git host does not answer: none of them is AWS."""
_NO_ANSWER = (
    r"(?:connection reset|i/o timeout|TLS handshake timeout|EOF|Client\.Timeout exceeded|context deadline exceeded"
    r"|timed out)"
)
_NOBODY = r"(?:connection refused|no such host|could not resolve|network is unreachable|request send failed)"

# The first match counts. A throttled S3 call has status 503, so throttling comes before outages.
CAUSES: tuple[FailureCause, ...] = (
    FailureCause(
        (r"no space left on device", r"disk quota exceeded", r"file too large"),
        "a disk of this machine is full: free some space, then run again",
    ),
    FailureCause(
        (
            r"\bExpiredToken(?:Exception)?\b",
            r"\bRequestExpired\b",
            r"TokenRefreshRequired",
            r"security token included in the request is expired",
        ),
        "the AWS credentials have expired: log in, then run again",
    ),
    # A HEAD response has no body, so an expired token shows as "Bad Request" (S3 API reference, HeadObject).
    FailureCause(
        (r"S3: HeadObject, [^\n]*StatusCode: 400\b",),
        "S3 gave no reason, as when the credentials have expired: log in, then run again",
    ),
    FailureCause(
        (
            r"\bThrottl(?:ing|ed)(?:Exception)?\b",
            r"\bThrottlingError\b",
            r"TooManyRequests",
            r"RequestLimitExceeded",
            r"\bSlowDown\b",
            r"Rate exceeded",
            r"ProvisionedThroughputExceeded",
            r"StatusCode: 429",
        ),
        "AWS throttled requests even after retries: try again later, or with a smaller -j",
        passes=True,
    ),
    # Without an error code, as in a HEAD response: S3 uses it both for throttling and for an outage.
    FailureCause((r"StatusCode: 503",), _BUSY, passes=True),
    FailureCause(
        (
            r"StatusCode: 5\d\d",
            r"\bInternal(?:Error|Failure|ServerError|ServerException)\b",
            r"\bServiceUnavailable(?:Exception)?\b",
        ),
        "AWS returned server errors even after retries: check health.aws.amazon.com and try again later",
    ),
    FailureCause(
        (
            r"plugin did not respond",
            r"plugin (?:process )?(?:exited|crashed)",
            r"connection is shut down",
            r"failed to (?:read|dial).*plugin",
            r"code = Unavailable",
        ),
        "the provider process crashed, possibly out of memory: run again",
    ),
    FailureCause((_REGISTRY + _NO_ANSWER,), _NO_REGISTRY, passes=True),
    FailureCause((_REGISTRY + _NOBODY,), _NO_REGISTRY),
    FailureCause(
        (
            r"connection reset",
            r"broken pipe",
            r"i/o timeout",
            r"TLS handshake timeout",
            r"unexpected EOF",
            r": EOF\b",
            r"Client\.Timeout exceeded",
            r"429 Too Many Requests",
        ),
        _UNREACHABLE,
        passes=True,
    ),
    # Nothing listens there, or there is no way: waiting a few seconds does not help.
    FailureCause(
        (r"connection refused", r"no such host", r"network is unreachable", r"request send failed"), _UNREACHABLE
    ),
)


def failure_cause(block: str) -> FailureCause | None:
    """Return the first known cause of Terraform's errors; None if there is none."""
    return next((cause for cause in CAUSES if _found(cause.patterns, block)), None)


def passing_pattern(block: str, more: Sequence[str] = ()) -> str:
    """Return the pattern by which an error passes on its own; empty if it does not.

    Args:
        block: Terraform's errors.
        more: further patterns (``retry`` of ``live/orch.yaml``).
    """
    cause = failure_cause(block)
    return _found(more, block) or (_found(cause.patterns, block) if cause is not None and cause.passes else "")


def _found(patterns: Sequence[str], block: str) -> str:
    return next((each for each in patterns if re.search(each, block, re.IGNORECASE)), "")
