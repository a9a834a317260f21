"""What is behind a failure that no configuration causes, and what to do: recognised in Terraform's own words.

Terraform's providers and its S3 backend try again by themselves, with backoff. What is seen here is what was left after
that, so nothing is tried again: the unit fails with its cause, its downstreams are skipped, the rest goes on.
"""

from __future__ import annotations

import re

_DISK = r"no space left on device|disk quota exceeded|file too large"
_EXPIRED = (
    r"\bExpiredToken(?:Exception)?\b|\bRequestExpired\b|TokenRefreshRequired"
    r"|security token included in the request is expired"
)
_NO_REASON = r"S3: HeadObject, [^\n]*StatusCode: 400\b"
"""The answer to a HEAD has no text, so an expired token comes as "Bad Request" (S3 API reference, HeadObject)."""
_THROTTLED = (
    r"\bThrottl(?:ing|ed)(?:Exception)?\b|\bThrottlingError\b|TooManyRequests|RequestLimitExceeded|\bSlowDown\b"
    r"|Rate exceeded|ProvisionedThroughputExceeded|StatusCode: 429"
)
_BUSY = r"StatusCode: 503"
"""Without a code, as in the answer to a HEAD: S3 throttles with it, and is not available with it."""
_OUTAGE = (
    r"StatusCode: 5\d\d|\bInternal(?:Error|Failure|ServerError|ServerException)\b|\bServiceUnavailable(?:Exception)?\b"
)
_PROVIDER = (
    r"plugin did not respond|plugin (?:process )?(?:exited|crashed)|connection is shut down"
    r"|failed to (?:read|dial).*plugin|code = Unavailable"
)
_NETWORK = (
    r"connection refused|connection reset|broken pipe|no such host|i/o timeout|TLS handshake timeout"
    r"|network is unreachable|unexpected EOF|: EOF\b|request send failed|Client\.Timeout exceeded"
)

# The first that fits decides. A throttled call of S3 has the status 503, so it stands before the outages.
_CAUSES: tuple[tuple[str, str], ...] = (
    (_DISK, "a disk of this machine is full: make room, then run it again"),
    (_EXPIRED, "the AWS credentials have expired: log in again, then run it again"),
    (_NO_REASON, "S3 gave no reason, as where credentials have expired: log in again, then run it again"),
    (_THROTTLED, "AWS asked to slow down, also after retries: try again later, or with a smaller -j"),
    (_BUSY, "AWS was too busy or not available, also after retries: try again later, or with a smaller -j"),
    (_OUTAGE, "AWS had a failure of its own, also after retries: try again later; health.aws.amazon.com tells of them"),
    (_PROVIDER, "the provider's process ended in the middle, as it does when memory runs out: run it again"),
    (_NETWORK, "AWS could not be reached: check the network and HTTPS_PROXY, then run it again"),
)
_KILLED = "it was killed, as systems do when memory runs out; its lock may be left: run it again"


def advice(block: str, code: int) -> str:
    """The cause and what to do, one sentence; empty when the words are not of that kind.

    Args:
        block: Terraform's errors.
        code: its exit code; negative: killed by that signal.
    """
    found = next((text for pattern, text in _CAUSES if re.search(pattern, block, re.IGNORECASE)), "")
    return found or (_KILLED if code == -9 else "")
