"""Repeats calls to a code host that failed for a while: rate limits, errors of the server, lost connections."""

from __future__ import annotations

import time
from typing import Any, Self

from urllib3.exceptions import MaxRetryError, ResponseError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

_ATTEMPTS = 5
_LONGEST_WAIT = 60.0
"""Seconds of one wait. GitHub asks for a minute after too many writes; more is a job that seems to hang."""
_RESETS = ("X-RateLimit-Reset", "RateLimit-Reset")
_REMAINING = ("X-RateLimit-Remaining", "RateLimit-Remaining")
_RATE_LIMITED = frozenset({403, 429})


class BoundedRetry(Retry):
    """Repeats a call at most four times, and waits as the host asks, but not for more than a minute at a time.

    When a host asks for more, its answer is final: the caller gets it as it is. Writes are repeated too: a comment that
    was written twice, because an answer was lost, is found when comments are read again after a write.
    """

    def __init__(self, **settings: Any) -> None:
        given: dict[str, Any] = {
            "total": _ATTEMPTS - 1,
            "backoff_factor": 0.5,
            "status_forcelist": (403, 429, 500, 502, 503, 504),
            "allowed_methods": None,
            "raise_on_status": False,
        }
        super().__init__(**(given | settings))

    def increment(
        self, method: str | None = None, url: str | None = None, response: Any = None, *rest: Any, **more: Any
    ) -> Self:
        """Return the state after one more failure.

        Raises:
            MaxRetryError: the call is not repeated; urllib3 then returns the response.
        """
        wait = self.get_retry_after(response) if response is not None else None
        refused = response is not None and response.status == 403 and wait is None
        if refused or (wait or 0) > _LONGEST_WAIT:
            pool: Any = more.get("_pool")
            raise MaxRetryError(pool, url or "", ResponseError(f"status {response.status}"))
        return super().increment(method, url, response, *rest, **more)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the seconds that a host asks to wait; None if it does not."""
        headers = response.headers
        if "Retry-After" in headers:
            return super().get_retry_after(response)
        if response.status not in _RATE_LIMITED or not any(headers.get(name) == "0" for name in _REMAINING):
            return None
        reset = next((headers[name] for name in _RESETS if headers.get(name, "").isdigit()), None)
        return max(float(reset) - time.time(), 0) + 1 if reset is not None else None
