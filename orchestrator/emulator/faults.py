"""Faults on demand: the emulator answers slowly, with an error, or not at all, as AWS and networks sometimes do.

For tests, and for trying out how a run reacts. A fault applies to requests whose line matches its pattern. The line is
``SERVICE OPERATION ACCOUNT PATH PARAMETERS``, as in ``s3 PutObject 111111111111 /ams-111111111111-tfstate/prod/…``.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it imports moto, which this module does not need
    from orchestrator.emulator.access.request import AwsRequest


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to some requests.

    Attributes:
        pattern: regular expression that is searched in the request's line.
        times: number of requests that are affected; 0: all that match.
        after: number of matching requests that pass first.
        delay: seconds to wait before anything else. The wait ends early when the scope of the fault ends. If the client
            has disconnected meanwhile, the request is not carried out.
        status: HTTP status of the error to answer; 0: the request is answered normally after the delay.
        code: AWS error code, e.g. ``ThrottlingException``.
        message: text of the error.
        drop: the connection is closed without an answer, and the request is not carried out.
        late: with ``drop`` or ``status``: the request is carried out first.
        session_seconds: lifetime of the session that the request starts, shorter than AWS allows (900 s), so that
            credentials expire during a test; 0: as requested.
        answer_delay: seconds between the request, which is carried out at once, and its answer.
    """

    pattern: str
    times: int = 0
    after: int = 0
    delay: float = 0.0
    status: int = 0
    code: str = ""
    message: str = "an injected fault"
    drop: bool = False
    late: bool = False
    session_seconds: int = 0
    answer_delay: float = 0.0

    @property
    def summary(self) -> str:
        """A short description for the log of calls."""
        what = "dropped" if self.drop else self.code or (f"{self.status}" if self.status else "")
        short = f"session of {self.session_seconds} s" if self.session_seconds else ""
        delay = self.delay + self.answer_delay
        parts = [f"delayed by {delay:g} s" if delay else "", short, what]
        return "injected: " + ", ".join(part for part in parts if part)


def faults_of(body: bytes) -> dict[str, list[Fault]]:
    """Parse the body of a request to the emulator: scope -> its faults.

    Raises:
        ValueError, TypeError: the body is invalid.
    """
    document = json.loads(body)
    return {str(scope): [Fault(**fault) for fault in faults] for scope, faults in document.items()}


class Faults:
    """The active faults by scope, so that several tests can share an emulator."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: dict[str, list[_Counted]] = {}

    def __bool__(self) -> bool:
        """Whether any faults are active."""
        return bool(self._set)

    def set(self, scope: str, faults: Sequence[Fault]) -> None:
        """Replace the faults of a scope; none ends the scope."""
        with self._lock:
            self._end(scope)
            if faults:
                self._set[scope] = [_Counted(fault) for fault in faults]

    def clear(self) -> None:
        """End all scopes."""
        with self._lock:
            for scope in list(self._set):
                self._end(scope)

    def meet(self, request: AwsRequest, account: str) -> tuple[Fault, threading.Event] | None:
        """Return the fault that applies to a request, and count it; None if there is none.

        Returns:
            the fault, and an event that is set when the scope of the fault ends.
        """
        line = request_line(request, account)
        with self._lock:
            for counted in (each for faults in self._set.values() for each in faults):
                if counted.meets(line):
                    return counted.fault, counted.over
        return None

    def _end(self, scope: str) -> None:
        for counted in self._set.pop(scope, ()):
            counted.over.set()


def request_line(request: AwsRequest, account: str) -> str:
    """Return the line that patterns are searched in."""
    words = (request.service, request.operation, account or "-", request.path, _params(request.params))
    return " ".join(words)


def _params(params: Mapping[str, Any]) -> str:
    try:
        return json.dumps({name: value for name, value in params.items() if name != "Body"}, default=str)
    except (TypeError, ValueError):
        return ""


class _Counted:
    """A fault and how often it matched. Changed under the lock of its ``Faults``."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.over = threading.Event()
        self._pattern = re.compile(fault.pattern)
        self._matched = 0

    def meets(self, line: str) -> bool:
        if not self._pattern.search(line):
            return False
        self._matched += 1
        met = self._matched - self.fault.after
        return met > 0 and (not self.fault.times or met <= self.fault.times)
