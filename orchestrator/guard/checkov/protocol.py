"""What orch and the process of a policy say to each other: frames over a socket, each with one JSON document.

orch sends the source of the check once, then resources. What comes back was written by the code of a policy:
``replies.py`` parses it strictly. This module imports little, because the process of a policy waits for it.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

LARGEST_REPLY = 64 << 20
"""Bytes of the largest reply that orch reads: 500 resources with 30 KB of reasons each take 15 MB."""

ENDED = "its process ended"
INVALID = "its answer is not valid"

_HEADER = struct.Struct("!Q")
"""Before each frame: the number of its bytes."""


class ProtocolError(Exception):
    """The process of a policy gave no answer that can be used. The text says why, to follow the name of the check."""


@dataclass(frozen=True, slots=True)
class DeclaredCheck:
    """One check of the policy, as its code declares it."""

    id: str
    name: str
    guideline: str
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeclaredChecks:
    """The checks of a policy, or why they cannot be loaded: the type and message of an exception."""

    checks: tuple[DeclaredCheck, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one check says about one resource: its position in the request."""

    check: str
    resource: int
    passed: bool
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """One check raised an exception for one resource. Only its type is told, because its message may have a value."""

    check: str
    resource: int
    error: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to one request, which ``request`` numbers."""

    request: int
    given: tuple[Answer, ...] = ()
    raised: tuple[NoAnswer, ...] = ()


def reply_frame(reply: DeclaredChecks | Reply) -> bytes:
    """Return the frame of a reply."""
    return json.dumps(asdict(reply)).encode()


def load_frame(policy: str, file: str, source: bytes) -> bytes:
    """Return the frame that gives a process the source of its check."""
    return json.dumps({"policy": policy, "file": file, "source": source.decode("latin-1")}).encode()


def request_frame(number: int, resources: Sequence[str]) -> bytes:
    """Return the frame that asks about resources.

    Args:
        number: the number of the request, which its reply repeats.
        resources: entries of ``planned_values`` as JSON.
    """
    return f'{{"request":{number},"resources":[{",".join(resources)}]}}'.encode()


def send_frame(sock: socket.socket, frame: bytes, *, seconds: float | None = None) -> None:
    """Send a frame.

    Args:
        sock: to the other side.
        frame: one JSON document.
        seconds: the time limit for the whole of it; None: no limit.

    Raises:
        ProtocolError: the other side has ended or does not read.
    """
    try:
        sock.settimeout(seconds)
        sock.sendall(_HEADER.pack(len(frame)))
        sock.sendall(frame)
    except TimeoutError as error:
        raise ProtocolError(_too_slow(seconds)) from error
    except OSError as error:
        raise ProtocolError(ENDED) from error


def receive_frame(sock: socket.socket, *, seconds: float | None = None, largest: int | None = None) -> bytes:
    """Receive a frame.

    Args:
        sock: from the other side.
        seconds: the time limit for the whole of it; None: no limit.
        largest: bytes of the largest frame to accept; None: no limit.

    Raises:
        ProtocolError: the other side has ended, is too slow, or sends too much.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        (size,) = _HEADER.unpack(_receive(sock, _HEADER.size, deadline))
        if largest is not None and size > largest:
            raise ProtocolError(INVALID)
        return bytes(_receive(sock, size, deadline))
    except TimeoutError as error:
        raise ProtocolError(_too_slow(seconds)) from error
    except OSError as error:
        raise ProtocolError(ENDED) from error


def _receive(sock: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        if deadline is not None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            sock.settimeout(remaining)
        count = sock.recv_into(view[got:])
        if count == 0:
            raise ProtocolError(ENDED)
        got += count
    return data


def _too_slow(seconds: float | None) -> str:
    return f"it gave no answer within {seconds:g} s"
