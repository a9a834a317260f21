"""Answers of the latest requests, for clients that did not receive theirs and try again.

Under load a client was seen to send a request a second time, 0.13 s after the first one was answered with 200, and to
fail because the resource existed. Why it did not get the answer is not known. No network between two processes of one
machine loses answers, so the second try of an AWS SDK gets the answer of the first one, as from an API with a client
token. An injected fault that loses an answer on purpose forgets it here, and a reset forgets all.
"""

from __future__ import annotations

from collections import OrderedDict
from http import HTTPStatus

from orchestrator.emulator.access.error_responses import HttpResponse
from orchestrator.emulator.access.request import AwsRequest

_KEPT = 256
_FIRST = "attempt=1"

_Key = tuple[str, str, str]


class LatestAnswers:
    """The answers of the latest requests that succeeded. Used under the lock of the emulator."""

    def __init__(self) -> None:
        self._answers: OrderedDict[_Key, HttpResponse] = OrderedDict()

    def repeated(self, request: AwsRequest) -> HttpResponse | None:
        """Return the answer that an earlier try of a request got; None if this is the first or that one failed."""
        key = _key(request)
        if key is None or request.headers.get("amz-sdk-request", _FIRST).startswith(_FIRST):
            return None
        return self._answers.get(key)

    def keep(self, request: AwsRequest, answer: HttpResponse) -> None:
        """Keep an answer, if the request succeeded."""
        key = _key(request)
        if key is None or answer.status >= HTTPStatus.BAD_REQUEST:
            return
        self._answers[key] = answer
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)

    def forget(self, request: AwsRequest) -> None:
        """Forget the answer of a request."""
        key = _key(request)
        if key is not None:
            self._answers.pop(key, None)


def _key(request: AwsRequest) -> _Key | None:
    """Return what all tries of one request have in common; None if the client does not say it."""
    invocation = request.headers.get("amz-sdk-invocation-id")
    if not invocation or request.signature is None:
        return None
    return invocation, request.signature.access_key, request.operation
