"""Faults on demand: the emulator answers slowly, with an error, or not at all, as AWS and networks do now and then.

For tests and for trying out what a run does then. A fault is met by requests whose line fits its pattern; the line is
``SERVICE OPERATION ACCOUNT PATH PARAMETERS``, as in ``s3 PutObject 111111111111 /ams-111111111111-tfstate/prod/…``.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it imports moto, and whoever only sets faults needs none of it
    from orchestrator.emulator.access.request import AwsRequest


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to some requests.

    Attributes:
        pattern: regular expression, searched in the request's line.
        times: how many requests meet it; 0: all that fit.
        after: how many requests that fit pass unharmed before.
        delay: seconds to wait before anything else; the wait ends sooner with the scope of the fault. Of a sender that
            has gone meanwhile nothing is carried out.
        status: of the error that is answered instead; 0: none, the request is answered after the delay.
        code: AWS's code of that error, e.g. ``ThrottlingException``.
        message: its text.
        drop: the connection is closed without an answer, and nothing is done.
        late: with ``drop`` or ``status``: the request is carried out, and then the answer is lost or is the error.
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

    @property
    def told(self) -> str:
        """In a few words, for the log of calls."""
        what = "dropped" if self.drop else self.code or (f"{self.status}" if self.status else "")
        parts = [f"delayed by {self.delay:g} s" if self.delay else "", what]
        return "injected: " + ", ".join(part for part in parts if part)


def faults_of(body: bytes) -> dict[str, list[Fault]]:
    """What was sent to the emulator: scope -> its faults.

    Raises:
        ValueError, TypeError: it is no such thing.
    """
    document = json.loads(body)
    return {str(scope): [Fault(**fault) for fault in faults] for scope, faults in document.items()}


@dataclass(frozen=True, slots=True)
class FaultHit:
    """A fault that a request met. ``over`` is set when the fault's scope ends."""

    fault: Fault
    over: threading.Event


class Faults:
    """The faults that are set, by scope, so that several tests on one emulator do not meet each other's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: dict[str, list[_Counted]] = {}

    def __bool__(self) -> bool:
        """Whether any are set."""
        return bool(self._set)

    def set(self, scope: str, faults: Sequence[Fault]) -> None:
        """Put faults in the place of a scope's former ones; none: the scope ends."""
        with self._lock:
            self._end(scope)
            if faults:
                self._set[scope] = [_Counted(fault) for fault in faults]

    def clear(self) -> None:
        """Forget all of every scope."""
        with self._lock:
            for scope in list(self._set):
                self._end(scope)

    def meet(self, request: AwsRequest, account: str) -> FaultHit | None:
        """The fault that a request meets, counted; None when none fits."""
        line = request_line(request, account)
        with self._lock:
            for counted in (each for faults in self._set.values() for each in faults):
                if counted.meets(line):
                    return FaultHit(counted.fault, counted.over)
        return None

    def _end(self, scope: str) -> None:
        for counted in self._set.pop(scope, ()):
            counted.over.set()


def request_line(request: AwsRequest, account: str) -> str:
    """What patterns are searched in."""
    words = (request.service, request.operation, account or "-", request.path, _params(request.params))
    return " ".join(words)


def _params(params: Mapping[str, Any]) -> str:
    try:
        return json.dumps({name: value for name, value in params.items() if name != "Body"}, default=str)
    except (TypeError, ValueError):
        return ""


class _Counted:
    """A fault and how often it was met. Changes under the lock of its ``Faults``."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.over = threading.Event()
        self._pattern = re.compile(fault.pattern)
        self._fitted = 0

    def meets(self, line: str) -> bool:
        if not self._pattern.search(line):
            return False
        self._fitted += 1
        met = self._fitted - self.fault.after
        return met > 0 and (not self.fault.times or met <= self.fault.times)
