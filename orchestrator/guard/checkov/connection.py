"""One policy as orch sees it: asks its process, and accepts only answers of its own checks to what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from orchestrator.guard.checkov.outcomes import Check
from orchestrator.guard.checkov.process import Channel
from orchestrator.guard.checkov.protocol import (
    INVALID,
    Answer,
    DeclaredChecks,
    ProtocolError,
    Reply,
    load_frame,
    request_frame,
)
from orchestrator.guard.checkov.replies import parse_answers, parse_declared
from orchestrator.guard.policies.load import CHECK_FILE, Policy

SILENT = "it returned no result"
"""Why an answer is missing although the check ran."""

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True)
class Resource:
    """One changed resource: its address, its type, and its entry of ``planned_values`` as JSON."""

    address: str
    type: str
    text: str

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Return the resource of an entry, made by ``annotated_resources``."""
        return cls(entry["address"], entry["type"], json.dumps(entry))


@dataclass(frozen=True, slots=True)
class _Request:
    """What the process was asked last.

    Attributes:
        number: counts the requests.
        positions: of the resources that it was sent, in the list that ``ask`` was given.
        expected: each check, and the index of each position, that it must answer for.
    """

    number: int = 0
    positions: tuple[int, ...] = ()
    expected: frozenset[tuple[str, int]] = field(default_factory=frozenset)


class PolicyConnection:
    """Asks the process of one policy, one request at a time.

    A process that has ended, is too slow or sends anything but an answer is asked nothing more: from then on, all its
    answers are missing.

    Args:
        policy: the policy.
        channel: to its process.

    Attributes:
        checks: the checks of the policy; nobody else's answers are accepted from the process.
    """

    def __init__(self, policy: Policy, channel: Channel) -> None:
        self.policy = policy
        self.checks: tuple[Check, ...] = ()
        self._channel = channel
        self._failure = ""
        self._request = _Request()

    def send_source(self) -> None:
        """Send the source of the check; ``declaration`` receives what it declares."""
        self._send(load_frame(self.policy.name, str(self.policy.folder / CHECK_FILE), self.policy.source))

    def declaration(self) -> DeclaredChecks:
        """Return what the source declares; a process that fails declares its failure."""
        declared = self._receive(parse_declared)
        return DeclaredChecks(problem=self._failure) if declared is None else declared

    def ask(self, resources: Sequence[Resource]) -> None:
        """Send those resources that a check of the policy covers; ``answers`` receives the answers."""
        covering = {type_: self._covering(type_) for type_ in {each.type for each in resources}}
        positions = tuple(position for position, each in enumerate(resources) if covering[each.type])
        expected = frozenset(
            (check, index) for index, position in enumerate(positions) for check in covering[resources[position].type]
        )
        self._request = _Request(self._request.number + 1, positions, expected)
        if positions:
            self._send(request_frame(self._request.number, [resources[position].text for position in positions]))

    def answers(self) -> Mapping[tuple[str, int], Answer | str]:
        """Return, for each check and the position of each resource that it covers, the answer or why there is none."""
        request = self._request
        reply = self._receive(parse_answers) if request.positions else None
        if reply is not None and not _answers(reply, request):
            self._fail(INVALID)
            reply = None
        found: dict[tuple[str, int], Answer | str] = dict.fromkeys(request.expected, self._failure or SILENT)
        if reply is not None:
            found.update({(each.check, each.resource): each for each in reply.given})
            found.update({(each.check, each.resource): f"it raised {each.error}" for each in reply.raised})
        return {(check, request.positions[index]): each for (check, index), each in found.items()}

    def _covering(self, type_: str) -> tuple[str, ...]:
        return tuple(check.id for check in self.checks if check.covers(type_))

    def _send(self, frame: bytes) -> None:
        if not self._failure:
            try:
                self._channel.send(frame)
            except ProtocolError as error:
                self._fail(str(error))

    def _receive(self, parse: Callable[[bytes], _Parsed]) -> _Parsed | None:
        """Return the next reply; None if the process has failed."""
        if not self._failure:
            try:
                return parse(self._channel.receive())
            except ProtocolError as error:
                self._fail(str(error))
        return None

    def _fail(self, why: str) -> None:
        self._failure = why
        self._channel.close()


def _answers(reply: Reply, request: _Request) -> bool:
    """Return whether a reply is to this request, and has each answer once, and none that was not asked for."""
    answered = [(each.check, each.resource) for each in reply.given]
    answered += [(each.check, each.resource) for each in reply.raised]
    unique = frozenset(answered)
    return reply.request == request.number and len(unique) == len(answered) and unique <= request.expected
